"""A bench file made into a bench: instruments opened, roles bound, limits set, a safe way out.

The only place that knows whether a bench is simulated. It builds the simulated instruments, also
for `labctl.twin`, which serves them to other programs.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from instruments.b1500.mainframe import B1500
from instruments.recording import RecordingError, require_new_file
from instruments.testchip.chip import Connections, TestChip
from instruments.testchip.decoder import Decoder, DigitalIODecoder
from instruments.testchip.decoder_board import CONNECTION, DecoderBoard
from instruments.testchip.pads import DRIVEN_PADS, METERS, OUTPUT_PADS, PULSED_PADS, SUPPLY_PADS
from instruments.testchip.waveforms import PulseSchemes
from instruments.wgfmu.driver import Channel, Wgfmu
from instruments.wgfmu.errors import WgfmuError
from instruments.wgfmu.library import WgfmuLibrary, load_vendor_library
from labctl.benchfile import BenchSetup
from labctl.interrupts import interrupts_wait
from labctl.recorded import RecordedInstruments, ReplayedInstruments
from labctl.store.locks import Lock, bench_lock, die_lock

if TYPE_CHECKING:
    from instruments.sim.chip.die import Die
    from instruments.sim.faults.bench import Fault

DIE_SUFFIX = ".npz"
LONGEST_SLEEP_S = 0.1
"""A wait is so long at most before it can be stopped."""


class DieError(ValueError):
    """A die name or die file that cannot be used, with what to do."""


class BenchError(RuntimeError):
    """A bench that cannot be opened, with what to do."""


@dataclass(frozen=True)
class DieChoice:
    """Which die is at the probes.

    ``name``: a die that keeps its state between runs (simulated: a file in ``folder``; real: the
    label it is booked under); None: on the simulated bench a fresh one. ``seed`` makes fresh
    simulated dies; None takes one that nobody has used.
    """

    name: str | None
    seed: int | None
    folder: Path
    snapshot: Path | None = None
    """State of the simulated die to go on with, instead of its file or a fresh one."""


class Instruments(Protocol):
    """The doors to a bench, and its clock: all that differs between real and simulated.

    ``board`` is the adapter of the decoder board; None where digital lines carry the address.
    """

    adapter: Any
    library: WgfmuLibrary
    board: Any

    def now(self) -> float:
        """Bench time, s."""

    def sleep(self, seconds: float) -> None:
        """Let bench time pass, for at most `LONGEST_SLEEP_S` of the user's time."""

    def pause_clock(self) -> Callable[[], None]:
        """Bench time stands still until the returned function is called."""

    def save_die(self, path: Path) -> None:
        """Write the state of the die to a file, if there is one to write."""

    def close(self) -> None:
        """Close the doors; outputs stay as they are."""


