"""The test chip as a procedure talks to it: form, set, reset, program, sense, measure.

Operations take masks over the array and visit cells row by row: the row changes only with the word
line down, the waveform is downloaded once, and each cell costs one address, one execute, one wait.
Every operation begins by putting the instruments into the state it needs and ends with the pads
idle (WL, SL, BL, BLB, SEN = 0, BYP = VDD).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from instruments.b1500.mainframe import OUTPUT_IS_OFF, Spot, SpotSMU
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.decoder import Decoder
from instruments.testchip.description import ChipDescription
from instruments.testchip.pads import METERS, OUTPUT_PADS, PULSED_PADS, SUPPLY_PADS
from instruments.testchip.waveforms import PulseSchemes, Scheme
from instruments.testchip.wear import NoWearBook, Pulses, WearBook
from instruments.wgfmu.driver import Channel, Pattern, Repeat, Wgfmu
from instruments.wgfmu.library import MeasureCurrentRange, MeasureMode, OperationMode

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

UNDECIDED = 2
"""Sense result when Q and QB are equal; the same number as in `labctl.analysis.maps`."""
NOT_READ = 255
"""Sense result of a bit outside the mask; the same number as in `labctl.analysis.maps`."""

_METER_COMPLIANCE_A = 1e-3
_SUPPLY_COMPLIANCE_A = 10e-3
LEVEL_TOLERANCE = 0.35
"""How far an output's current may be from a level, in parts of that of a high output."""
_Q_SAMPLES = 40
"""200 ns of 5 ns samples."""
_EXACT_SAMPLES = 10_000
"""What the 1 mA range needs for its stated accuracy (instruments.md 1.9)."""
_LEAKAGE_A = 10e-12
"""Below this a reading is noise. A pristine device draws 100 pA or more; an open contact leaks up
to as much (instruments.md 1.9) and may look like one, which `labctl run contact` tells apart."""
_NEVER_FORMED = float("nan")


@dataclass(frozen=True)
class Connections:
    """The instruments behind the pads, as the bench file binds them."""

    wgfmu: Wgfmu
    channels: Mapping[str, Channel]
    """Pad to pulse channel: the pulsed pads and the outputs."""
    meters: Mapping[str, SpotSMU]
    """Pad (SL, BL, BLB) to the SMU that reaches it through that channel's RSU."""
    supplies: Mapping[str, SpotSMU]
    """Supply pad to SMU; a supply that the board fixes is missing."""
    decoder: Decoder
    check_errors: Callable[..., None]
    """Raises if the mainframe has queued an error; but for those with one of the codes given."""
    open_outputs: Callable[[], None]
    """Opens every output of the mainframe at once: for when one by one has failed."""
    now: Callable[[], float]
    """Bench time, s."""
    sleep: Callable[[float], None]
    """Lets bench time (s) pass, for at most a tenth of a second of the user's time."""


@dataclass
class PassTimes:
    """Bench time spent so far in each kind of operation, s."""

    form: float = 0.0
    program: float = 0.0
    measure: float = 0.0
    sense: float = 0.0
    cycle: float = 0.0


