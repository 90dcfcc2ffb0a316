"""What a person has agreed to for all runs alike, and how far that reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gui.planner import DrawnScheme
from labctl.plan import Plan

Points = NDArray[np.float64]


@dataclass(frozen=True)
class About:
    """Runs that are alike: the same procedure on the same die and bench."""

    kind: str
    """REAL or SIMULATED."""
    bench: str
    """Name of the bench."""
    die: str | None
    procedure: str
    run: str = ""
    """The run that is gone on with; empty for a new one."""


@dataclass(frozen=True, eq=False)
class Extent:
    """What a run does to a device at most."""

    volts: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Pad to its lowest and highest voltage, V."""
    waveforms: Mapping[tuple[str, str], Points] = field(default_factory=dict)
    """Scheme and pad to points of seconds and volts."""
    pulses: Mapping[str, int] = field(default_factory=dict)
    """Kind to pulses a device."""
    energy_j: float = 0.0
    """Of the pulses, a device."""

    @classmethod
    def of(cls, plan: Plan, schemes: Sequence[DrawnScheme]) -> Extent:
        """That of a plan and its pulse schemes."""
        return cls(
            {pad.pad: (pad.lowest_v, pad.highest_v) for pad in plan.pads},
            {(one.name, pad): points for one in schemes for pad, points in one.points.items()},
            dict(plan.pulses_per_device),
            plan.energy_per_device_j,
        )

    def covers(self, other: Extent) -> bool:
        """Whether the other one exceeds this nowhere.

        Pulses are compared point by point: what forms a device hides from the extremes of a pad
        what programs it.
        """
        return (
            all(_is_within(volts, self.volts.get(pad)) for pad, volts in other.volts.items())
            and all(
                name in self.waveforms and _are_within(points, self.waveforms[name])
                for name, points in other.waveforms.items()
            )
            and all(number <= self.pulses.get(kind, 0) for kind, number in other.pulses.items())
            and other.energy_j <= self.energy_j
        )


def _is_within(volts: tuple[float, float], agreed: tuple[float, float] | None) -> bool:
    return agreed is not None and agreed[0] <= volts[0] and volts[1] <= agreed[1]


def _are_within(points: Points, agreed: Points) -> bool:
    """Whether a pulse has the times of the other and is nowhere farther from 0 V."""
    if not np.array_equal(points[:, 0], agreed[:, 0]):
        return False
    volts, limit = points[:, 1], agreed[:, 1]
    return bool(np.all((np.minimum(limit, 0) <= volts) & (volts <= np.maximum(limit, 0))))


class Agreed:
    """All that was agreed to. Two agreements do not add up to a third."""

    def __init__(self) -> None:
        self._extents: dict[About, list[Extent]] = {}

    def add(self, about: About, extent: Extent) -> None:
        """From now on nothing is asked about such runs that stay within this."""
        self._extents.setdefault(about, []).append(extent)

    def covers(self, about: About, extent: Extent) -> bool:
        """Whether such a run needs no question."""
        return any(agreed.covers(extent) for agreed in self._extents.get(about, ()))
