"""The simulated bench as it is wired: one mainframe, its modules, RSUs, the board and the chip.

The FLEX mainframe and the WGFMU library are two doors to this one instrument; here is what they
share: modules, error queue, clock, outputs, and which of them reaches a pad. The wiring is the one
of the bench note whatever a bench file says, so that a wrong bench file meets a chip wired right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Protocol

from instruments.sim.clock import VirtualClock
from instruments.sim.waveform import Floats, PadWaveform

WGFMU_PADS = {
    101: "SL",
    102: "BL",
    201: "BLB",
    202: "WL",
    301: "SEN",
    302: "BYP",
    401: "Q",
    402: "QB",
}
"""Pulse channel to pad."""

SMU_BEHIND_RSU = {5: 101, 6: 102, 7: 201}
"""SMU slot to the pulse channel whose RSU lets it reach the pad."""

SMU_PADS = {8: "VDD", 9: "VDDH"}
"""SMU slot to the pad it is wired to directly."""

DEFAULT_MODULES = dict.fromkeys(range(1, 5), "B1530A") | dict.fromkeys(range(5, 10), "B1517A")

ERROR_QUEUE_DEPTH = 30


class ChipAtItsPads(Protocol):
    """All that the instruments see of the chip. Positive current flows from the bench into it."""

    def select(self, row: int, column: int) -> None:
        """Set the decoder's address levels, 0-31 each."""

    def hold(self, pad: str, volts: float | None) -> None:
        """From now on the pad is at ``volts``, or open (None)."""

    def current(self, pad: str) -> float:
        """One reading of the pad's DC current, A, with the device's own noise."""

    def play(
        self, waveform: PadWaveform, samples: Mapping[str, Floats] | None = None
    ) -> dict[str, Floats]:
        """Put a waveform on the pads; ``samples`` names pads and times (s) whose current is wanted.

        Returns the current (A) of each named pad at those times. Afterwards the pads hold the
        waveform's last values.
        """


def _nothing() -> None:
    """No pulses are running."""


class Path(Enum):
    """Where the switch of an RSU stands."""

    OPEN = "open"
    WGFMU = "wgfmu"
    SMU = "smu"


class Station:
    """One simulated B1500A, what is plugged into it, and the chip at its probes."""

    def __init__(
        self,
        chip: ChipAtItsPads,
        clock: VirtualClock,
        modules: Mapping[int, str] = DEFAULT_MODULES,
    ) -> None:
        self.chip = chip
        self.clock = clock
        self.modules = dict(modules)
        self.errors: deque[tuple[int, str]] = deque(maxlen=ERROR_QUEUE_DEPTH)
        self.catch_up: Callable[[], None] = _nothing
        """Called before anything at the pads changes or is read: whoever lets pulses run over
        bench time plays on the chip what has passed of them."""
        self.channel_volts: dict[int, float] = {}
        self.channel_path: dict[int, Path] = {}
        self.smu_volts: dict[int, float | None] = {}
        for slot, model in self.modules.items():
            if model == "B1530A":
                for channel in (100 * slot + 1, 100 * slot + 2):
                    self.channel_volts[channel] = 0.0
                    self.channel_path[channel] = Path.OPEN
            elif model == "B1517A":
                self.smu_volts[slot] = None
        self._board_wired = False
        self.set_digital_output(0xFFFF)

    def queue_error(self, code: int, text: str) -> None:
        """Queue a mainframe error, as ``ERRX?`` will report it; the queue holds 30."""
        self.errors.append((code, text))

    def set_digital_output(self, levels: int) -> None:
        """Set the 16 digital lines; a bit that is 1 is a high level.

        DIO1-5 are AR0-4, DIO6-10 are AC0-4, unless a decoder board is wired instead.
        """
        self.catch_up()
        self.digital_output = levels
        if not self._board_wired:
            self.chip.select(levels & 31, levels >> 5 & 31)

    def set_board_lines(self, row: int, column: int) -> None:
        """A decoder board's address lines, 0-31 each; from the first call the digital lines reach
        nothing."""
        self.catch_up()
        self._board_wired = True
        self.chip.select(row, column)

    def set_channel(self, channel: int, volts: float) -> None:
        """A pulse channel outputs a constant voltage (DC, or a waveform's first or held value)."""
        self.catch_up()
        self.channel_volts[channel] = volts
        self._drive(channel)

    def set_channel_path(self, channel: int, path: Path) -> None:
        """Throw the RSU's switch. Takes no bench time by itself."""
        self.catch_up()
        self.channel_path[channel] = path
        self._drive(channel)

    def set_smu(self, slot: int, volts: float | None) -> None:
        """An SMU outputs a constant voltage, or its output switch is open (None)."""
        self.catch_up()
        self.smu_volts[slot] = volts
        if slot in SMU_PADS:
            self.chip.hold(SMU_PADS[slot], volts)
        elif slot in SMU_BEHIND_RSU and SMU_BEHIND_RSU[slot] in self.channel_path:
            self._drive(SMU_BEHIND_RSU[slot])

    def channel_current(self, channel: int) -> float:
        """Current out of a pulse channel into its pad, A; 0 when the RSU leaves it open."""
        self.catch_up()
        pad = WGFMU_PADS.get(channel)
        if pad is None or self.channel_path[channel] is not Path.WGFMU:
            return 0.0
        return self.chip.current(pad)

    def smu_current(self, slot: int) -> float:
        """Current out of an SMU into the pad it reaches, A; 0 when it reaches none."""
        self.catch_up()
        pad = SMU_PADS.get(slot)
        channel = SMU_BEHIND_RSU.get(slot)
        if channel is not None and self.channel_path.get(channel) is Path.SMU:
            pad = WGFMU_PADS[channel]
        if pad is None or self.smu_volts[slot] is None:
            return 0.0
        return self.chip.current(pad)

    def _drive(self, channel: int) -> None:
        """Tell the chip what its pad now sees of this channel's RSU."""
        pad = WGFMU_PADS.get(channel)
        if pad is None:
            return
        path = self.channel_path[channel]
        if path is Path.WGFMU:
            self.chip.hold(pad, self.channel_volts[channel])
        elif path is Path.SMU:
            slot = next((s for s, c in SMU_BEHIND_RSU.items() if c == channel), None)
            self.chip.hold(pad, None if slot is None else self.smu_volts.get(slot))
        else:
            self.chip.hold(pad, None)