@dataclass
class TestChip:
    """One die at the probes.

    ``schemes`` builds the waveforms, ``vdd`` is the logic supply in use, V. ``book`` is where
    pulses are booked; ``on_row`` is called after each row of an operation, ``on_pulse`` after each
    pulse and reading and while a run goes on: both may raise to stop.
    """

    __test__ = False  # its name is the field's; it is not a test for pytest to collect

    description: ChipDescription
    connections: Connections
    schemes: PulseSchemes
    vdd: float
    book: WearBook = field(default_factory=NoWearBook)
    on_row: Callable[[], None] = lambda: None
    on_pulse: Callable[[], None] = lambda: None
    times: PassTimes = field(default_factory=PassTimes)
    _is_idle: bool = False
    _passes: list[tuple[Scheme, Mask]] = field(default_factory=list)
    """Schemes of the present operation, and the cells that each has been sent to."""
    _is_under_way: bool = False
    """A scheme was started and has not been seen to end."""

    # --- shape ---------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of bits."""
        geometry = self.description.geometry
        return geometry.rows, geometry.columns

    def all_bits(self) -> Mask:
        """Mask of every bit, (rows, columns)."""
        return np.ones(self.shape, dtype=bool)

    def all_devices(self) -> Mask:
        """Mask of every device, (rows, columns, 2)."""
        return np.ones((*self.shape, 2), dtype=bool)

    def one_device(self, row: int, column: int, device: int) -> Mask:
        """Mask of one device: 0 is BL, 1 is BLB."""
        mask = np.zeros((*self.shape, 2), dtype=bool)
        mask[row, column, device] = True
        return mask

    # --- power ---------------------------------------------------------------------------------

    def power_up(self) -> None:
        """Bring the die up: pads at 0 V, VDDH, VDD, BYP = 1 and SEN = 0, address."""
        at = self.connections
        for pad in (*PULSED_PADS, *OUTPUT_PADS):
            channel = at.channels[pad]
            channel.configure(OperationMode.DC)
            channel.force(0.0)
            channel.connect()
        levels = {"VDDH": self.description.supplies.vddh, "VDD": self.vdd}
        for pad in SUPPLY_PADS:
            if pad in at.supplies:
                at.supplies[pad].enable()
                at.supplies[pad].force_voltage(levels[pad], _SUPPLY_COMPLIANCE_A)
        at.channels["BYP"].force(self.vdd)
        at.channels["SEN"].force(0.0)
        for meter in at.meters.values():
            meter.enable()
            meter.force_voltage(0.0, _METER_COMPLIANCE_A)
        at.decoder.select(0, 0)
        at.check_errors()

    def power_down(self) -> list[str]:
        """Take every output to 0 V and open it, in the order of the bench note.

        Every step is tried whatever happens to the others. What waits for an answer of the
        mainframe comes after all that needs none. Returns what could not be done, one sentence
        each; empty means that all outputs are at 0 V and open.
        """
        at = self.connections
        problems: list[str] = []

        def attempt(what: str, action: Callable[..., object], *arguments: object) -> object:
            try:
                return action(*arguments)
            except Exception as error:
                problems.append(f"{what}: {error}")
                return None

        attempt("stop the pulse generators", at.wgfmu.stop)
        # This also takes SL, BL and BLB from their meters to the pulse channels.
        for pad in ("WL", "SL", "BL", "BLB", "SEN", "BYP", *OUTPUT_PADS):
            attempt(f"{pad} to 0 V", self.zero, pad)
        for pad in (*PULSED_PADS, *OUTPUT_PADS):
            attempt(f"open the switch of {pad}", at.channels[pad].disconnect)
        smus = {f"meter of {pad}": meter for pad, meter in at.meters.items()}
        smus |= {pad: at.supplies[pad] for pad in reversed(SUPPLY_PADS) if pad in at.supplies}
        sent = [attempt(f"{name} to 0 V and off", smu.switch_off) for name, smu in smus.items()]
        if problems or not all(sent):
            attempt("open all outputs together", at.open_outputs)
        failed_before = len(problems)
        for name, smu in smus.items():
            attempt(f"{name} to 0 V and off", smu.require_off)
        if len(problems) > failed_before:
            attempt("open all outputs together", at.open_outputs)
        # An output whose state was not known was told to go to 0 V all the same.
        attempt("read the mainframe's errors", at.check_errors, {OUTPUT_IS_OFF})
        return problems

    def zero(self, pad: str) -> None:
        """A pulsed pad or output to 0 V, whatever its channel was doing."""
        channel = self.connections.channels[pad]
        # A channel that cannot be configured may be in DC mode all the same.
        with suppress(Exception):
            channel.configure(OperationMode.DC)
        channel.force(0.0)

    # --- operations ----------------------------------------------------------------------------

    def begin_step(self) -> None:
        """Forget what the bench was left in: the next operation puts the pads at idle itself."""
        self._is_idle = False

    def form(self, devices: Mask) -> Floats:
        """Form devices (once in their life) with the paper's ramp.

        ``devices`` is (rows, columns, 2). Returns forming voltages, V, in the same shape; NaN where
        a device was not asked for or did not form.
        """
        levels = self.description.levels
        schemes = [self.schemes.form_device(device) for device in (0, 1)]
        voltages = np.full((*self.shape, 2), _NEVER_FORMED)
        condition = {
            "top_v": levels.forming_top,
            "ramp_v_per_s": levels.forming_ramp,
            "compliance_a": levels.forming_compliance,
            "gate_v": self.schemes.forming_gate_v,
        }
        with self.operation("form", [Pulses("form", condition, devices.astype(np.uint32))]):
            for device, scheme in enumerate(schemes):
                for row, column in self.fire_each(scheme, devices[..., device]):
                    voltages[row, column, device] = self._forming_voltage(scheme)
        return voltages

    def set(self, devices: Mask, conditions: ProgramConditions) -> None:
        """SET devices, complements protected. ``devices`` is (rows, columns, 2)."""
        gate_v = self.schemes.table.gate_v(conditions.set_compliance_a)
        condition = set_condition(conditions, gate_v)
        with self.operation("program", [Pulses("set", condition, devices.astype(np.uint32))]):
            for device in (0, 1):
                scheme = self.schemes.set_device(
                    device, gate_v, conditions.set_v, conditions.width_s
                )
                for _ in self.fire_each(scheme, devices[..., device]):
                    pass

    def set_current(self, devices: Mask, gate_v: float, set_v: float, width_s: float) -> Floats:
        """SET devices at a gate voltage and measure what current it allows.

        ``devices`` is (rows, columns, 2). Returns the current on the pulse's plateau, A, in the
        same shape; NaN elsewhere and out of range. Pulses of 2 us or more let it settle.
        """
        currents = np.full((*self.shape, 2), np.nan)
        condition = {"set_v": set_v, "gate_v": gate_v, "width_s": width_s}
        with self.operation("program", [Pulses("set", condition, devices.astype(np.uint32))]):
            for device in (0, 1):
                scheme = self.schemes.set_device(device, gate_v, set_v, width_s, measure=True)
                for row, column in self.fire_each(scheme, devices[..., device]):
                    currents[row, column, device] = -self._sampled(scheme)[0]
        return currents

    def reset(self, devices: Mask, conditions: ProgramConditions) -> None:
        """RESET devices with the gate fully on. ``devices`` is (rows, columns, 2)."""
        pulses = Pulses("reset", reset_condition(conditions), devices.astype(np.uint32))
        with self.operation("program", [pulses]):
            for device in (0, 1):
                scheme = self.schemes.reset_device(device, conditions)
                for _ in self.fire_each(scheme, devices[..., device]):
                    pass

    def program(self, bits: NDArray[np.uint8], where: Mask, conditions: ProgramConditions) -> None:
        """Program bits: ``bits`` and ``where`` are (rows, columns).

        All zeros go first, then all ones, so that the waveform is downloaded twice an array.
        """
        gate_v = self.schemes.table.gate_v(conditions.set_compliance_a)
        zeros, ones = where & (bits == 0), where & (bits == 1)
        # Bit 0 SETs BL and RESETs BLB; bit 1 the opposite.
        sets = np.stack([zeros, ones], axis=-1).astype(np.uint32)
        resets = np.stack([ones, zeros], axis=-1).astype(np.uint32)
        pulses = [
            Pulses("set", set_condition(conditions, gate_v), sets),
            Pulses("reset", reset_condition(conditions), resets),
        ]
        with self.operation("program", pulses):
            for bit, mask in ((0, zeros), (1, ones)):
                scheme = self.schemes.program_bit(bit, conditions)
                for _ in self.fire_each(scheme, mask):
                    pass

    def sense(self, where: Mask, complement: bool = False) -> NDArray[np.uint8]:
        """Read bits through the sense amplifiers. ``where`` is (rows, columns).

        Returns 0 or 1 per bit, `NOT_READ` elsewhere and where the current is neither level of an
        output. With ``complement``, and in a row that reads all alike, QB is read too: Q = QB = 1
        gives `UNDECIDED`. Q = QB = 0 raises `OSError`: no latch is like that, an open pad is.
        """
        at = self.connections
        bits = np.full(self.shape, NOT_READ, dtype=np.uint8)
        if not where.any():
            return bits
        with self.operation("sense", []):
            self.load(self.schemes.sense_row())
            self.hold_outputs(0.0)
            for row in np.flatnonzero(where.any(axis=1)).tolist():
                columns = np.flatnonzero(where[row]).tolist()
                at.decoder.select(row, columns[0])
                at.wgfmu.execute()
                at.wgfmu.wait()
                read = [self._latch(row, column, complement) for column in columns]
                if not complement and len(set(read)) == 1:
                    # A dead Q looks like that, and so do latches that have not decided.
                    read = [self._latch(row, column, both=True) for column in columns]
                bits[row, columns] = read
                self.row_done()
        return bits

    def measure(self, where: Mask) -> Floats:
        """Resistance of both devices of each bit at the read voltage, through the SMUs.

        ``where`` is (rows, columns). Returns ohm, (rows, columns, 2), access transistor included;
        NaN elsewhere and where the SMU gave no valid current or one that is mere leakage.
        """
        at = self.connections
        read_v = self.description.levels.read
        resistances = np.full((*self.shape, 2), np.nan)
        if not where.any():
            return resistances
        word_line = at.channels["WL"]
        with self.operation("measure", []):
            self.meters_to_pads()
            at.meters["SL"].force_voltage(read_v, _METER_COMPLIANCE_A)
            for row in np.flatnonzero(where.any(axis=1)):
                columns = np.flatnonzero(where[row]).tolist()
                at.decoder.select(int(row), columns[0])
                word_line.force(self.description.levels.word_line_on)
                for column in columns:
                    at.decoder.select(int(row), column)
                    for device, pad in enumerate(("BL", "BLB")):
                        spot = at.meters[pad].measure_current()
                        if spot.valid and spot.value < -_LEAKAGE_A:
                            resistances[row, column, device] = -read_v / spot.value
                    self.on_pulse()
                word_line.force(0.0)
                self.row_done()
            at.meters["SL"].force_voltage(0.0, _METER_COMPLIANCE_A)
        return resistances

    # --- currents of single pads, for the contact check -----------------------------------------

    def supply_currents(self) -> dict[str, Spot]:
        """Current of each supply that an SMU gives."""
        with self.operation("measure", []):
            supplies = self.connections.supplies
            return {pad: smu.measure_current() for pad, smu in supplies.items()}

    def meter_currents(self, row: int, column: int, levels: Mapping[str, float]) -> Floats:
        """Currents (A) of SL, BL and BLB, in this order, at one bit and constant voltages.

        ``levels`` are volts of SL, BL, BLB, WL and BYP; a pad that it leaves out stays idle.
        Positive flows into the chip; NaN where a meter gives no valid reading.
        """
        at = self.connections
        with self.operation("measure", []):
            self.meters_to_pads()
            at.decoder.select(row, column)
            for pad in ("BYP", "WL"):
                if pad in levels:
                    at.channels[pad].force(levels[pad])
            for pad, meter in at.meters.items():
                meter.force_voltage(levels.get(pad, 0.0), _METER_COMPLIANCE_A)
            currents = [at.meters[pad].measure_current().value for pad in METERS.values()]
            for meter in at.meters.values():
                meter.force_voltage(0.0, _METER_COMPLIANCE_A)
            self.row_done()
        return np.array(currents)

    def output_currents(self, scheme: Scheme, row: int, volts: float) -> Floats:
        """Currents (A) of Q and QB held at ``volts``, after a scheme that latches a row.

        Returns (columns, 2), positive into the chip; NaN beyond the 1 mA range.
        """
        at = self.connections
        currents = np.empty((self.shape[1], len(OUTPUT_PADS)))
        with self.operation("sense", []):
            self.load(scheme)
            self.hold_outputs(volts)
            at.decoder.select(row, 0)
            at.wgfmu.execute()
            at.wgfmu.wait()
            for column in range(self.shape[1]):
                at.decoder.select(row, column)
                currents[column] = [at.channels[pad].measure(_EXACT_SAMPLES) for pad in OUTPUT_PADS]
                self.on_pulse()
            self.hold_outputs(0.0)
            self.row_done()
        return currents

    # --- states of the bench -------------------------------------------------------------------

    @contextmanager
    def operation(self, kind: str, pulses: list[Pulses]) -> Iterator[None]:
        """One operation: booked as one block, timed, begun and left with the pads idle.

        ``kind`` is a field of `PassTimes`. Executions of a loop are booked one by one within it.
        Whatever ends an array pass between two cells, the block gets what was sent of it.
        """
        begin = self.connections.now()
        if not self._is_idle:
            self.idle()
        booked = [p for p in pulses if p.counts.any()]
        block = self.book.plan(booked) if booked else None
        self._is_idle = False
        self._passes, self._is_under_way = [], False
        try:
            yield
        except BaseException:
            if block is not None:
                self._cut(block, booked)
            raise
        self.idle()
        self.connections.check_errors()
        setattr(self.times, kind, getattr(self.times, kind) + self.connections.now() - begin)
        if block is not None:
            self.book.confirm(block)

    def _cut(self, block: int, booked: list[Pulses]) -> None:
        """Book what an array pass has sent; if that is not known, the block stays unconfirmed."""
        if self._passes and not self._is_under_way:
            self.book.cut(block, [replace(p, counts=self._sent(p.kind)) for p in booked])

    def _sent(self, kind: str) -> NDArray[np.uint32]:
        """Pulses of a kind that the present operation has sent, (rows, columns, 2)."""
        counts = np.zeros((*self.shape, 2), dtype=np.uint32)
        for scheme, cells in self._passes:
            for pulse in scheme.pulses:
                if pulse.kind == kind:
                    counts[cells, pulse.device] += 1
        return counts

    def idle(self) -> None:
        """All pulsed pads at their idle level, held by the pulse channels in DC mode."""
        channels = self.connections.channels
        for pad in ("WL", "SL", "BL", "BLB", "SEN", "BYP"):
            channels[pad].configure(OperationMode.DC)
            channels[pad].force(self.vdd if pad == "BYP" else 0.0)
            channels[pad].connect()
        self._is_idle = True

    def hold_outputs(self, volts: float) -> None:
        """Q and QB at a voltage, measuring current."""
        for pad in OUTPUT_PADS:
            output = self.connections.channels[pad]
            output.configure(OperationMode.DC, MeasureMode.CURRENT, MeasureCurrentRange.MA1)
            output.force(volts)

    def load(self, scheme: Scheme, loops: int = 1) -> None:
        """Download a scheme to its pads, to run ``loops`` times without a gap at each `execute`.

        Measured pads sample current; `hold_outputs` comes after, if an output is held meanwhile.
        """
        at = self.connections
        program = {}
        for pad, points in scheme.points.items():
            events = scheme.measure.get(pad, ())
            at.channels[pad].configure(
                OperationMode.FASTIV,
                MeasureMode.CURRENT if events else None,
                scheme.ranges.get(pad, MeasureCurrentRange.MA1),
            )
            pattern = Pattern(f"{scheme.name}_{pad}", points[:, 0], points[:, 1], events)
            program[at.channels[pad]] = [Repeat(pattern, loops)]
        at.wgfmu.load(program)

    def fire_each(self, scheme: Scheme, mask: Mask) -> Iterator[tuple[int, int]]:
        """Run a scheme on every cell of a mask, row by row, yielding each cell after its run."""
        if not mask.any():
            return
        at = self.connections
        done = np.zeros(self.shape, dtype=bool)
        self._passes.append((scheme, done))
        self.load(scheme)
        select, execute, wait = at.decoder.select, at.wgfmu.execute, at.wgfmu.wait
        on_pulse = self.on_pulse
        for row in np.flatnonzero(mask.any(axis=1)).tolist():
            for column in np.flatnonzero(mask[row]).tolist():
                # WL is down between executions, so the row may change here.
                select(row, column)
                self._is_under_way = True
                execute()
                wait()
                self._is_under_way = False
                done[row, column] = True
                on_pulse()
                yield row, column
            self.row_done()

    def wait(self, seconds: float) -> None:
        """Wait for a run of ``seconds`` that was started; `on_pulse` may end the waiting."""
        at = self.connections
        end_s = at.now() + seconds
        while (left := end_s - at.now()) > 0:
            at.sleep(left)
            self.on_pulse()
        at.wgfmu.wait()

    def row_done(self) -> None:
        """After each row or execution: the mainframe's errors, and whether a user wants to stop."""
        self.connections.check_errors()
        self.on_row()

    def _latch(self, row: int, column: int, both: bool) -> int:
        """One bit of the row that was sensed, from Q, or from Q and QB."""
        self.on_pulse()
        at = self.connections
        at.decoder.select(row, column)
        high_a = self.vdd / self.description.board.q_series
        q = _level(at.channels["Q"].measure(_Q_SAMPLES), high_a)
        if not both or q == NOT_READ:
            return q
        qb = _level(at.channels["QB"].measure(_Q_SAMPLES), high_a)
        if q == qb == 0:
            raise OSError(
                f"Q and QB are both low at row {row} column {column}: pad Q, QB or VDD is open or "
                "shorted"
            )
        if qb == NOT_READ:
            return NOT_READ
        return UNDECIDED if q == qb else q

    def _sampled(self, scheme: Scheme) -> Floats:
        """Currents (A) that the scheme's one measure event took; out-of-range ones are NaN."""
        ((pad, (event,)),) = scheme.measure.items()
        return self.connections.channels[pad].read(event.points)

    def _forming_voltage(self, scheme: Scheme) -> float:
        levels = self.description.levels
        currents = -self._sampled(scheme)
        formed = np.flatnonzero(~(currents < levels.forming_detect))
        # The gate keeps the current in range: a reading beyond it is no forming.
        if not len(formed) or np.isnan(currents[formed[0]]):
            return _NEVER_FORMED
        voltages = self.schemes.forming_voltages(len(currents))
        return float(voltages[formed[0]])

    def meters_to_pads(self) -> None:
        """SL, BL and BLB to their SMUs, which are at 0 V; the other pads stay idle in DC mode."""
        channels = self.connections.channels
        for pad in METERS.values():
            channels[pad].configure(OperationMode.SMU)
            channels[pad].connect()


def _level(amperes: float, high_a: float) -> int:
    """1 or 0 for the current of a high or a low output, `NOT_READ` for one that is neither.

    A high output drives ``high_a`` into the channel, which is negative; NaN is neither.
    """
    level = -amperes / high_a
    if abs(level - 1) < LEVEL_TOLERANCE:
        return 1
    return 0 if abs(level) < LEVEL_TOLERANCE else NOT_READ


def set_condition(conditions: ProgramConditions, gate_v: float) -> dict[str, float]:
    """Condition of a SET as it is booked."""
    return {
        "set_v": conditions.set_v,
        "gate_v": gate_v,
        "compliance_a": conditions.set_compliance_a,
        "width_s": conditions.width_s,
    }


def reset_condition(conditions: ProgramConditions) -> dict[str, float]:
    """Condition of a RESET as it is booked."""
    return {"reset_v": conditions.reset_v, "width_s": conditions.width_s}
