"""What the cells see of the pads' voltages: excursions of bias, and edges of the sense amplifiers.

A waveform is worked out once, into numbers that hold for any device: how far it would drive a
SET, a RESET or a forming. What a given device makes of them is the array's business.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from instruments.sim.chip.device import MODEL, OxRamModel
from instruments.sim.chip.senseamp import SenseAmplifier
from instruments.sim.waveform import Floats

Flags = NDArray[np.bool_]

CELL_PADS = ("SL", "BL", "BLB", "WL", "SEN", "BYP", "VDD", "VDDH")
"""The pads whose voltage decides what the cells see."""

BIT_LINES = ("BL", "BLB")

SMALLEST_BIAS = 0.25
"""Less than this moves no device, V: at 0.25 V a SET would take half an hour."""

_STEP = 0.01
"""Slopes are cut into steps of this, V, so that exponential rates are integrated to 1 %."""


@dataclass(frozen=True, eq=False)
class SetBias:
    """SL above a bit line with the gate open: may form or SET. ``side`` None: the whole row."""

    side: int | None
    start: float
    stop: float
    set_dose: float
    """Integral of dt / t50."""
    forming_dose: float
    """Integral of the forming hazard of a device whose forming voltage is 0 V."""
    saturation: float
    """Largest current (A) of the die's mean transistor at the highest gate."""
    headroom: float
    """Current (A) that the transistor's on-resistance leaves to a fresh filament there."""
    times: Floats
    volts: Floats
    set_doses: Floats
    """Running integral of dt / t50 at ``times``."""
    forming_doses: Floats
    """Running integral of the forming hazard at ``times``."""


@dataclass(frozen=True, eq=False)
class ResetBias:
    """A bit line above SL with the gate open: may RESET. ``side`` None: the whole row."""

    side: int | None
    start: float
    stop: float
    reset_dose: float
    """Integral of dt / tau."""
    turn_on: float
    hrs_median: float
    """Median x of a complete RESET with this peak and duration."""
    wear_per_amp: float
    """Wear that it adds to an LRS for each ampere of its last compliance."""
    times: Floats
    doses: Floats
    """Running integral of dt / tau at ``times``."""


@dataclass(frozen=True, eq=False)
class Discharge:
    """What a bit line does to the LRS through which it discharges."""

    dose_per_ohm: float
    """RESET dose for each ohm of device and series resistance."""
    bias: ResetBias
    """The RESET that this is, its dose apart."""


class Sensing(Enum):
    """What a rising SEN leads to."""

    RACE = "race"
    UNDEFINED = "undefined"
    """The bit lines were not charged, or BYP is 1: the latch falls anywhere."""
    NOTHING = "nothing"
    """Nothing discharges the bit lines: both outputs stay high."""


@dataclass(frozen=True, eq=False)
class SenseEdge:
    """SEN rises and, for a race, the bit lines begin to discharge at ``start``."""

    start: float
    sensing: Sensing
    window: float
    """Seconds that the race may last."""
    discharge: Discharge


@dataclass(frozen=True)
class LatchReset:
    """SEN falls: the outputs are charged again, both high."""

    start: float


Event = SetBias | ResetBias | SenseEdge | LatchReset


@dataclass(frozen=True, eq=False)
class PadHistory:
    """Voltages (n,) of the cell pads at ``times`` (n,); an open pad is missing."""

    times: Floats
    volts: Mapping[str, Floats]

    def at(self, times: Floats) -> PadHistory:
        """The same history at other times."""
        volts = {pad: np.interp(times, self.times, values) for pad, values in self.volts.items()}
        return PadHistory(times, volts)

    def level(self, pad: str) -> Floats:
        """Voltage of the pad, 0 V where it is open."""
        values = self.volts.get(pad)
        return np.zeros_like(self.times) if values is None else values

    def gate(self) -> Floats:
        """What reaches the gates of the selected row: WL, as far as the driver's supply goes."""
        return np.minimum(self.level("WL"), self.level("VDDH"))

    def logic(self, pad: str) -> Flags:
        """True where a digital pad is high."""
        return self.level(pad) > np.maximum(self.level("VDD") / 2, 0.2)


@dataclass(frozen=True, eq=False)
class Bias:
    """All that happens to the cells while the pads follow ``history``."""

    history: PadHistory
    events: tuple[Event, ...]
    precharged: bool
    """The bit-line nodes are charged at the end."""


