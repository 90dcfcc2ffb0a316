"""The state of the WGFMU library: session, software setup and the run on the instrument."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping

import numpy as np

from instruments.sim.station import Path, Station
from instruments.sim.waveform import Floats
from instruments.sim.wgfmu import arguments, checks, patterns
from instruments.sim.wgfmu.arguments import Pointer
from instruments.sim.wgfmu.checks import ChannelSetup, Refusal
from instruments.sim.wgfmu.messages import Messages
from instruments.sim.wgfmu.patterns import Pattern
from instruments.sim.wgfmu.program import Program
from instruments.sim.wgfmu.run import Run
from instruments.sim.wgfmu.timeline import Timeline
from instruments.wgfmu.library import ReturnCode, WarningLevel

Calls = Mapping[str, Callable[..., None]]
"""Functions that carry out C calls, by C name: each takes the session and the C arguments."""

DEFAULT_TIMEOUT_S = 100.0


class Session:
    """The library's one session and one setup on a station, and what all calls have in common.

    ``rng`` gives the instrument's own noise. ``address`` is None without a session; ``revision``
    changes with the setup. The run is the last one executed; its revision and signatures tell
    whether what it measured still belongs to the setup.
    """

    def __init__(self, station: Station, rng: np.random.Generator) -> None:
        self.station = station
        self.rng = rng
        self.clock = station.clock
        self.times = station.clock.times
        self.address: str | None = None
        self.timeout = DEFAULT_TIMEOUT_S
        self.messages = Messages()
        self.patterns: dict[str, Pattern] = {}
        self.channels: dict[int, ChannelSetup] = {}
        self.revision = patterns.next_revision()
        self.program: Program | None = None
        self.prepared: tuple[int, dict[int, Path]] | None = None
        """Setup and switches that ``program`` was made for."""
        self.run: Run | None = None
        self.run_revision = 0
        self.run_signatures: dict[int, object] = {}

    def forget_client(self) -> None:
        """As a library that has just been loaded; what runs on the instrument goes on."""
        self.address = None
        self.messages = Messages()
        self.channels = {}
        self.patterns = {}
        self.timeout = DEFAULT_TIMEOUT_S
        self.changed()

    def changed(self) -> None:
        """Note that the setup is no longer what it was."""
        self.revision = patterns.next_revision()

    def spend_call(self) -> None:
        """A call that reaches hardware: needs a session, takes bench time, lets a run go on."""
        self.require_session()
        self.clock.advance(self.times.wgfmu_call)
        self.catch_up()

    def require_session(self) -> None:
        """Refuse a call that makes no sense without a session."""
        if self.address is None:
            raise Refusal(ReturnCode.CONTEXT_ERROR, "No session has been opened.")

    def channel(self, number: int) -> ChannelSetup:
        """Setup of a channel. Without a session any number a mainframe could have is taken."""
        known = number in self.station.channel_path
        if self.address is None:
            slot, sub = divmod(number, 100)
            known = 1 <= slot <= 10 and sub in (1, 2)
        if not known:
            raise checks.no_channel(number)
        setup = self.channels.get(number)
        if setup is None:
            setup = self.channels[number] = ChannelSetup(number)
        return setup

    def pattern(self, name: bytes | None) -> Pattern:
        """The pattern of a name. Refused if there is none."""
        text = arguments.text_of(name)
        pattern = self.patterns.get(text)
        if pattern is None:
            raise Refusal(ReturnCode.PATTERN_NOT_FOUND_ERROR, f'Pattern "{text}" does not exist.')
        return pattern

    def ticks(self, seconds: float, what: str, low: float, high: float) -> int:
        """A time on the 10 ns grid; refused outside ``low`` to ``high`` seconds."""
        if not low * (1 - 1e-9) <= seconds <= high * (1 + 1e-9):
            raise checks.out_of_range(what, seconds, low, high)
        if patterns.off_grid(seconds):
            self.rounded(what, seconds)
        return patterns.to_ticks(seconds)

    def rounded(self, what: str, seconds: float) -> None:
        """Warn that a time was not on the grid."""
        self.warn(
            WarningLevel.INFORMATION,
            f"{what} = {seconds:g} s was rounded to the nearest 10 ns.",
        )

    def warn(
        self,
        level: WarningLevel,
        text: str,
        code: ReturnCode = ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR,
    ) -> None:
        """Note a warning, or refuse if such warnings count as errors: call before changing."""
        if level <= self.messages.as_errors:
            raise Refusal(code, text)
        self.messages.pending.append((level, text))

    def timeline(self, channel: int) -> Timeline:
        """A channel's sequences one after the other."""
        return Timeline(self.channel(channel).sequences, self.patterns)

    def span(self, size: Pointer, offset: int, total: int) -> int:
        """How many of ``total`` items from ``offset`` on a client gets of those it wants."""
        arguments.require(size)
        wanted = int(size[0])
        if wanted < 1:
            raise checks.out_of_range("size", wanted, 1, total)
        if not 0 <= offset < max(total, 1):
            raise checks.out_of_range("offset", offset, 0, max(total - 1, 0))
        if wanted > total - offset:
            self.warn(
                WarningLevel.NORMAL,
                f"{wanted} items were asked for, {total - offset} are available.",
            )
        return min(wanted, total - offset)

    def throw_switch(self, channel: int, path: Path) -> None:
        """Set a channel's RSU; only a switch that moves takes time."""
        if self.station.channel_path[channel] is not path:
            self.station.set_channel_path(channel, path)
            self.clock.advance(self.times.rsu_switch)

    def catch_up(self) -> None:
        """Play what a run has done on the chip since it was last looked at."""
        run = self.run
        if run is not None and not run.done:
            run.play_to(self.clock.now() - run.start_s)
            self.station.channel_volts.update(run.volts)

    def default_setups(self) -> None:
        """Channel settings as after initialize; patterns and sequences stay."""
        for number, setup in self.channels.items():
            self.channels[number] = ChannelSetup(number, sequences=setup.sequences)
        self.forget_missing_channels()
        self.changed()

    def forget_missing_channels(self) -> None:
        """Drop what was set up offline for channels that the instrument turned out not to have."""
        if self.address is None:
            return
        for number in [n for n in self.channels if n not in self.station.channel_path]:
            if not self.channels[number].sequences:
                del self.channels[number]

    def put_text(self, text: str, buffer: Pointer, size: Pointer) -> None:
        """Fill a client's buffer of ``size`` bytes, ended by a zero byte, and say how many."""
        data = text.encode("utf-8") + b"\0"
        room = arguments.capacity(buffer, size)
        if room < len(data):
            self.warn(WarningLevel.NORMAL, f"The array of {room} characters is too small.")
            data = data[: room - 1] + b"\0"
        ctypes.memmove(buffer, data, len(data))
        size[0] = len(data) if text else 0

    def put_doubles(self, size: Pointer, *columns: tuple[Pointer, Floats]) -> None:
        """Fill arrays of doubles with columns of one length, and say how many."""
        for pointer, values in columns:
            arguments.require(pointer)
            data = np.ascontiguousarray(values, dtype=np.float64)
            ctypes.memmove(pointer, data.ctypes.data, data.nbytes)
        size[0] = len(columns[0][1])

    def up_to_date(self, channel: int) -> bool:
        """Whether a channel's setup is still that of its last run."""
        if self.run_revision == self.revision:
            return True
        setup = self.channels.get(channel)
        if setup is None:
            return False
        return self.run_signatures.get(channel) == setup.signature(self.patterns)
