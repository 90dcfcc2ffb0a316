"""A pattern programmed once, wrong bits repeated: what the first programming left, what is left.

Round 0 programs every bit, each later round those that read wrong, by a cycle of inverse and
pattern. Only round 0 is a fair trial of every bit: later rounds try those that failed before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.checkerboard import CheckerboardResult, analyse_checkerboard
from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.maps import NOT_READ

NOT_PROGRAMMED = NOT_READ
"""In a pattern: a bit that the run leaves alone."""


@dataclass(frozen=True)
class Round:
    """One round; ``wrong`` are those of ``programmed`` that read wrong after it."""

    programmed: int
    wrong: int


@dataclass(frozen=True)
class ProgramResult:
    """Maps are (rows, columns); cells that were not programmed are 0 or `NOT_PROGRAMMED`."""

    bits: int
    pattern: NDArray[np.uint8]
    first: CheckerboardResult
    """After round 0: bit error rates, distributions."""
    rounds: list[Round]
    attempts: NDArray[np.int64]
    """How often the pattern was programmed into each bit, inverses not counted."""
    programmings: NDArray[np.int64]
    """Programmings of each bit in all rounds, inverses counted: as many SET and RESET pulses."""
    sensed: NDArray[np.uint8]
    """Last reading of each bit by the amplifiers."""
    resistance: NDArray[np.float64]
    """Last reading of each device (rows, columns, 2), ohm."""
    wrong: NDArray[np.bool_]
    """Bits that read wrong when last read."""
    still_wrong: ErrorRate
    """Of the bits whose last reading is known."""


def analyse_program(
    pattern: NDArray[np.uint8],
    programmed: NDArray[np.uint8],
    resistance: NDArray[np.float64],
    sensed: NDArray[np.uint8],
    reference_ohm: float,
    decided_by_smu: bool,
) -> ProgramResult:
    """Rounds and last state of one programming.

    ``pattern`` (rows, columns), `NOT_PROGRAMMED` outside; ``programmed`` (rounds, rows, columns):
    programmings in each round, inverse included; ``resistance`` (rounds, rows, columns, 2) ohm and
    ``sensed`` (rounds, rows, columns) as they were read. ``decided_by_smu``: a bit is wrong if a
    device of it lies on the wrong side of the reference, instead of by what was sensed.

    >>> pattern, none = np.array([[0, 1]], np.uint8), np.full((2, 1, 2, 2), np.nan)
    >>> rounds = np.array([[[1, 1]], [[0, 2]]], np.uint8)
    >>> sensed = np.array([[[0, 0]], [[255, 1]]], np.uint8)
    >>> result = analyse_program(pattern, rounds, none, sensed, 5e4, decided_by_smu=False)
    >>> result.rounds, result.attempts.tolist(), result.programmings.tolist()
    ([Round(programmed=2, wrong=1), Round(programmed=1, wrong=0)], [[1, 2]], [[1, 3]])
    """
    asked = pattern != NOT_PROGRAMMED
    last_sensed = np.full(pattern.shape, NOT_READ, dtype=np.uint8)
    last_resistance = np.full((*pattern.shape, 2), np.nan)
    known = np.zeros(pattern.shape, dtype=bool)
    wrong = np.zeros(pattern.shape, dtype=bool)
    rounds = []
    for counts, ohms, bits in zip(programmed, resistance, sensed, strict=True):
        where = counts > 0
        last_sensed[where], last_resistance[where] = bits[where], ohms[where]
        read, failed = _judged(pattern, ohms, bits, reference_ohm, decided_by_smu)
        known[where], wrong[where] = read[where], failed[where]
        rounds.append(Round(int(np.count_nonzero(where)), int(np.count_nonzero(failed & where))))
    unformed = np.zeros((*pattern.shape, 2), dtype=bool)
    return ProgramResult(
        bits=int(np.count_nonzero(asked)),
        pattern=pattern,
        first=analyse_checkerboard(
            pattern[np.newaxis], resistance[:1], sensed[:1], unformed, reference_ohm
        ),
        rounds=rounds,
        attempts=np.count_nonzero(programmed, axis=0),
        programmings=programmed.sum(axis=0, dtype=np.int64),
        sensed=last_sensed,
        resistance=last_resistance,
        wrong=wrong,
        still_wrong=error_rate(int(wrong.sum()), int(known.sum())),
    )


def _judged(
    pattern: NDArray[np.uint8],
    ohms: NDArray[np.float64],
    bits: NDArray[np.uint8],
    reference_ohm: float,
    decided_by_smu: bool,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Bits whose reading decides, and those that are wrong; (rows, columns) each."""
    if not decided_by_smu:
        return bits != NOT_READ, (bits != NOT_READ) & (bits != pattern)
    hrs = np.stack([pattern == 1, pattern == 0], axis=-1)
    wrong = np.where(hrs, ohms < reference_ohm, ohms >= reference_ohm).any(axis=-1)
    return np.asarray(np.isfinite(ohms).all(axis=-1) | wrong), np.asarray(wrong)