class BiasReader:
    """Works out what the pads' voltages do to the cells of a die."""

    def __init__(
        self, model: OxRamModel, amplifier: SenseAmplifier, gain: float, threshold: float
    ) -> None:
        self.model = model
        self.amplifier = amplifier
        self.gain = gain
        """K of the die's mean access transistor over the nominal one."""
        self.threshold = threshold
        """Threshold of the die's access transistors, V."""

    def read(self, history: PadHistory, precharged: bool) -> Bias:
        """Digest a history; ``precharged``: the bit-line nodes are charged when it begins."""
        fine = _refined(history, self.amplifier)
        bypass = fine.logic("BYP")
        events: list[Event] = []
        if "SL" in fine.volts:
            for side, pad in enumerate(BIT_LINES):
                if pad in fine.volts:
                    events += self._excursions(side, fine, fine.volts[pad], bypass)
        node = np.zeros_like(fine.times)
        if not bypass.all():
            edges = list(self._sense_edges(fine, bypass, self._charging(fine, bypass, precharged)))
            node = self._bit_line(fine, bypass, precharged, edges)
            events += edges
            events += self._excursions(None, fine, node, ~bypass)
        else:
            events += self._undefined_edges(fine)
        events += [LatchReset(t) for t in fine.times[_edges(fine.logic("SEN"), rising=False)]]
        events.sort(key=lambda event: event.start)
        return Bias(history, tuple(events), precharged=bool(node[-1] > 0))

    def _excursions(
        self, side: int | None, pads: PadHistory, bit_line: Floats, where: Flags
    ) -> Iterator[Event]:
        source_line, gate = pads.level("SL"), pads.gate()
        forward = source_line - bit_line
        overdrive = gate - bit_line - self.threshold
        # In the RESET direction the device's bottom node follows the gate.
        backward = np.minimum(bit_line, gate - self.threshold) - source_line
        for run in _runs(where & (forward > SMALLEST_BIAS) & (overdrive > 0)):
            bias = self._set_bias(side, pads.times[run], forward[run], overdrive[run])
            if bias.set_dose > 1e-3 or bias.forming_dose > _LEAST_FORMING_DOSE:
                yield bias
        for run in _runs(where & (backward > SMALLEST_BIAS)):
            reset = self._reset_bias(side, pads.times[run], backward[run])
            if reset.reset_dose > 1e-10:
                yield reset

    def _set_bias(self, side: int | None, times: Floats, u: Floats, overdrive: Floats) -> SetBias:
        model = self.model
        set_doses = _running_integral(times, model.set_rate(u))
        forming_doses = _running_integral(times, model.forming_rate(u))
        saturation = model.gain * self.gain * overdrive**model.gain_exponent
        headroom = np.maximum(u - model.lrs_volts, 0) * overdrive / model.ohm_volts
        # Not their minimum: on an edge it peaks where the other one has barely caught up.
        strongest = int(np.argmax(saturation * headroom / (saturation + headroom)))
        return SetBias(
            side,
            float(times[0]),
            float(times[-1]),
            float(set_doses[-1]),
            float(forming_doses[-1]),
            float(saturation[strongest]),
            float(headroom[strongest]),
            times,
            u,
            set_doses,
            forming_doses,
        )

    def _reset_bias(self, side: int | None, times: Floats, u: Floats) -> ResetBias:
        model = self.model
        doses = _running_integral(times, model.reset_rate(u))
        peak = float(u.max())
        seconds = float(doses[-1] / model.reset_rate(np.array(peak)))
        return ResetBias(
            side,
            float(times[0]),
            float(times[-1]),
            float(doses[-1]),
            model.reset_turn_on(peak),
            model.hrs_median(peak, seconds),
            model.wear_per_amp(peak, seconds),
            times,
            doses,
        )

    def _charging(
        self, pads: PadHistory, bypass: Flags, precharged: bool
    ) -> list[tuple[int, float]]:
        """Each time the bit-line nodes begin to charge: index in the history, and second."""
        vdd = pads.level("VDD")
        waiting = ~bypass & ~pads.logic("SEN") & (pads.level("SL") >= 0.9 * vdd)
        waiting &= vdd > self.amplifier.minimum_supply
        begun = []
        for run in _runs(waiting):
            first = float(pads.times[run.start]) + self.amplifier.precharge_delay
            if first <= pads.times[run.stop - 1]:
                begun.append((int(np.searchsorted(pads.times, first)), first))
        if precharged and not bypass[0]:
            begun.insert(0, (0, float(pads.times[0]) - self.amplifier.precharge_rise))
        return begun

    def _sense_edges(
        self, pads: PadHistory, bypass: Flags, charging: list[tuple[int, float]]
    ) -> Iterator[SenseEdge]:
        sen = pads.logic("SEN")
        discharging = sen & ~bypass & (pads.level("SL") < pads.level("VDD") / 2)
        discharging &= pads.gate() - pads.level("SL") > self.threshold
        for rise in _edges(sen, rising=True):
            falls = np.flatnonzero(~sen[rise:])
            fall = rise + int(falls[0]) if falls.size else len(sen)
            starts = np.flatnonzero(discharging[rise:fall])
            charged = self._charged_at(rise, bypass, charging, sen)
            if bypass[rise] or not charged:
                yield _no_race(Sensing.UNDEFINED, pads, rise)
            elif not starts.size:
                yield _no_race(Sensing.NOTHING, pads, rise)
            else:
                start = rise + int(starts[0])
                window = self.amplifier.longest_window
                if falls.size:
                    window = min(window, float(pads.times[fall] - pads.times[start]))
                discharge = self._discharge(float(pads.level("VDD")[start]))
                yield SenseEdge(float(pads.times[start]), Sensing.RACE, window, discharge)

    @staticmethod
    def _charged_at(
        index: int, bypass: Flags, charging: list[tuple[int, float]], sen: Flags
    ) -> bool:
        """Whether the nodes were charged at ``index`` and nothing has discharged them since."""
        before = [begun for begun, _ in charging if begun <= index]
        return bool(before) and not (bypass[before[-1] : index] | sen[before[-1] : index]).any()

    @staticmethod
    def _undefined_edges(pads: PadHistory) -> Iterator[SenseEdge]:
        for rise in _edges(pads.logic("SEN"), rising=True):
            yield _no_race(Sensing.UNDEFINED, pads, rise)

    def _bit_line(
        self, pads: PadHistory, bypass: Flags, precharged: bool, edges: list[SenseEdge]
    ) -> Floats:
        """Voltage of the bit-line nodes while BYP = 0: 0 V unless they are charged."""
        node = np.zeros_like(pads.times)
        high = self.amplifier.precharged_volts(float(pads.level("VDD").max()))
        for index, begun in self._charging(pads, bypass, precharged):
            ends = [e.start for e in edges if e.sensing is Sensing.RACE and e.start > begun]
            ends += list(pads.times[index:][bypass[index:]][:1])
            held = pads.times[index:] < min(ends, default=np.inf)
            rise = (pads.times[index:] - begun) / self.amplifier.precharge_rise
            node[index:] = np.where(
                held, np.maximum(node[index:], high * np.clip(rise, 0, 1)), node[index:]
            )
        return node

    def _discharge(self, vdd: float) -> Discharge:
        high = self.amplifier.precharged_volts(vdd)
        if high <= SMALLEST_BIAS:
            return _NO_DISCHARGE
        u = np.linspace(high, high / 100, 200)
        # u falls as exp(-t / RC): dt = -RC du / u.
        dose = -np.trapezoid(self.model.reset_rate(u) / u, u) * self.amplifier.bit_line_farad
        median = self.model.hrs_median(high, 0.0)
        turn_on = self.model.reset_turn_on(high)
        bias = ResetBias(None, 0.0, 0.0, 0.0, turn_on, median, 0.0, _NO_POINTS, _NO_POINTS)
        return Discharge(float(dose), bias)