class Bench:
    """An open bench with one die. Use as a context manager: leaving it makes the outputs safe.

    From construction on no other program can use the same real bench, or the same simulated die;
    raises `labctl.store.locks.LockedError` if one does. A bench that is not entered is given free
    with `abandon`.

    ``problems`` is filled on leaving with what could not be made safe, ``notes`` holds what a user
    should know of the opening. ``faults`` are hung into a simulated bench
    (`instruments.sim.faults`); a real one has its own. ``record`` is a file to write all that
    passes the doors to, ``replay`` one that stands in for the instruments; where the run then
    differs, `instruments.recording.ReplayDifference` is raised.
    """

    def __init__(
        self,
        setup: BenchSetup,
        die: DieChoice,
        faults: Sequence[Fault] = (),
        record: Path | None = None,
        replay: Path | None = None,
    ) -> None:
        if record is not None and replay is not None:
            raise RecordingError("a replay cannot be recorded: give --record or --replay")
        if record is not None:
            require_new_file(record)
        self.setup = setup
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.die: dict[str, Any]
        self.instruments: Instruments
        self.replayed: ReplayedInstruments | None = None
        self._lock = None if replay is not None else lock_of(setup, die)
        if self._lock is not None and self._lock.cleared:
            self.notes.append(self._lock.cleared)
        try:
            if replay is not None:
                self.instruments = self.replayed = ReplayedInstruments(setup, die, replay)
                self.die = self.replayed.die
            else:
                self.instruments, self.die = open_instruments(setup, die, faults)
            if record is not None:
                self.instruments = RecordedInstruments(self.instruments, setup, self.die, record)
        except BaseException:
            self._release()
            raise
        self._mainframe = B1500(self.instruments.adapter)
        self._wgfmu = Wgfmu(self.instruments.library, setup.content.mainframe.visa)
        self.chip: TestChip
        self.identity: dict[str, Any] = {}
        """Who the mainframe and its modules are, once it is open."""

    def abandon(self) -> None:
        """Give free a bench that was never entered; nothing has been sent to it."""
        try:
            self.instruments.close()
        finally:
            self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    @property
    def may_be_energised(self) -> str:
        """The pads that could not be made safe, after leaving; empty if there is none."""
        if self.problems and not hasattr(self, "chip"):
            return "all pads"
        undone = {word for problem in self.problems for word in problem.split(":")[0].split()}
        return ", ".join(pad for pad in DRIVEN_PADS if pad in undone)

    @property
    def simulated(self) -> bool:
        """Whether the instruments are simulated; in a replay, whether the recorded ones were."""
        return self.setup.simulated

    @property
    def has_simulated_die(self) -> bool:
        """Whether there is a die whose state a run has to keep."""
        return self.setup.simulated and self.replayed is None

    def now(self) -> float:
        """Bench time, s: virtual on the simulated bench, else the clock on the wall."""
        return self.instruments.now()

    def save_die(self, path: Path) -> None:
        """Write the die's state to a file (simulated bench; a real die keeps its own)."""
        self.instruments.save_die(path)

    @property
    def die_file(self) -> Path | None:
        """File of the named simulated die; None for a fresh or a real one."""
        return Path(self.die["file"]) if "file" in self.die else None

    def __enter__(self) -> Self:
        resume_clock = self.instruments.pause_clock()
        try:
            leftover = self.open_outputs_down()
            if leftover:
                self._raise_difference()
                raise BenchError("the bench cannot be made safe: " + "; ".join(leftover))
            self.identity = self._mainframe.identity()
            self.chip.power_up()
        except BaseException:
            self.leave()
            resume_clock()
            raise
        resume_clock()
        return self

    def open_outputs_down(self) -> list[str]:
        """Open the sessions and take all outputs down; returns what could not be done.

        Whatever ran here before may have left outputs on or a loop running.
        """
        # Another program may have left answers unread.
        self._mainframe.synchronise()
        # WGFMU first: it refuses to open while the mainframe has errors queued.
        self._mainframe.drain_errors()
        self._wgfmu.open()
        self._mainframe.open(self.setup.content.mainframe.modules)
        self.chip = self._bind()
        return self.chip.power_down()

    def bind_unseen(self) -> None:
        """Bind the roles of a bench that did not open, so that `leave` takes down what obeys.

        Raises `BenchError` or `OSError` if that cannot be done; nothing is forced.
        """
        if hasattr(self, "chip"):
            return
        with suppress(WgfmuError):
            self._wgfmu.open()
        for pad in _WGFMU_PADS:
            number = self._number(pad)
            self._wgfmu.channels.setdefault(number, Channel(self._wgfmu, number))
        self._mainframe.list_smus(self.setup.content.mainframe.modules)
        self.chip = self._bind()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with interrupts_wait():
            resume_clock = self.instruments.pause_clock()
            self.leave()
            resume_clock()
        if self.replayed is not None and error is None:
            self.replayed.replay.finish()

    def _raise_difference(self) -> None:
        """In a replay, the difference that is behind whatever went wrong."""
        if self.replayed is not None and self.replayed.replay.difference is not None:
            raise self.replayed.replay.difference

    def leave(self) -> None:
        """Outputs to 0 V and open, sessions closed; every part is tried.

        What a signal handler raises meanwhile, such as KeyboardInterrupt, is raised at the end.
        """
        with interrupts_wait():
            self._leave()

    def _leave(self) -> None:
        if hasattr(self, "chip"):
            self.problems += self.chip.power_down()
        else:
            self.problems.append("the bench did not open, so its outputs were left as they are")
        for close in (self._wgfmu.close, self.instruments.close):
            try:
                close()
            except Exception as error:
                self.problems.append(f"close a session: {error}")
        self._release()
        if self.replayed is not None:
            # There are no outputs; what matters is told as a difference.
            self.problems.clear()

    def _bind(self) -> TestChip:
        setup = self.setup
        channels = {pad: self._wgfmu.channels[self._number(pad)] for pad in _WGFMU_PADS}
        meters = {pad: self._mainframe.smus[self._number(role)] for role, pad in METERS.items()}
        supplies = {
            pad: self._mainframe.smus[self._number(pad)]
            for pad in SUPPLY_PADS
            if setup.channel(pad) is not None
        }
        for outputs in (channels, meters, supplies):
            for pad, output in outputs.items():
                output.limit = setup.limit(pad)
        connections = Connections(
            wgfmu=self._wgfmu,
            channels=channels,
            meters=meters,
            supplies=supplies,
            decoder=self._decoder(),
            check_errors=self._mainframe.check_errors,
            open_outputs=self._mainframe.open_outputs,
            now=self.now,
            sleep=self.instruments.sleep,
        )
        return TestChip(
            description=setup.chip,
            connections=connections,
            schemes=PulseSchemes(setup.chip, setup.chip, setup.chip.supplies.vdd),
            vdd=setup.chip.supplies.vdd,
        )

    def _decoder(self) -> Decoder:
        address = self.setup.content.address
        if address is not None:
            return DigitalIODecoder(self._mainframe, address.lines)
        board = DecoderBoard(self.instruments.board)
        board.open()
        return board

    def _number(self, role: str) -> int:
        bound = self.setup.channel(role)
        if bound is None:
            raise BenchError(f"role {role} is not bound to a channel")
        return bound[1]


