"""What a run would do, worked out without touching a device: ``labctl plan``.

Everything comes from the procedure's own `pulses` and `steps`, the same that a run checks and
sends. Counts are the most that a run may send; a procedure that finds less to do sends less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from instruments.testchip.waveforms import Scheme
from instruments.wgfmu import limits
from labctl.benchfile import BenchSetup
from labctl.store.ledger import LEDGER, Ledger
from procedures.base import BenchProcedure, Planned, PlannedSweep, Train
from procedures.history import DieHistory

DEVICE_NAMES = ("BL", "BLb")


@dataclass(frozen=True)
class PadLevels:
    """Lowest and highest voltage that a run puts on a pad, and what the pad may see, V."""

    pad: str
    lowest_v: float
    highest_v: float
    limit_low_v: float
    limit_high_v: float


@dataclass(frozen=True)
class PlannedScheme:
    """One pulse scheme of a run; ``vectors`` is that of the channel that needs most."""

    name: str
    cells: int
    times: int
    duration_s: float
    vectors: int
    pulses: list[str]


@dataclass(frozen=True)
class InstrumentNeed:
    """What one execution needs of an instrument, and what the instrument has."""

    what: str
    needed: float
    allowed: float


@dataclass(frozen=True)
class Plan:
    """A run before it begins. Times in seconds, energies in joule."""

    procedure: str
    headline: str
    bench: str
    die: str | None
    steps: int
    bench_time_s: float
    pads: list[PadLevels]
    schemes: list[PlannedScheme]
    instrument: list[InstrumentNeed]
    pulses_per_device: dict[str, int]
    """Kind to the most pulses that one device may get; a quasi-static sweep counts as one."""
    pulses: dict[str, int]
    """Kind to all pulses together, sweeps with them."""
    energy_per_device_j: float
    energy_j: float
    booked_per_device: dict[str, int]
    """Kind to the most pulses that one device of this die has got so far, by the ledger."""

    def as_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)


def make_plan(
    name: str, procedure: BenchProcedure, setup: BenchSetup, die: str | None, runs: Path
) -> Plan:
    """The plan of a procedure whose parameters are set.

    Raises ValueError with one sentence, as the run would.
    """
    procedure.prepare(setup.chip, setup.limit, setup.simulated)
    booked, procedure.history = _known(die, runs, procedure.history)
    sent = procedure.pulses()
    steps = procedure.steps()
    return Plan(
        procedure=name,
        headline=procedure.headline(),
        bench=setup.content.bench.name,
        die=die,
        steps=len(steps),
        bench_time_s=float(sum(step.bench_s for step in steps)),
        pads=_pads(procedure, sent, setup),
        schemes=[_scheme(train) for train in sent.trains],
        instrument=_needs(sent.trains),
        pulses_per_device=_with_sweeps(
            most_per_device(sent.trains), sent.sweeps, lambda sweep: sweep.times
        ),
        pulses=_with_sweeps(
            all_pulses(sent.trains), sent.sweeps, lambda sweep: sweep.devices * sweep.times
        ),
        energy_per_device_j=max(sum(_device_energies(sent.trains, device)) for device in (0, 1))
        + sum(sweep.times * sweep.energy_j for sweep in sent.sweeps),
        energy_j=float(
            sum(t.cells * t.times * p.energy_j for t in sent.trains for p in t.scheme.pulses)
            + sum(s.devices * s.times * s.energy_j for s in sent.sweeps)
        ),
        booked_per_device=booked,
    )


def drawn_schemes(procedure: BenchProcedure) -> list[tuple[str, Mapping[str, Any]]]:
    """Name and pad waveforms of each scheme, for drawing; the procedure is prepared."""
    return [(scheme.name, scheme.points) for scheme in procedure.pulses().schemes]


def _pads(procedure: BenchProcedure, sent: Planned, setup: BenchSetup) -> list[PadLevels]:
    """Extremes of every pad: the schemes, what is held, supplies and reads."""
    seen: dict[str, list[float]] = {}
    for pad, volts in procedure.standing_levels().items():
        seen.setdefault(pad, [0.0]).append(volts)
    for scheme in sent.schemes:
        for pad, points in scheme.points.items():
            seen.setdefault(pad, [0.0]).extend(points[:, 1].tolist())
    for pad, held in sent.levels.items():
        seen.setdefault(pad, [0.0]).extend(float(v) for v in held)
    levels = []
    for pad, all_volts in seen.items():
        limit = setup.limit(pad)
        levels.append(PadLevels(pad, min(all_volts), max(all_volts), limit.low, limit.high))
    return levels


def _scheme(train: Train) -> PlannedScheme:
    scheme = train.scheme
    return PlannedScheme(
        name=scheme.name,
        cells=train.cells,
        times=train.times,
        duration_s=scheme.duration_s,
        vectors=_vectors(scheme),
        pulses=[f"{pulse.kind} {DEVICE_NAMES[pulse.device]}" for pulse in scheme.pulses],
    )


def _vectors(scheme: Scheme) -> int:
    return max(len(points) - 1 for points in scheme.points.values())


def _values(train: Train) -> int:
    """Values that the channel with most of them measures in one execution."""
    events = train.scheme.measure.values()
    return train.loops * max((sum(e.points for e in of_pad) for of_pad in events), default=0)


def _needs(trains: Sequence[Train]) -> list[InstrumentNeed]:
    return [
        InstrumentNeed(
            "vectors a channel",
            max((_vectors(train.scheme) for train in trains), default=0),
            limits.MAX_VECTORS,
        ),
        InstrumentNeed("sequences a channel", min(len(trains), 1), limits.MAX_SEQUENCES),
        InstrumentNeed(
            "loops a sequence", max((train.loops for train in trains), default=0), limits.MAX_LOOPS
        ),
        InstrumentNeed(
            "measured values a channel",
            max((_values(train) for train in trains), default=0),
            limits.MAX_MEASURED_VALUES,
        ),
        InstrumentNeed(
            "seconds an execution",
            max((train.loops * train.scheme.duration_s for train in trains), default=0.0),
            limits.LONGEST_EXECUTION_S,
        ),
    ]


def most_per_device(trains: Sequence[Train]) -> dict[str, int]:
    """Kind to the most pulses that one device may get."""
    counts: Counter[tuple[str, int]] = Counter()
    for train in trains:
        for pulse in train.scheme.pulses:
            counts[pulse.kind, pulse.device] += train.times
    kinds = dict.fromkeys(kind for kind, _ in counts)
    return {kind: max(counts[kind, 0], counts[kind, 1]) for kind in kinds}


def all_pulses(trains: Sequence[Train]) -> dict[str, int]:
    """Kind to the most pulses that all devices together may get."""
    counts: Counter[str] = Counter()
    for train in trains:
        for pulse in train.scheme.pulses:
            counts[pulse.kind] += train.cells * train.times
    return dict(counts)


def _with_sweeps(
    pulses: dict[str, int],
    sweeps: Sequence[PlannedSweep],
    count: Callable[[PlannedSweep], int],
) -> dict[str, int]:
    """Pulses by kind and, with them, quasi-static sweeps."""
    counts = Counter(pulses)
    for sweep in sweeps:
        counts[sweep.kind] += count(sweep)
    return dict(counts)


def _device_energies(trains: Sequence[Train], device: int) -> list[float]:
    return [
        train.times * pulse.energy_j
        for train in trains
        for pulse in train.scheme.pulses
        if pulse.device == device
    ]


def _known(die: str | None, runs: Path, unknown: DieHistory) -> tuple[dict[str, int], DieHistory]:
    """What the ledger beside the runs holds of the die: most pulses of a device by kind, and what
    earlier runs formed; nothing is created. ``unknown``: of a die that is not in it."""
    if die is None or not (runs / LEDGER).is_file():
        return {}, unknown
    ledger = Ledger(runs / LEDGER)
    try:
        booked = {kind: int(np.max(counts)) for kind, counts in ledger.totals(die).items()}
        formed = ledger.formed_by(die)
    finally:
        ledger.close()
    size = (*unknown.retired.shape, 2)
    fits = {run: devices for run, devices in formed.items() if devices.shape == size}
    return booked, replace(unknown, formed_by=fits)
