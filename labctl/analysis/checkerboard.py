"""The first experiment of the paper (section 3.1, Fig. 4a-d) from its three arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.distributions import SigmaPlot, Window, median_ohm, sigma_plot, window
from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.forming import Device, unformed_devices
from labctl.analysis.maps import NOT_READ, UNDECIDED, PatternMap, dead_cells, pattern_maps
from labctl.analysis.references import ReferenceErrors, best_reference, errors_at
from labctl.analysis.sense_amplifier import SenseErrors, hrs_over_lrs, sense_errors


@dataclass(frozen=True)
class StateDistribution:
    """Resistances of one side of the pairs (BL or BLb) in one state (LRS or HRS)."""

    state: str
    device: str
    median_ohm: float | None
    plot: SigmaPlot


@dataclass(frozen=True)
class CellErrors:
    """How the wrong bits spread over the cells; maps are (rows, columns)."""

    errors: NDArray[np.int64]
    reads: NDArray[np.int64]
    """Reads that count; 0 where the bit is masked."""
    cells: int
    without_error: int
    at_least_5_percent: int
    worst_rate: float
    share_of_worst_percent: float | None
    """Share of all wrong bits that the worst 1 % of the cells make; None without a wrong bit."""


@dataclass(frozen=True)
class CheckerboardResult:
    """Everything that the summary, the terminal table and the report say of a checkerboard run."""

    programmings: int
    masked: NDArray[np.bool_]
    """Bits (rows, columns) left out everywhere because a device of theirs is unformed."""
    unformed: list[Device]
    best: ReferenceErrors
    """1T1R at the best single reference."""
    fixed: ReferenceErrors
    """1T1R at the reference chosen before the run."""
    ber_2t2r: ErrorRate
    zeros_read_wrong: int
    ones_read_wrong: int
    undecided: int | None
    """Of the wrong bits, those whose two latch outputs were alike; None where ``sensed`` holds no
    undecided bit at all, as in every run that does not read QB."""
    not_read: int
    """Usable bits that the PCSA did not read; in no count."""
    distributions: list[StateDistribution]
    """LRS and HRS of BL and BLb."""
    window: Window | None
    maps: list[PatternMap]
    cells: CellErrors
    dead_cells: list[tuple[int, int]] | None
    sense: SenseErrors

    @property
    def readings(self) -> int:
        """Resistance readings with a value."""
        return sum(one.plot.readings for one in self.distributions)

    def median_ohm(self, state: str, device: str) -> float | None:
        """Median resistance of ``state`` (LRS, HRS) on ``device`` (BL, BLb), ohm."""
        return next(
            d.median_ohm for d in self.distributions if (d.state, d.device) == (state, device)
        )


def analyse_checkerboard(
    pattern: NDArray[np.uint8],
    resistance: NDArray[np.float64],
    sensed: NDArray[np.uint8],
    unformed: NDArray[np.bool_],
    reference_ohm: float,
) -> CheckerboardResult:
    """Error rates, distributions, maps and PCSA errors of n measured programmings.

    ``pattern`` (n, rows, columns): the programmed bits. ``resistance`` (n, rows, columns, 2): ohm
    of BL and BLb, NaN without a valid reading. ``sensed`` (n, rows, columns): 0, 1, 2 = undecided
    (a wrong bit), 255 = not read (no trial). ``unformed`` (rows, columns, 2). A bit with an
    unformed device cannot be programmed: it and both its devices are left out of every number.
    Raises ValueError when the shapes do not fit together.
    """
    _check_shapes(pattern, resistance, sensed, unformed)
    masked = np.asarray(unformed.any(axis=-1))
    usable = ~masked
    bits, ohms = pattern[:, usable], resistance[:, usable]
    readings = {
        ("LRS", "BL"): ohms[bits == 0, 0],
        ("LRS", "BLb"): ohms[bits == 1, 1],
        ("HRS", "BL"): ohms[bits == 1, 0],
        ("HRS", "BLb"): ohms[bits == 0, 1],
    }
    lrs = np.concatenate([readings["LRS", "BL"], readings["LRS", "BLb"]])
    hrs = np.concatenate([readings["HRS", "BL"], readings["HRS", "BLb"]])

    read = sensed[:, usable] != NOT_READ
    wrong = (sensed[:, usable] != bits) & read
    maps = pattern_maps(pattern, sensed, masked)
    return CheckerboardResult(
        programmings=len(pattern),
        masked=masked,
        unformed=unformed_devices(unformed),
        best=best_reference(lrs, hrs),
        fixed=errors_at(reference_ohm, lrs, hrs),
        ber_2t2r=error_rate(int(wrong.sum()), int(read.sum())),
        zeros_read_wrong=int(np.count_nonzero(wrong & (bits == 0))),
        ones_read_wrong=int(np.count_nonzero(wrong & (bits == 1))),
        undecided=_undecided(sensed, usable),
        not_read=int(np.count_nonzero(~read)),
        distributions=[
            StateDistribution(state, device, median_ohm(ohm), sigma_plot(ohm))
            for (state, device), ohm in readings.items()
        ],
        window=window(lrs, hrs),
        maps=maps,
        cells=_cell_errors(maps, masked),
        dead_cells=dead_cells(maps),
        sense=sense_errors(hrs_over_lrs(bits, ohms)[read], wrong[read]),
    )


def _check_shapes(
    pattern: NDArray[np.uint8],
    resistance: NDArray[np.float64],
    sensed: NDArray[np.uint8],
    unformed: NDArray[np.bool_],
) -> None:
    bits = pattern.shape
    expected = {"resistance": (*bits, 2), "sensed": bits, "unformed": (*bits[1:], 2)}
    found = {"resistance": resistance.shape, "sensed": sensed.shape, "unformed": unformed.shape}
    if len(bits) != 3 or found != expected:
        raise ValueError(f"shapes do not fit a pattern of {bits}: {found}, wanted {expected}")


def _undecided(sensed: NDArray[np.uint8], usable: NDArray[np.bool_]) -> int | None:
    if not (sensed == UNDECIDED).any():
        return None
    return int(np.count_nonzero(sensed[:, usable] == UNDECIDED))


def _cell_errors(maps: list[PatternMap], masked: NDArray[np.bool_]) -> CellErrors:
    errors = np.zeros(masked.shape, dtype=np.int64)
    reads = np.zeros(masked.shape, dtype=np.int64)
    for one in maps:
        errors += one.errors
        reads += one.reads
    counted = reads > 0
    rates = errors[counted] / reads[counted]
    total = int(errors.sum())
    worst = np.sort(errors[counted])[::-1][: max(1, round(rates.size / 100))]
    return CellErrors(
        errors=errors,
        reads=reads,
        cells=rates.size,
        without_error=int(np.count_nonzero(rates == 0)),
        at_least_5_percent=int(np.count_nonzero(rates >= 0.05)),
        worst_rate=float(rates.max(initial=0.0)),
        share_of_worst_percent=float(worst.sum() / total) if total else None,
    )