_WGFMU_PADS = (*PULSED_PADS, *OUTPUT_PADS)


def make_safe(setup: BenchSetup) -> list[str]:
    """Take every output of a bench to 0 V and open it, powering nothing up.

    Also where nobody can see whether it obeys: a mainframe that does not answer is told all the
    same. Returns what could not be done, one sentence each. Raises `BenchError` if the bench cannot
    be reached, `labctl.store.locks.LockedError` if another program uses it.
    """
    bench = Bench(setup, DieChoice(None, None, Path()))
    with interrupts_wait():
        try:
            bench.open_outputs_down()
        except Exception as error:
            bench.problems.append(f"the bench did not open: {error}")
            with suppress(Exception):
                bench.bind_unseen()
        finally:
            bench.leave()
    return bench.problems


def lock_of(setup: BenchSetup, choice: DieChoice) -> Lock | None:
    """What only one program can use: a real bench, a named simulated die; None for a fresh one.

    Raises `DieError`, and `labctl.store.locks.LockedError` if another program uses it.
    """
    if not setup.simulated:
        return bench_lock(setup.content.mainframe.visa)
    return None if choice.name is None else die_lock(die_file(choice.folder, choice.name))


def open_instruments(
    setup: BenchSetup, choice: DieChoice, faults: Sequence[Fault] = ()
) -> tuple[Instruments, dict[str, Any]]:
    """The doors to a bench, and what a run records of its die; nothing is sent.

    Raises `DieError` and `BenchError`.
    """
    if setup.simulated:
        return simulated_instruments(setup, choice, faults)
    if faults:
        raise BenchError("faults can be hung into a simulated bench only")
    return _real(setup), {"name": choice.name}


