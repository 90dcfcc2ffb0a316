"""Distributions of the resistances of a run as it grows, for a sigma plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gui.models.programmings import Programming, Programmings
from labctl.analysis.distributions import SigmaPlot
from labctl.analysis.readings import ABOVE, BELOW
from labctl.analysis.running import RunningDistribution
from labctl.store.folder import RunFolder
from labctl.store.tail import News

DEVICES = ("BL", "BLb")


@dataclass(frozen=True)
class Group:
    """Whose readings: a device, its programmed state, and the window of a cycled pair."""

    window: int = -1
    """-1 where there are no windows."""
    state: str = ""
    """LRS or HRS; empty where it is not known."""
    device: str = "BL"


@dataclass(frozen=True, eq=False)
class SigmaPicture:
    """Sigma plots; of windows the first and the last one, all pairs together."""

    plots: Mapping[Group, SigmaPlot]
    last: Mapping[Group, NDArray[np.float64]]
    """Resistance of each cell when last read, ohm, (rows, columns); NaN if it is in no group."""
    reference_ohm: float = float("nan")
    """The fixed 1T1R reference; NaN without one."""
    condition: tuple[float, ...] = ()
    """What the array was programmed with, where that varies: only such readings are in.

    SET compliance (A), then RESET voltage (V) and pulse width (s) where they vary too.
    """


class SigmaModel:
    """Resistances of one run, by device and state."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._programmings = Programmings()
        self._groups: dict[Group, RunningDistribution] = {}
        self._last: dict[Group, NDArray[np.float64]] = {}
        self._reference_ohm = float("nan")
        self._condition: tuple[float, ...] = ()
        self._pairs_differ = False

    @property
    def picture(self) -> SigmaPicture:
        """Plots of the groups that are shown."""
        windows = {group.window for group in self._groups}
        ends = {min(windows, default=-1), max(windows, default=-1)}
        shown = sorted(
            (group for group in self._groups if group.window in ends),
            key=lambda group: (group.window, group.state == "HRS", group.device),
        )
        plots = {group: self._groups[group].sigma_plot() for group in shown}
        last = {group: known.copy() for group, known in self._last.items()}
        return SigmaPicture(plots, last, self._reference_ohm, self._condition)

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in new resistances; whether there were any."""
        if news.restarted:
            self._begin()
        changed = news.restarted
        self._reference_ohm = float(folder.record["parameters"].get("reference", "nan"))
        for one in self._programmings.of(news):
            if one.resistance is not None:
                self._begin_condition(one.condition)
                self._add(one, one.resistance)
                changed = True
        # Pairs that are cycled at different conditions make no distribution together.
        self._pairs_differ = self._pairs_differ or "pair_compliance" in news.arrays
        return (not self._pairs_differ and self._add_cycled(news)) or changed

    def _begin_condition(self, condition: tuple[float, ...]) -> None:
        """Readings at another condition belong to another distribution."""
        if condition != self._condition:
            self._condition = condition
            self._groups.clear()
            self._last.clear()

    def _add(self, one: Programming, resistance: NDArray[np.float64]) -> None:
        """Count readings; of a state that is read again only the last one counts."""
        for device, name in enumerate(DEVICES):
            for state in ("LRS", "HRS", ""):
                where = _in_state(one.bits, resistance.shape[1:3], state, device)
                if not where.any():
                    continue
                group = Group(state=state, device=name)
                self._keep_last(group, where, resistance[-1, ..., device])
                if one.is_new:
                    self._of(group).add(resistance[:, where, device])
                else:
                    self._groups[group] = RunningDistribution()
                    self._groups[group].add(self._last[group])

    def _keep_last(self, group: Group, where: NDArray[np.bool_], ohms: NDArray[np.float64]) -> None:
        for other, last in self._last.items():
            if other.device == group.device:
                last[where & np.isfinite(ohms)] = np.nan
        last = self._last.setdefault(group, np.full(where.shape, np.nan))
        np.copyto(last, ohms, where=where & np.isfinite(ohms))

    def _add_cycled(self, news: News) -> bool:
        """Readings in the loops of cycled pairs."""
        names = ("resistance_of", "resistance", "censored")
        records = list(zip(*(news.arrays.get(name, []) for name in names), strict=False))
        for of, ohms, censored in records:
            _, window, bit, _, readings = of.tolist()
            for device, name in enumerate(DEVICES):
                self._add_readings(
                    Group(window, _state(bit, device), name),
                    ohms[:readings, device],
                    censored[:readings, device],
                )
        return bool(records)

    def _add_readings(self, group: Group, ohms: NDArray[Any], codes: NDArray[Any]) -> None:
        self._of(group).add(
            ohms, int(np.count_nonzero(codes == BELOW)), int(np.count_nonzero(codes == ABOVE))
        )

    def _of(self, group: Group) -> RunningDistribution:
        return self._groups.setdefault(group, RunningDistribution())


def _state(bit: int, device: int) -> str:
    """Bit 0 leaves BL in its LRS and BLb in its HRS, bit 1 the opposite."""
    return "LRS" if bit == device else "HRS"


def _in_state(
    bits: NDArray[np.uint8] | None, shape: tuple[int, ...], state: str, device: int
) -> NDArray[np.bool_]:
    """Cells whose device was programmed to a state; "" for cells that nothing is known of."""
    if bits is None:
        return np.full(shape, state == "")
    if not state:
        return np.zeros(shape, dtype=bool)
    return np.asarray(bits == (device if state == "LRS" else 1 - device))
