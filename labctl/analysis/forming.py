"""Forming of an array: how many formed, at which voltage, and which did not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.weibull import SwitchingFit, fit_lognormal, fit_weibull

DEVICES = ("BL", "BLb")

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Device:
    """One device of the array by its address."""

    row: int
    column: int
    device: str
    """BL or BLb."""


@dataclass(frozen=True, eq=False)
class FormingArrays:
    """What a run knows of each device, all (rows, columns, 2) with BL first.

    A device that is in none of ``unformed`` and ``formed_before`` and has no ``highest_v`` was not
    in the run.
    """

    voltage: Floats
    """Forming voltage, V; NaN where none was seen."""
    unformed: Bools
    """Unformed, or unreadable, when the run had done with it."""
    formed_before: Bools
    """Formed when the run began."""
    highest_v: Floats
    """Highest voltage that forming put on SL for it, V; NaN without a pulse."""
    pulses: NDArray[np.uint32]
    """Forming pulses in this run."""

    @property
    def tried(self) -> Bools:
        """Pristine, and pulsed in this run."""
        return np.asarray(np.isfinite(self.highest_v) & ~self.formed_before)

    @property
    def never_formed(self) -> Bools:
        """Tried in vain."""
        return np.asarray(self.tried & self.unformed)

    @property
    def quantiles_v(self) -> tuple[float, float, float] | None:
        """16, 50 and 84 % quantiles of the forming voltages, V; None when none was seen."""
        seen = self.voltage[np.isfinite(self.voltage)]
        if not seen.size:
            return None
        low, median, high = np.quantile(seen, [0.16, 0.5, 0.84]).tolist()
        return low, median, high

    def switching_data(self) -> tuple[Floats, Bools]:
        """Volts (n,) and right-censoring marks (n,) of the devices tried, for fits and plots.

        One that never formed has the highest voltage that it has withstood. One that formed with no
        forming voltage seen is left out.
        """
        never = self.never_formed
        volts = np.where(never, self.highest_v, self.voltage)
        told = self.tried & np.isfinite(volts)
        return volts[told], never[told]


@dataclass(frozen=True)
class FormingResult:
    """Forming of one array; voltages are None when no device formed in this run."""

    devices: int
    """Devices that the run was asked to form."""
    formed_here: int
    formed_before: int
    """Formed when the run began, and left alone."""
    formed_again: int
    """Formed when the run began, and pulsed because that was asked for."""
    unformed: list[Device]
    """Unformed or unreadable."""
    not_formed: ErrorRate
    """Devices that never formed, of those that this run tried to form."""
    pulses: int
    """Forming pulses, all together."""
    median_v: float | None
    q16_v: float | None
    """16 % quantile of the forming voltages."""
    q84_v: float | None
    """84 % quantile of the forming voltages."""
    lowest_v: float | None
    highest_v: float | None
    weibull: SwitchingFit | None
    """None without two different voltages."""
    lognormal: SwitchingFit | None

    @property
    def forming_yield(self) -> float | None:
        """Share of the tried devices that formed; None when none was tried."""
        return None if self.not_formed.value is None else 1 - self.not_formed.value

    @property
    def better_fit(self) -> SwitchingFit | None:
        """The fit of the higher likelihood."""
        fits = [fit for fit in (self.weibull, self.lognormal) if fit is not None]
        return max(fits, key=lambda fit: fit.log_likelihood, default=None)


def unformed_devices(unformed: Bools) -> list[Device]:
    """Names of the devices marked in ``unformed`` (rows, columns, 2), in address order.

    >>> unformed_devices(np.array([[[False, True]]]))
    [Device(row=0, column=0, device='BLb')]
    """
    return [Device(int(r), int(c), DEVICES[d]) for r, c, d in np.argwhere(unformed)]


def analyse_forming(arrays: FormingArrays, step_v: float = 0.0) -> FormingResult:
    """Counts, quantiles and fits of a forming run.

    ``step_v`` is the distance of a ladder's tops, V: a device that formed at a top had not at the
    one before. Quantiles are of the devices that formed; the fits count those that never did.

    >>> volts = np.array([[[2.5, 2.7], [np.nan, np.nan]]])
    >>> result = analyse_forming(FormingArrays(
    ...     voltage=volts,
    ...     unformed=np.array([[[False, False], [True, False]]]),
    ...     formed_before=np.array([[[False, False], [False, True]]]),
    ...     highest_v=np.array([[[3.3, 3.3], [3.3, np.nan]]]),
    ...     pulses=np.array([[[1, 1], [1, 0]]], dtype=np.uint32)))
    >>> result.formed_here, result.formed_before, round(result.median_v, 2), result.pulses
    (2, 1, 2.6, 3)
    >>> result.not_formed.errors, result.not_formed.trials, result.weibull.censored
    (1, 3, 1)
    """
    seen = arrays.voltage[np.isfinite(arrays.voltage)]
    q16, median, q84 = arrays.quantiles_v or (None, None, None)
    tried = int(np.count_nonzero(arrays.tried))
    never = int(np.count_nonzero(arrays.never_formed))
    pulsed = np.isfinite(arrays.highest_v)
    in_the_run = arrays.unformed | arrays.formed_before | pulsed
    volts, censored = arrays.switching_data()
    return FormingResult(
        devices=int(np.count_nonzero(in_the_run)),
        formed_here=tried - never,
        formed_before=int(np.count_nonzero(arrays.formed_before & ~pulsed)),
        formed_again=int(np.count_nonzero(arrays.formed_before & pulsed)),
        unformed=unformed_devices(arrays.unformed),
        not_formed=error_rate(never, tried),
        pulses=int(arrays.pulses.sum()),
        median_v=median,
        q16_v=q16,
        q84_v=q84,
        lowest_v=float(seen.min()) if seen.size else None,
        highest_v=float(seen.max()) if seen.size else None,
        weibull=fit_weibull(volts, censored, step_v),
        lognormal=fit_lognormal(volts, censored, step_v),
    )
