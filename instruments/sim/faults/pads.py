"""Faults of the chip and its probes: pads, address lines, devices, contacts.

`FaultyPads` stands between the station and the chip. A pad fault is there from the first call that
its `When` strikes; give it ``count=None`` unless it is to go away again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from instruments.sim.chip.array import Chip
from instruments.sim.chip.device import Kind
from instruments.sim.chip.die import Die
from instruments.sim.clock import VirtualClock
from instruments.sim.faults.when import When
from instruments.sim.waveform import Floats, PadWaveform

Amperes = TypeVar("Amperes", float, Floats)

SHORT_OHM = 1.0
"""What a probe needle that touches ground looks like to the instrument, ohm."""

_OPPOSITE = {"SL": "BL", "BL": "SL", "BLB": "SL"}


@dataclass
class PadFault:
    """A fault of one pad, or of what lies behind all of them."""

    when: When

    def address(self, row: int, column: int) -> tuple[int, int]:
        """What the decoder sees of an address."""
        return row, column

    def volts(self, pad: str, volts: float | None) -> float | None:
        """What the chip's pad is at when the bench holds it at ``volts`` (None: open)."""
        return volts

    def current(
        self, pad: str, amperes: Amperes, volts: Mapping[str, float | None], now_s: float
    ) -> Amperes:
        """What the bench measures when the chip draws ``amperes``; ``volts`` is the bench's."""
        return amperes

    def spoil(self, die: Die) -> None:
        """What it does to the die, again and again."""


@dataclass
class OpenPad(PadFault):
    """The needle does not touch the pad."""

    pad: str = ""

    def volts(self, pad: str, volts: float | None) -> float | None:
        """Open, whatever the bench does."""
        return None if pad == self.pad else volts

    def current(
        self, pad: str, amperes: Amperes, volts: Mapping[str, float | None], now_s: float
    ) -> Amperes:
        """None flows."""
        return 0.0 * amperes if pad == self.pad else amperes


@dataclass
class ShortedPad(PadFault):
    """The pad is shorted to ground."""

    pad: str = ""

    def volts(self, pad: str, volts: float | None) -> float | None:
        """0 V on the chip's side."""
        return 0.0 if pad == self.pad and volts is not None else volts

    def current(
        self, pad: str, amperes: Amperes, volts: Mapping[str, float | None], now_s: float
    ) -> Amperes:
        """Through the short."""
        if pad != self.pad:
            return amperes
        return 0.0 * amperes + (volts.get(pad) or 0.0) / SHORT_OHM


@dataclass
class Leak(PadFault):
    """A constant current (A) besides the chip's: enough of it saturates a range."""

    pad: str = ""
    amperes: float = 0.0

    def current(
        self, pad: str, amperes: Amperes, volts: Mapping[str, float | None], now_s: float
    ) -> Amperes:
        """The sum."""
        return amperes + self.amperes if pad == self.pad else amperes


@dataclass
class DriftingContact(PadFault):
    """A contact resistance (ohm) that grows with bench time, in series with SL, BL or BLB.

    Assumed: it adds to what a reading sees. Pulses, whose current the gate limits, are unchanged.
    """

    pad: str = ""
    ohm: float = 0.0
    ohm_per_s: float = 0.0

    def current(
        self, pad: str, amperes: Amperes, volts: Mapping[str, float | None], now_s: float
    ) -> Amperes:
        """What is left of it."""
        drop = abs((volts.get(pad) or 0.0) - (volts.get(_OPPOSITE.get(pad, "")) or 0.0))
        if pad != self.pad or drop == 0:
            return amperes
        series = self.ohm + self.ohm_per_s * now_s
        return amperes / (1 + abs(amperes) * series / drop)


@dataclass
class StuckAddressLine(PadFault):
    """A decoder line that does not move: ``line`` 0-4 are AR0-4, 5-9 are AC0-4."""

    line: int = 0
    high: bool = False

    def address(self, row: int, column: int) -> tuple[int, int]:
        """With that line as it is stuck."""
        bit = 1 << self.line
        levels = row | column << 5
        levels = levels | bit if self.high else levels & ~bit
        return levels & 31, levels >> 5


@dataclass
class StuckDevice(PadFault):
    """A device that no pulse moves: its resistance is always ``ohm``; ``side`` 0 BL, 1 BLB."""

    row: int = 0
    column: int = 0
    side: int = 0
    ohm: float = 8e3

    def spoil(self, die: Die) -> None:
        """Put it back to where it is stuck."""
        device = self.row, self.column, self.side
        die.kind[device] = Kind.LRS if self.ohm < 3e4 else Kind.HRS
        die.x[device] = die.x_set[device] = np.log10(self.ohm)
        die.rtn_amplitude[device] = 0.0


class FaultyPads:
    """The chip as the station sees it through bad probes.

    Satisfies `instruments.sim.station.ChipAtItsPads`.
    """

    def __init__(self, chip: Chip, faults: Sequence[PadFault], clock: VirtualClock) -> None:
        self._chip = chip
        self._faults = faults
        self._clock = clock
        self._bench: dict[str, float | None] = {}
        """What the bench holds each pad at."""

    def select(self, row: int, column: int) -> None:
        """As `Chip.select`."""
        for fault in self._present():
            row, column = fault.address(row, column)
        self._chip.select(row, column)

    def hold(self, pad: str, volts: float | None) -> None:
        """As `Chip.hold`."""
        self._bench[pad] = volts
        self._present()

    def current(self, pad: str) -> float:
        """As `Chip.current`."""
        present = self._present()
        amperes = self._chip.current(pad)
        for fault in present:
            amperes = fault.current(pad, amperes, self._bench, self._clock.now())
        return amperes

    def play(
        self, waveform: PadWaveform, samples: Mapping[str, Floats] | None = None
    ) -> dict[str, Floats]:
        """As `Chip.play`."""
        present = self._present()
        reaching = {
            pad: seen
            for pad, volts in waveform.volts.items()
            if (seen := self._seen(pad, volts, present)) is not None
        }
        currents = self._chip.play(PadWaveform(waveform.times, reaching), samples)
        for pad, times in (samples or {}).items():
            # A reading is short against the waveform, so what the pads hold is looked at once.
            middle = float(np.mean(times)) if len(times) else 0.0
            volts = {
                p: float(np.interp(middle, waveform.times, v)) for p, v in waveform.volts.items()
            }
            for fault in present:
                currents[pad] = fault.current(
                    pad, currents[pad], {**self._bench, **volts}, self._clock.now()
                )
        self._bench.update({pad: float(volts[-1]) for pad, volts in waveform.volts.items()})
        self._present()
        return currents

    def _present(self) -> list[PadFault]:
        """The faults that are there now, after what they do to pads and die has been done."""
        present = [fault for fault in self._faults if fault.when.strikes(self._clock.now())]
        for pad, volts in self._bench.items():
            for fault in present:
                volts = fault.volts(pad, volts)
            self._chip.hold(pad, volts)
        for fault in present:
            fault.spoil(self._chip.die)
        return present

    def _seen(self, pad: str, volts: Floats, present: Sequence[PadFault]) -> Floats | None:
        """A waveform as it reaches the chip's pad; None where it does not."""
        seen = volts
        for fault in present:
            level = fault.volts(pad, 1.0)
            if level is None:
                return None
            seen = seen * level
        return seen