# --- the real bench ------------------------------------------------------------------------------


class RealInstruments:
    """The doors to instruments that are plugged in.

    Its clock is that on the wall when it is made, and then goes on evenly whatever is done to that
    one: so a run that is resumed after a restart of the computer knows how long ago its steps were.
    """

    def __init__(self, adapter: Any, library: WgfmuLibrary, board: Any) -> None:
        self.adapter = adapter
        self.library = library
        self.board = board
        self._ahead_s = time.time() - time.monotonic()

    def now(self) -> float:
        """Bench time, s since 1970."""
        return self._ahead_s + time.monotonic()

    def sleep(self, seconds: float) -> None:
        """A tenth of a second at most."""
        time.sleep(min(seconds, LONGEST_SLEEP_S))

    def pause_clock(self) -> Callable[[], None]:
        """A real clock does not stand still."""
        return lambda: None

    def save_die(self, path: Path) -> None:
        """A real die keeps its own state."""

    def close(self) -> None:
        """Close the doors; outputs stay as they are."""
        try:
            self.adapter.close()
        finally:
            if self.board is not None:
                self.board.close()


def _real(setup: BenchSetup) -> RealInstruments:
    try:
        library = load_vendor_library(Path(setup.content.mainframe.wgfmu_library))
        adapter = mainframe_adapter(setup)
        board = board_adapter(setup)
    except Exception as error:
        raise BenchError(
            f"bench {setup.content.bench.name!r} cannot be reached: {error}; "
            f"`labctl doctor --bench {setup.file}` tells what is missing"
        ) from error
    return RealInstruments(adapter, library, board)


def mainframe_adapter(setup: BenchSetup) -> Any:
    """PyMeasure's adapter to a real bench's mainframe, opened."""
    from pymeasure.adapters import VISAAdapter

    visa = setup.content.mainframe.visa
    return VISAAdapter(visa, read_termination="\r\n", write_termination="\r\n")


def board_adapter(setup: BenchSetup) -> Any:
    """PyMeasure's adapter to a real bench's decoder board, opened; None without a board."""
    from pymeasure.adapters import VISAAdapter

    board = setup.content.board
    return None if board is None else VISAAdapter(board.visa, **CONNECTION)


# --- the simulated bench -------------------------------------------------------------------------


