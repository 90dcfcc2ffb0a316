"""Between the pulse generators and the chip: many repetitions of one waveform in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from instruments.sim.waveform import Floats, PadWaveform


@dataclass(frozen=True, eq=False)
class LoopCurrents:
    """Currents (A) of ``loops`` loops in a row at the sample moments of each.

    ``levels[pad]`` is (m, loops); ``level_of[pad]`` (k,) says which of the m each of the pad's k
    moments shows: moments between which nothing happens share one.
    """

    loops: int
    levels: Mapping[str, Floats]
    level_of: Mapping[str, NDArray[np.intp]]

    @classmethod
    def of_one(cls, currents: Mapping[str, Floats]) -> LoopCurrents:
        """Currents of one loop as a chip's ``play`` gives them."""
        return cls(
            1,
            {pad: values[:, None] for pad, values in currents.items()},
            {pad: np.arange(len(values)) for pad, values in currents.items()},
        )


TakeCurrents = Callable[[LoopCurrents], None]


class PlaysOneByOne(Protocol):
    """What any chip can do."""

    def play(
        self, waveform: PadWaveform, samples: Mapping[str, Floats] | None = None
    ) -> dict[str, Floats]:
        """Put a waveform on the pads; returns the currents (A) at the ``samples`` (s) by pad."""


@runtime_checkable
class PlaysLoops(Protocol):
    """A chip that can be given many loops at once."""

    def play_loops(
        self,
        waveform: PadWaveform,
        loops: int,
        samples: Mapping[str, Floats],
        take: TakeCurrents,
    ) -> None:
        """As so many calls of ``play``; ``take`` gets the currents in order, if any are wanted."""


def play_one_by_one(
    chip: PlaysOneByOne,
    waveform: PadWaveform,
    loops: int,
    samples: Mapping[str, Floats],
    take: TakeCurrents,
) -> None:
    """What `PlaysLoops.play_loops` does, for a chip that cannot."""
    for _ in range(loops):
        currents = chip.play(waveform, samples or None)
        if samples:
            take(LoopCurrents.of_one(currents))
