"""Forming voltages of a run as it grows: shares formed against voltage, and their fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.forming import FormingArrays
from labctl.analysis.weibull import (
    Distribution,
    SwitchedShare,
    SwitchingFit,
    fit_lognormal,
    fit_weibull,
    kaplan_meier,
)
from labctl.store.folder import RunFolder
from labctl.store.tail import News

_ELSEWHERE = {
    "forming_voltage": np.nan,
    "unformed": 0,
    "formed_before": 0,
    "highest_voltage": np.nan,
    "forming_pulses": 0,
}
"""What a forming run stores of each row, and what stands where no row was reached."""


@dataclass(frozen=True, eq=False)
class FormingPicture:
    """Devices tried so far; those that never formed are censored at the highest voltage."""

    shares: SwitchedShare | None = None
    fits: Mapping[Distribution, SwitchingFit] = field(default_factory=dict)
    formed: int = 0
    never: int = 0
    formed_before: int = 0
    median_v: float | None = None
    """Of the devices that formed."""


class FormingModel:
    """Devices of one forming run."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[str, NDArray[Any]]] = {}
        self._step_v = 0.0

    @property
    def picture(self) -> FormingPicture:
        """Shares and fits of the rows so far."""
        if not self._rows:
            return FormingPicture()
        arrays = self._arrays()
        volts, censored = arrays.switching_data()
        quantiles_v = arrays.quantiles_v
        found: dict[Distribution, SwitchingFit | None] = {
            "weibull": fit_weibull(volts, censored, self._step_v),
            "lognormal": fit_lognormal(volts, censored, self._step_v),
        }
        never = int(np.count_nonzero(censored))
        return FormingPicture(
            shares=kaplan_meier(volts, censored) if volts.size else None,
            fits=MappingProxyType({name: fit for name, fit in found.items() if fit is not None}),
            formed=volts.size - never,
            never=never,
            formed_before=int(np.count_nonzero(arrays.formed_before)),
            median_v=quantiles_v[1] if quantiles_v else None,
        )

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in new rows of the array; whether there were any."""
        if news.restarted:
            self._rows = {}
        parameters = folder.record["parameters"]
        is_ladder = parameters.get("mode") == "ladder"
        self._step_v = float(parameters["ladder_step"]) if is_ladder else 0.0
        new = news.arrays.get("row", []) if _ELSEWHERE.keys() <= news.arrays.keys() else []
        for number, row in enumerate(new):
            self._rows[int(row)] = {name: news.arrays[name][number] for name in _ELSEWHERE}
        return bool(new) or news.restarted

    def _arrays(self) -> FormingArrays:
        """What is known, placed by row."""
        columns = next(iter(self._rows.values()))["unformed"].shape
        placed: dict[str, NDArray[Any]] = {}
        for name, elsewhere in _ELSEWHERE.items():
            placed[name] = np.full((max(self._rows) + 1, *columns), elsewhere, dtype=float)
            for row, records in self._rows.items():
                placed[name][row] = records[name]
        return FormingArrays(
            voltage=placed["forming_voltage"],
            unformed=placed["unformed"].astype(bool),
            formed_before=placed["formed_before"].astype(bool),
            highest_v=placed["highest_voltage"],
            pulses=placed["forming_pulses"].astype(np.uint32),
        )
