"""Disturb: does stress move devices that it should leave alone? Each beside a reference device.

A pair of bits is (group, victim row, victim column, reference row, reference column); both bits
hold the same value, the reference is not stressed and is read as often. Of n checkpoints, the first
before any stress, with k readings each: resistance (n, k, rows, columns, 2) in ohm, BL first, and
sensed (n, rows, columns).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.changes import Floats, is_change, log_resistance, mean_estimate, state_masks
from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.estimates import Estimate
from labctl.analysis.maps import NOT_READ

STATES = ("LRS", "HRS")
MOVED_DECADES = 0.3
"""A device that changed by more than this, a factor of 2, has moved: read noise does less."""


@dataclass(frozen=True, eq=False)
class DisturbReads:
    """What was stored; see the module for the shapes. ``usable`` is (rows, columns)."""

    pairs: NDArray[np.int64]
    pattern: NDArray[np.uint8]
    usable: NDArray[np.bool_]
    stress: Floats
    """How much stress before each checkpoint: number of it, or s."""
    resistance: Floats
    sensed: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Change:
    """Devices of one group and state at one checkpoint, against the first."""

    stress: float
    pairs: int
    """Victim and reference devices with valid readings at both checkpoints."""
    excess: Estimate | None
    """Mean change of log10 R of the victims minus that of their references, decades."""
    is_seen: bool | None
    """The excess is not 0 with 99.9 %."""
    victims: Floats
    """Change of log10 R of each victim, decades."""
    references: Floats
    """The same of its reference."""
    moved: ErrorRate
    """Victims that changed by more than `MOVED_DECADES`."""
    moved_references: ErrorRate


@dataclass(frozen=True)
class BitErrors:
    """What the PCSA reads of the bits of one group at one checkpoint."""

    stress: float
    wrong: ErrorRate
    wrong_references: ErrorRate
    changed: ErrorRate
    """Victim bits that read otherwise than at the first checkpoint."""
    changed_references: ErrorRate


@dataclass(frozen=True)
class GroupResult:
    """One group of victims at every checkpoint after the first."""

    group: int
    bits: int
    changes: dict[str, list[Change]]
    errors: list[BitErrors]
    """At every checkpoint, the first included."""


def analyse_disturb(reads: DisturbReads) -> list[GroupResult]:
    """Changes of each group of victims, in the order of the groups.

    A pair counts only if all four of its devices are usable.

    >>> resistance = np.full((2, 1, 2, 3, 2), 1e4)
    >>> resistance[1, :, 0] *= 10**0.5
    >>> resistance[1, :, 0, 0] *= 1.1
    >>> reads = DisturbReads(
    ...     pairs=np.array([[0, 0, column, 1, column] for column in range(3)]),
    ...     pattern=np.zeros((2, 3), dtype=np.uint8),
    ...     usable=np.ones((2, 3), dtype=bool),
    ...     stress=np.array([0.0, 100.0]),
    ...     resistance=resistance,
    ...     sensed=np.zeros((2, 2, 3), dtype=np.uint8),
    ... )
    >>> (group,) = analyse_disturb(reads)
    >>> change = group.changes["LRS"][0]
    >>> change.stress, round(change.excess.value, 2), change.is_seen, change.moved.errors
    (100.0, 0.51, True, 3)
    """
    first, second = reads.pairs[:, 1:3].T, reads.pairs[:, 3:5].T
    kept = reads.usable[tuple(first)] & reads.usable[tuple(second)]
    return [
        _group(reads, group, reads.pairs[kept & (reads.pairs[:, 0] == group)])
        for group in np.unique(reads.pairs[:, 0]).tolist()
    ]


def _group(reads: DisturbReads, group: int, pairs: NDArray[np.int64]) -> GroupResult:
    victims, references = tuple(pairs[:, 1:3].T), tuple(pairs[:, 3:5].T)
    # Mean of the valid readings of a checkpoint, (n, rows, columns, 2).
    level = _mean_of_valid(log_resistance(reads.resistance))
    change = level - level[0]
    masks = state_masks(reads.pattern)
    changes = {
        state: [
            _change(float(stress), now[victims][mask[victims]], now[references][mask[references]])
            for stress, now in zip(reads.stress[1:], change[1:], strict=True)
        ]
        for state, mask in masks.items()
    }
    errors = [_bit_errors(reads, index, victims, references) for index in range(len(reads.sensed))]
    return GroupResult(group, len(pairs), changes, errors)


def _mean_of_valid(logs: Floats) -> Floats:
    """Mean over the readings (axis 1); NaN where none is valid."""
    valid = np.isfinite(logs)
    number = valid.sum(axis=1)
    mean = np.full(number.shape, np.nan)
    np.divide(np.where(valid, logs, 0.0).sum(axis=1), number, out=mean, where=number > 0)
    return mean


def _change(stress: float, victims: Floats, references: Floats) -> Change:
    both = np.isfinite(victims) & np.isfinite(references)
    victims, references = victims[both], references[both]
    return Change(
        stress=stress,
        pairs=int(both.sum()),
        excess=mean_estimate(victims - references),
        is_seen=is_change(victims - references),
        victims=victims,
        references=references,
        moved=_share(np.abs(victims) > MOVED_DECADES),
        moved_references=_share(np.abs(references) > MOVED_DECADES),
    )


def _bit_errors(
    reads: DisturbReads,
    index: int,
    victims: tuple[NDArray[np.int64], ...],
    references: tuple[NDArray[np.int64], ...],
) -> BitErrors:
    wrong = reads.sensed[index] != reads.pattern
    changed = reads.sensed[index] != reads.sensed[0]
    read = reads.sensed[index] != NOT_READ
    both = read & (reads.sensed[0] != NOT_READ)
    return BitErrors(
        stress=float(reads.stress[index]),
        wrong=_share(wrong[victims][read[victims]]),
        wrong_references=_share(wrong[references][read[references]]),
        changed=_share(changed[victims][both[victims]]),
        changed_references=_share(changed[references][both[references]]),
    )


def _share(marks: NDArray[np.bool_]) -> ErrorRate:
    return error_rate(int(np.count_nonzero(marks)), marks.size)