_NO_POINTS = np.zeros(0)
_NO_DISCHARGE = Discharge(
    0.0, ResetBias(None, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, _NO_POINTS, _NO_POINTS)
)


def _no_race(sensing: Sensing, pads: PadHistory, index: int) -> SenseEdge:
    return SenseEdge(float(pads.times[index]), sensing, 0.0, _NO_DISCHARGE)


_LEAST_FORMING_DOSE = 1e-6 * math.exp(1.5 / MODEL.forming_slope)
"""A millionth of what the weakest device (1.5 V, six sigma) needs."""


def _refined(history: PadHistory, amplifier: SenseAmplifier) -> PadHistory:
    """The same history with steep slopes cut into steps, and precharge times marked."""
    times = history.times
    change = np.zeros(len(times) - 1)
    for values in history.volts.values():
        change = np.maximum(change, np.abs(np.diff(values)))
    pieces = np.maximum(np.ceil(change / _STEP).astype(int), 1)
    starts = np.repeat(times[:-1], pieces)
    within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    fine = starts + np.repeat(np.diff(times) / pieces, pieces) * within
    fine = np.append(fine, times[-1])
    if not history.logic("BYP").all():
        delays = amplifier.precharge_delay + amplifier.precharge_rise * np.linspace(0, 1, 11)
        marks = (times[:, None] + delays).ravel()
        fine = np.union1d(fine, marks[marks < times[-1]])
    return history.at(fine)


def _running_integral(times: Floats, rate: Floats) -> Floats:
    """Integral of ``rate`` over time up to each of ``times``, trapezoidal."""
    steps = np.diff(times) * (rate[1:] + rate[:-1]) / 2
    return np.concatenate(([0.0], np.cumsum(steps)))


def _runs(flags: Flags) -> Iterator[slice]:
    """Slices of at least two neighbouring points where ``flags`` hold."""
    bounded = np.concatenate(([False], flags, [False]))
    changes = np.flatnonzero(bounded[1:] != bounded[:-1])
    for start, stop in changes.reshape(-1, 2):
        if stop - start > 1:
            yield slice(int(start), int(stop))


def _edges(flags: Flags, *, rising: bool) -> NDArray[np.int64]:
    """Indices of the first point after each edge."""
    return np.flatnonzero((flags[1:] != flags[:-1]) & (flags[1:] == rising)) + 1