class SimulatedInstruments:
    """A simulated mainframe with a die at its probes, and the two doors to it.

    ``adapter.mainframe`` takes FLEX text, ``wgfmu`` the C calls; ``station`` is what they share.
    With ``has_board`` a decoder board carries the address.
    """

    def __init__(
        self, die: Die, pace: float, faults: Sequence[Fault] = (), has_board: bool = False
    ) -> None:
        import numpy as np

        from instruments.sim.chip.array import Chip
        from instruments.sim.clock import VirtualClock
        from instruments.sim.decoder_board import BoardAdapter, SimulatedDecoderBoard
        from instruments.sim.faults.bench import FaultyBench
        from instruments.sim.flex.adapter import MainframeAdapter
        from instruments.sim.flex.mainframe import Mainframe
        from instruments.sim.station import DEFAULT_MODULES, Station
        from instruments.sim.wgfmu.library import SimulatedWgfmu

        self.die = die
        self._clock = VirtualClock(pace)
        self._clock.seconds = die.clock_s
        self._chip = Chip(die, self._clock)
        faulty = FaultyBench(faults, self._clock)
        modules = faulty.modules(DEFAULT_MODULES)
        self.station = Station(faulty.pads(self._chip), self._clock, modules)
        # Instrument noise: its own streams, so that it never shifts what the die draws.
        self._noise = [np.random.default_rng(0), np.random.default_rng(0)]
        self._renew_noise()
        self.adapter = MainframeAdapter(faulty.mainframe(Mainframe(self.station, self._noise[0])))
        self.wgfmu = SimulatedWgfmu(self.station, self._noise[1])
        self.library = faulty.library(self.wgfmu.library())
        self.board = BoardAdapter(SimulatedDecoderBoard(self.station)) if has_board else None

    def now(self) -> float:
        """Bench time, s."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Bench time passes at once, or in slices on a bench that is paced."""
        pace = self._clock.pace
        self._clock.advance(min(seconds, LONGEST_SLEEP_S * pace) if pace else seconds)

    def pause_clock(self) -> Callable[[], None]:
        """Power-up and power-down take no bench time, so that a resumed run has the same clock."""
        stopped_at = self._clock.seconds

        def resume() -> None:
            self._clock.seconds = stopped_at

        return resume

    def save_die(self, path: Path) -> None:
        """Write the die's state, up to now, to a file."""
        # Let what the pads hold act up to now, before its result is written down.
        self._chip.rest()
        self.die.clock_s = self._clock.seconds
        self.die.save(path)
        self._renew_noise()

    def _renew_noise(self) -> None:
        """Instrument noise begins anew from what the die's file holds, as after a resume."""
        import numpy as np

        entropy = [self.die.seed, int(self.die.clock_s * 1e6)]
        for generator, seed in zip(
            self._noise, np.random.SeedSequence(entropy).spawn(2), strict=True
        ):
            generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state

    def close(self) -> None:
        """Close the doors; outputs stay as they are."""
        self.adapter.close()


def simulated_instruments(
    setup: BenchSetup, choice: DieChoice, faults: Sequence[Fault] = ()
) -> tuple[SimulatedInstruments, dict[str, Any]]:
    """Simulated instruments with the chosen die, and what a run records of that die.

    Raises `DieError`.
    """
    from instruments.sim.chip.die import Die, DieFileError

    try:
        if choice.name is None:
            seed = _seed(choice.seed)
            die, record = Die.fresh(seed), {"name": None, "seed": seed, "origin": "fresh"}
            if choice.snapshot is not None:
                die = Die.load(choice.snapshot)
        else:
            path = die_file(choice.folder, choice.name)
            if path.exists():
                die, origin = Die.load(path), "file"
                if choice.seed not in (None, die.seed):
                    raise DieError(
                        f"die {choice.name!r} exists and was made with seed {die.seed}; --seed is "
                        "for new dies, so leave it out or choose another name"
                    )
            else:
                die, origin = Die.fresh(_seed(choice.seed)), "new file"
            if choice.snapshot is not None:
                die = _gone_on_with(die, Die.load(choice.snapshot), choice.name)
            record = {"name": choice.name, "seed": die.seed, "origin": origin, "file": str(path)}
    except DieFileError as error:
        raise DieError(str(error)) from None
    content = setup.content
    has_board = content.board is not None
    return SimulatedInstruments(die, content.simulation.pace, faults, has_board), record


def _gone_on_with(now: Die, then: Die, name: str) -> Die:
    """The die as an interrupted run left it, unless it was used since. Raises `DieError`."""
    if now.seed != then.seed or now.clock_s > then.clock_s:
        raise DieError(
            f"die {name!r} was used by another run since: going back would undo that run's pulses"
        )
    return then


def die_file(folder: Path, name: str) -> Path:
    """File of a simulated die; the name must be a plain name, not a path."""
    plain = all(character.isalnum() or character in "-_." for character in name)
    if not name or not plain or name.startswith("."):
        raise DieError(
            f"{name!r} cannot name a die: letters, digits, '-', '_' and '.' only, "
            "for example --die wafer3-die07"
        )
    return folder / f"{name}{DIE_SUFFIX}"


def _seed(seed: int | None) -> int:
    return secrets.randbits(32) if seed is None else seed
