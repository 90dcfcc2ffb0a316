"""The simulated chip, seen only at its pads: 32 x 32 pairs of 1T1R cells and their amplifiers.

Nothing here knows what a program pulse or a read is: whatever the pads do is turned into the
voltages that each device sees, and the devices follow. A wrong waveform gets a wrong chip.

The pads SL, BL and BLB reach the selected pair while BYP is high. While BYP is low they are cut
off, SL goes to all columns of the row, and the bit lines are the amplifiers' own nodes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from instruments.sim.chip.bias import (
    BIT_LINES,
    CELL_PADS,
    SMALLEST_BIAS,
    Bias,
    BiasReader,
    Discharge,
    LatchReset,
    PadHistory,
    ResetBias,
    SenseEdge,
    Sensing,
    SetBias,
)
from instruments.sim.chip.device import MODEL, Kind, OxRamModel
from instruments.sim.chip.die import COLUMNS, Die
from instruments.sim.chip.disturb import FAINT_DOSE, RowDisturb
from instruments.sim.chip.failures import SetDoses
from instruments.sim.chip.loops import FEWEST_LOOPS, LoopLaw, Stretch, Surroundings
from instruments.sim.chip.senseamp import AMPLIFIER, SenseAmplifier
from instruments.sim.chip.streams import Purpose, Streams
from instruments.sim.chip.trace import Trace
from instruments.sim.clock import VirtualClock
from instruments.sim.loops import TakeCurrents, play_one_by_one
from instruments.sim.waveform import Floats, PadWaveform

PADS = ("SL", "BL", "BLB", "WL", "SEN", "BYP", "VDD", "VDDH", "Q", "QB")
"""The pads that carry a voltage; the address is set with `Chip.select`."""

Q_OHM = 10e3
"""On the board, between each output and its channel (bench note)."""

SUPPLY_OHM = {"VDD": 600e3, "VDDH": 6.6e6}
"""What the supplies' quiescent currents look like [A]."""

_EDGE = 100e-9
"""How fast a pad that is held at a new voltage gets there, s."""

_WAVEFORMS_KEPT = 32

_RTN_QUANTILE = NormalDist().inv_cdf(MODEL.rtn_share)


Others = tuple[float | bool | None, ...]
"""What else decides what a waveform does: whether the bit lines are charged, the other pads."""


@dataclass
class LastingSet:
    """A SET bias that held voltages have kept up so far: its dose, and whether it has switched."""

    dose: float = 0.0
    switched: bool = False


class Chip:
    """One die at the probes; satisfies `instruments.sim.station.ChipAtItsPads`.

    The die's arrays change in place. The clock says how long held voltages last; whoever builds
    the bench starts it at ``die.clock_s``.
    """

    def __init__(
        self,
        die: Die,
        clock: VirtualClock,
        model: OxRamModel = MODEL,
        amplifier: SenseAmplifier = AMPLIFIER,
    ) -> None:
        self.die = die
        self.clock = clock
        self.model = model
        self.amplifier = amplifier
        self._streams = Streams(die.seed)
        self._threshold = model.threshold + die.transistor_shift
        self._reader = BiasReader(model, amplifier, die.transistor_gain, self._threshold)
        self._read: dict[PadWaveform, tuple[Others, Bias]] = {}
        self._digests: dict[tuple[tuple[bytes, ...], Others], Bias] = {}
        disturb = RowDisturb(die, model, amplifier, self._reset_level, self._reset)
        self._loops = LoopLaw(
            die, self._streams, model, amplifier, self._threshold, self._compliance, disturb
        )
        self._set_doses: SetDoses = {}
        """Doses at which devices (by side) SET in the loop that is played, where that is known."""

        self._row = 0
        self._column = 0
        self._pair = 0
        self._held: dict[str, float | None] = dict.fromkeys(PADS)
        self._precharged = False
        self._q = np.ones(COLUMNS, bool)
        self._qb = np.ones(COLUMNS, bool)
        self._since = clock.now()
        self._lasting: dict[int, LastingSet] = {}
        self._look_at_pads()
        self._view_arrays()

    # What the instruments do

    def select(self, row: int, column: int) -> None:
        """Set the decoder's address levels, 0-31 each."""
        if self._acting:
            self._live()
        self._lasting.clear()
        self._row = row
        self._column = column
        self._pair = row * COLUMNS + column

    def hold(self, pad: str, volts: float | None) -> None:
        """From now on the pad is at ``volts``, or open (None). `KeyError` if there is no such."""
        before = self._held[pad]
        if volts == before:
            return
        if pad not in CELL_PADS:
            self._held[pad] = volts
            return
        if self._acting:
            self._live()
        # With the amplifiers on, or about to be, the edge itself matters.
        if pad in ("SEN", "BYP") or not self._bypassed:
            edge = {pad: np.array([before or 0.0, volts or 0.0])}
            self._happen(self._digest(PadWaveform(np.array([0.0, _EDGE]), edge)), None)
        self._held[pad] = volts
        self._look_at_pads()

    def current(self, pad: str) -> float:
        """One reading of the current (A) that flows into the pad, with the devices' noise."""
        if self._acting:
            self._live()
        if pad == "BL":
            return -self._device_current(0)
        if pad == "BLB":
            return -self._device_current(1)
        if pad == "SL":
            return self._device_current(0) + self._device_current(1)
        volts = self._held[pad]
        if volts is None:
            return 0.0
        if pad in SUPPLY_OHM:
            return volts / SUPPLY_OHM[pad]
        if pad in ("Q", "QB"):
            latched = self._q if pad == "Q" else self._qb
            return (volts - (self._vdd if latched[self._column] else 0.0)) / Q_OHM
        return 0.0

    def play(
        self, waveform: PadWaveform, samples: Mapping[str, Floats] | None = None
    ) -> dict[str, Floats]:
        """Put a waveform on the pads; ``samples`` names pads and times (s) whose current is wanted.

        Returns the current (A) of each named pad at those times. Afterwards the pads hold the
        waveform's last values.
        """
        if self._acting:
            self._live()
        self._lasting.clear()
        bias = self._digest_once(waveform)
        trace = self._trace(bias, samples) if samples else None
        self._happen(bias, trace)
        for pad, values in waveform.volts.items():
            self._held[pad] = float(values[-1])
        self._look_at_pads()
        return self._traced(trace) if trace else {}

    def play_loops(
        self,
        waveform: PadWaveform,
        loops: int,
        samples: Mapping[str, Floats],
        take: TakeCurrents,
    ) -> None:
        """Put ``loops`` repetitions of a waveform on the pads, as so many calls of `play` would.

        ``take`` gets the currents at the ``samples`` of each repetition, in order, for as many
        repetitions at a time as suits. Like repetitions between the first and the last are worked
        out together (`instruments.sim.chip.loops`); any others are played one by one.
        """
        if self._acting:
            self._live()
        left = loops
        while left:
            stretch = self._work_out(waveform, left - 1, samples, take)
            left -= stretch.loops
            for doses in stretch.set_doses[:left]:
                self._set_doses = doses
                play_one_by_one(self, waveform, 1, samples, take)
                left -= 1
            self._set_doses = {}
            if left:
                play_one_by_one(self, waveform, 1, samples, take)
                left -= 1

    def _work_out(
        self,
        waveform: PadWaveform,
        loops: int,
        samples: Mapping[str, Floats],
        take: TakeCurrents,
    ) -> Stretch:
        """Like loops up to the next one that has to be played."""
        if loops < FEWEST_LOOPS:
            return Stretch(0)
        bias = self._digest_once(waveform)
        if bias.precharged != self._precharged:
            return Stretch(0)
        latch = bool(self._q[self._column]), bool(self._qb[self._column])
        held = {pad: self._held[pad] for pad in ("Q", "QB")}
        at = Surroundings(self._row, self._column, self._vdd, latch, held, Q_OHM)
        stretch = self._loops.run(bias, at, loops, samples, take)
        if stretch.latch is not None:
            self._q[self._column], self._qb[self._column] = stretch.latch
        return stretch

    def rest(self) -> None:
        """Bring the die up to the present bench time; call it before the die is saved."""
        if self._acting:
            self._live()
        self.die.clock_s = self.clock.now()

    # What the pads are at

    def _look_at_pads(self) -> None:
        """Note what the held voltages mean, and whether they act on a device as time goes by."""
        held = self._held
        self._vdd = held["VDD"] or 0.0
        self._gate = min(held["WL"] or 0.0, held["VDDH"] or 0.0)
        high = max(self._vdd / 2, 0.2)
        self._bypassed = (held["BYP"] or 0.0) > high
        if self._vdd < self.amplifier.minimum_supply:
            self._q[:] = self._qb[:] = True
            self._precharged = False
        sl = held["SL"]
        if self._bypassed:
            self._precharged = False
            self._acting = (
                self._gate > self._threshold
                and sl is not None
                and (
                    abs(sl - (held["BL"] or 0.0)) > SMALLEST_BIAS
                    or abs(sl - (held["BLB"] or 0.0)) > SMALLEST_BIAS
                )
            )
        else:
            # The amplifiers' nodes move on their own: always look.
            self._acting = (sl or 0.0) > 0 or self._precharged
        self._since = self.clock.now()

    def _live(self) -> None:
        """Let the held voltages act on the selected cells for the bench time that has passed."""
        seconds = self.clock.now() - self._since
        if seconds <= 0:
            return
        times = np.array([0.0, seconds])
        bias = self._digest(PadWaveform(times, {}))
        # A staircase of held voltages is one SET, however many steps it is looked at in.
        biased = [e.side for e in bias.events if isinstance(e, SetBias) and e.side is not None]
        self._lasting = {
            device: self._lasting.get(device, LastingSet())
            for device in (2 * self._pair + side for side in biased)
        }
        self._happen(bias, None)
        for event in bias.events:
            if isinstance(event, SetBias) and event.side is not None:
                self._lasting[2 * self._pair + event.side].dose += event.set_dose
        self._since = self.clock.now()

    def _digest(self, waveform: PadWaveform) -> Bias:
        volts = {}
        for pad in CELL_PADS:
            held = self._held[pad]
            if pad in waveform.volts:
                volts[pad] = waveform.volts[pad]
            elif held is not None:
                volts[pad] = np.full(len(waveform.times), held)
        return self._reader.read(PadHistory(waveform.times, volts), self._precharged)

    def _digest_once(self, waveform: PadWaveform) -> Bias:
        """The digest of a waveform, kept as long as the other pads are at the same voltages.

        A program that loads the same patterns again sends the same waveform: known by its content.
        """
        others = (self._precharged, *(self._held[p] for p in CELL_PADS if p not in waveform.volts))
        kept = self._read.get(waveform)
        if kept is not None and kept[0] == others:
            return kept[1]
        alike = waveform.content, others
        bias = self._digests.get(alike)
        if bias is None:
            bias = self._digest(waveform)
            _keep(self._digests, alike, bias)
        _keep(self._read, waveform, (others, bias))
        return bias

    # What happens to the cells

    def _happen(self, bias: Bias, trace: Trace | None) -> None:
        for event in bias.events:
            if isinstance(event, SetBias | ResetBias):
                self._excursion(event, trace)
            elif isinstance(event, SenseEdge):
                self._sense(event, trace)
            else:
                self._unlatch(event, trace)
        self._precharged = bias.precharged

    def _excursion(self, bias: SetBias | ResetBias, trace: Trace | None) -> None:
        if bias.side is None:
            first = 2 * COLUMNS * self._row
            for device in range(first, first + 2 * COLUMNS):
                self._follow(device, bias)
            return
        device = 2 * self._pair + bias.side
        if trace is None:
            self._follow(device, bias)
        else:
            self._follow_traced(device, bias, trace)

    def _follow(self, device: int, bias: SetBias | ResetBias) -> None:
        kind = self._kind[device]
        if isinstance(bias, ResetBias):
            if kind != Kind.PRISTINE:
                self._reset(device, bias)
        elif kind == Kind.PRISTINE:
            self._form(device, bias)
        else:
            self._set(device, bias)

    def _compliance(self, device: int, bias: SetBias) -> float:
        """Current (A) that limits a SET or a forming of this device."""
        limit = min(bias.saturation * self._access_gain[device], bias.headroom)
        return max(limit, self.model.least_compliance)

    def _form(self, device: int, bias: SetBias) -> None:
        model = self.model
        factor = model.forming_factor(self._forming_volts[device])
        before = self._forming_dose[device]
        self._forming_dose[device] = before + bias.forming_dose * factor
        if self._forming_dose[device] < 1:
            return
        needed = (1 - before) / factor
        self._formed_at[device] = float(np.interp(needed, bias.forming_doses, bias.volts))
        compliance = self._compliance(device, bias)
        self._wear[device] += model.wear_per_amp(2.5, 1e-6) * compliance
        self._become_lrs(device, compliance)
        if compliance > model.overforming_current:
            self._wear[device] += model.overforming_cycles / model.wear_cycles
            self._x[device] -= model.overforming_drop
            self._x_set[device] = self._x[device]

    def _set_dose_needed(self, device: int) -> float:
        known = self._set_doses.get(device & 1)
        if known is not None and device >> 1 == self._pair:
            return known
        z = self._streams.normal(Purpose.SET_TIME, device, self._n_set[device])
        return float(10 ** (self.model.set_time_sigma * z))

    def _set(self, device: int, bias: SetBias) -> None:
        compliance = self._compliance(device, bias)
        lasting = self._lasting.get(device, LastingSet())
        if (
            self._kind[device] == Kind.LRS
            and compliance <= 1.001 * self._compliances[device]
            and self._x[device] <= self._x_set[device] + 0.02
        ):
            return
        # Eight sigma above the median needs no look at the draw.
        dose = bias.set_dose + lasting.dose
        if not lasting.switched and dose < 25 and dose < self._set_dose_needed(device):
            return
        before = self._x[device]
        if lasting.switched:
            # The same filament grows on: no new draw.
            self._n_set[device] -= 1
        self._become_lrs(device, compliance)
        if device in self._lasting:
            self._x[device] = self._x_set[device] = min(before, self._x[device])
            lasting.switched = True

    def _become_lrs(self, device: int, compliance: float) -> None:
        self._drift(device >> 1)
        n = self._n_set[device]
        cycle = self._streams.normal(Purpose.SET_LEVEL, device, n)
        x = self.model.lrs_level(
            compliance,
            self._lrs_offset[device],
            cycle,
            self._common(device >> 1),
            self._wear[device],
        )
        self._x[device] = x
        self._x_set[device] = x
        self._kind[device] = Kind.LRS
        self._compliances[device] = compliance
        self._reset_dose[device] = 0.0
        self._rtn_amplitude[device] = 0.0
        self._n_set[device] = n + 1

    def _drift(self, pair: int) -> None:
        """The slow part common to a pair takes one step, a first-order autoregression."""
        n = self._n_pair[pair]
        self._n_pair[pair] = n + 1
        kept = self.model.slow_kept
        fresh = self._streams.normal(Purpose.PAIR_SLOW, pair, n)
        self._pair_slow[pair] = kept * self._pair_slow[pair] + math.sqrt(1 - kept**2) * fresh

    def _common(self, pair: int) -> float:
        return self.model.common(self._pair_static[pair], self._pair_slow[pair])

    def _reset(self, device: int, bias: ResetBias) -> None:
        dose = self._reset_dose[device] + bias.reset_dose
        self._reset_dose[device] = dose
        fraction = self.model.reset_fraction(dose, bias.turn_on)
        x = self._reset_level(device, bias, fraction)
        if x > self._x[device]:
            self._x[device] = x
        if self._kind[device] == Kind.LRS:
            self._wear[device] += bias.wear_per_amp * self._compliances[device]
            if fraction >= self.model.switched_at:
                self._become_hrs(device)

    def _reset_level(self, device: int, bias: ResetBias, fraction: float) -> float:
        """x that a RESET of this F leads to; one draw serves all RESETs after a SET."""
        model = self.model
        cycle = self._streams.normal(Purpose.RESET_LEVEL, device, self._n_set[device])
        deviation = model.hrs_deviation(
            self._hrs_offset[device], cycle, self._common(device >> 1), self._wear[device]
        )
        return model.hrs_level(
            fraction,
            bias.hrs_median,
            model.lrs_median(self._compliances[device]),
            self._x_set[device],
            deviation,
        )

    def _become_hrs(self, device: int) -> None:
        self._kind[device] = Kind.HRS
        self._n_reset[device] += 1
        self._draw_rtn(device)

    def _draw_rtn(self, device: int) -> None:
        """Give one HRS in five a two-level noise."""
        model, streams, n = self.model, self._streams, self._n_reset[device]
        if streams.normal(Purpose.RTN_PRESENCE, device, n) > _RTN_QUANTILE:
            return
        spread = streams.normal(Purpose.RTN_AMPLITUDE, device, n)
        relative = model.rtn_median * 10 ** (model.rtn_spread * spread)
        centre, width = model.rtn_log_seconds
        exponent = centre + width * streams.normal(Purpose.RTN_TIME, device, n)
        self._rtn_amplitude[device] = math.log10(1 + relative)
        self._rtn_seconds[device] = 10**exponent
        self._rtn_looked[device] = self.clock.now()
        self._rtn_high[device] = 0

    # What the sense amplifiers do

    def _unlatch(self, event: LatchReset, trace: Trace | None) -> None:
        self._q[:] = self._qb[:] = True
        if trace is not None:
            trace.latch_from_now(event.start, True, True)

    def _sense(self, edge: SenseEdge, trace: Trace | None) -> None:
        die, n = self.die, self.die.n_sense
        die.n_sense = n + 1
        delay = 0.0
        if edge.sensing is Sensing.NOTHING or self._vdd < self.amplifier.minimum_supply:
            self._q[:] = self._qb[:] = True
        elif edge.sensing is Sensing.UNDEFINED:
            self._q = self._streams.normals(Purpose.SENSE_UNDEFINED, 0, n, COLUMNS) > 0
            self._qb = ~self._q
        else:
            ohms = 10 ** die.x[self._row]
            latched = self.amplifier.race(
                ohms,
                die.amplifier_conductance,
                die.amplifier_ratio,
                self.amplifier.largest_discharging_ohm(self._vdd, edge.window),
                self._streams.normals(Purpose.SENSE_NOISE, 0, n, 3 * COLUMNS),
            )
            self._q, self._qb = latched.q, latched.qb
            delay = float(latched.delay[self._column])
            self._disturb_row(ohms, edge.discharge)
        if trace is not None:
            start = edge.start + delay
            trace.latch_from_now(start, bool(self._q[self._column]), bool(self._qb[self._column]))

    def _disturb_row(self, ohms: Floats, discharge: Discharge) -> None:
        """The bit lines discharge through the cells: a faint RESET of each LRS."""
        doses = self.die.reset_dose[self._row]
        doses += np.where(
            self.die.kind[self._row] == Kind.LRS,
            discharge.dose_per_ohm * (ohms + self.amplifier.series_ohm),
            0.0,
        )
        if doses.max(where=self.die.kind[self._row] == Kind.LRS, initial=0.0) > FAINT_DOSE:
            for cell in np.flatnonzero(self.die.kind[self._row] == Kind.LRS):
                self._reset(2 * COLUMNS * self._row + int(cell), discharge.bias)

    # What currents flow

    def _device_current(self, side: int) -> float:
        """Current (A) from SL through a device of the selected pair to its bit line."""
        sl, bit_line = self._held["SL"], self._held[BIT_LINES[side]]
        if sl is None or bit_line is None or not self._bypassed:
            return 0.0
        volts = sl - bit_line
        overdrive = self._gate - min(sl, bit_line) - self._threshold
        if volts == 0 or overdrive <= 0:
            return 0.0
        if volts < 0:
            # The device's bottom node follows the gate, no further.
            volts = sl - min(bit_line, self._gate - self._threshold)
        model = self.model
        device = 2 * self._pair + side
        gain = self.die.transistor_gain * self._access_gain[device]
        current = model.series_current(
            abs(volts),
            10 ** self._noisy_x(device),
            model.on_resistance(overdrive),
            model.saturation(overdrive, gain),
        )
        return math.copysign(current, volts)

    def _noisy_x(self, device: int) -> float:
        """x as one reading sees it."""
        x = self._x[device]
        n = self._n_read[device]
        self._n_read[device] = n + 1
        noise = self.model.read_noise(x) * self._streams.normal(Purpose.READ_NOISE, device, n)
        if self._rtn_amplitude[device]:
            noise += self._rtn(device, n)
        return x + noise

    def _rtn(self, device: int, n: int) -> float:
        """The two-level noise (decades) now; it may have flipped since it was last looked at."""
        now = self.clock.now()
        passed = now - self._rtn_looked[device]
        self._rtn_looked[device] = now
        flipped = 0.5 * (1 - math.exp(-2 * passed / self._rtn_seconds[device]))
        draw = self._streams.normal(Purpose.RTN_FLIP, device, n)
        if 0.5 * math.erfc(-draw / math.sqrt(2)) < flipped:
            self._rtn_high[device] ^= 1
        return self._rtn_amplitude[device] if self._rtn_high[device] else 0.0

    # Traces

    def _trace(self, bias: Bias, samples: Mapping[str, Floats]) -> Trace:
        trace = Trace(bias.history, samples)
        for side in (0, 1):
            trace.from_now(side, -1.0, self._x[2 * self._pair + side])
        trace.latch_from_now(-1.0, bool(self._q[self._column]), bool(self._qb[self._column]))
        return trace

    def _follow_traced(self, device: int, bias: SetBias | ResetBias, trace: Trace) -> None:
        side = device & 1
        before, n_set = self._x[device], self._n_set[device]
        dose = self._reset_dose[device]
        if isinstance(bias, ResetBias):
            self._follow(device, bias)
            if self._kind[device] != Kind.PRISTINE and trace.looks_within(bias.start, bias.stop):
                self._trace_reset(device, bias, trace, before, dose)
        else:
            switches_at = self._switching_time(device, bias)
            self._follow(device, bias)
            if self._n_set[device] > n_set:
                # While it switches, the filament adjusts itself to the current it is given.
                plateau = self.model.lrs_median(self._compliances[device])
                trace.from_now(side, switches_at, plateau)
        trace.from_now(side, bias.stop, self._x[device])

    def _switching_time(self, device: int, bias: SetBias) -> float:
        """When a device forms or SETs during ``bias``, if it does."""
        if self._kind[device] == Kind.PRISTINE:
            factor = self.model.forming_factor(self._forming_volts[device])
            needed = (1 - self._forming_dose[device]) / factor
            return float(np.interp(needed, bias.forming_doses, bias.times))
        return float(np.interp(self._set_dose_needed(device), bias.set_doses, bias.times))

    def _trace_reset(
        self, device: int, bias: ResetBias, trace: Trace, before: float, dose: float
    ) -> None:
        doses = np.concatenate(([0.0], bias.reset_dose * np.logspace(-6, 0, 200)))
        fractions = [self.model.reset_fraction(dose + float(d), bias.turn_on) for d in doses]
        path = [max(before, self._reset_level(device, bias, f)) for f in fractions]
        trace.reset_path(device & 1, bias, doses, np.array(path))

    def _traced(self, trace: Trace) -> dict[str, Floats]:
        """The currents (A) that were asked for."""
        by_side = [self._traced_device(side, trace) for side in (0, 1)]
        currents = {}
        for pad in trace.samples:
            volts = self._held[pad]
            if pad in BIT_LINES:
                values = -by_side[BIT_LINES.index(pad)]
            elif pad == "SL":
                values = by_side[0] + by_side[1]
            elif pad in ("Q", "QB") and volts is not None:
                values = trace.output_current(pad, self._vdd, volts, Q_OHM)
            else:
                values = np.full(len(trace.times), self.current(pad))
            currents[pad] = trace.pick(pad, values)
        return currents

    def _traced_device(self, side: int, trace: Trace) -> Floats:
        device = 2 * self._pair + side
        n = self._n_trace[device]
        self._n_trace[device] = n + 1
        draws = self._streams.normals(Purpose.TRACE_NOISE, device, n, len(trace.times))
        trace.add_noise(side, trace.noise_sigma(side, self.model) * draws)
        gain = self.die.transistor_gain * self._access_gain[device]
        return trace.pair_current(side, self.model, self._threshold, gain)

    def _view_arrays(self) -> None:
        """Flat views of the die's arrays: reading one number is three times faster than numpy."""
        die = self.die
        self._kind = _integers(die.kind)
        self._x = _numbers(die.x)
        self._x_set = _numbers(die.x_set)
        self._compliances = _numbers(die.compliance)
        self._formed_at = _numbers(die.formed_at)
        self._forming_volts = _numbers(die.forming_volts)
        self._forming_dose = _numbers(die.forming_dose)
        self._reset_dose = _numbers(die.reset_dose)
        self._wear = _numbers(die.wear)
        self._lrs_offset = _numbers(die.lrs_offset)
        self._hrs_offset = _numbers(die.hrs_offset)
        self._access_gain = _numbers(die.access_gain)
        self._pair_static = _numbers(die.pair_static)
        self._pair_slow = _numbers(die.pair_slow)
        self._rtn_amplitude = _numbers(die.rtn_amplitude)
        self._rtn_seconds = _numbers(die.rtn_seconds)
        self._rtn_high = _integers(die.rtn_high)
        self._rtn_looked = _numbers(die.rtn_looked_s)
        self._n_set = _integers(die.n_set)
        self._n_reset = _integers(die.n_reset)
        self._n_read = _integers(die.n_read)
        self._n_trace = _integers(die.n_trace)
        self._n_pair = _integers(die.n_pair)


def _keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    """Keep a value, at the cost of the oldest one if there are many."""
    if len(kept) >= _WAVEFORMS_KEPT:
        kept.pop(next(iter(kept)))
    kept[key] = value


def _numbers(array: Floats) -> memoryview[float]:
    return cast("memoryview[float]", memoryview(cast(Any, array.reshape(-1))))


def _integers(array: NDArray[Any]) -> memoryview[int]:
    return memoryview(cast(Any, array.reshape(-1)))
