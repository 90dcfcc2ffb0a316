"""Quasi-static sweeps of a run: the last ones, with the voltages at which they switched."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.iv import reset_switching, set_switching
from labctl.store.folder import RunFolder
from labctl.store.tail import News

Floats = NDArray[np.float64]

KINDS = ("form", "set", "reset")
SWEEPS_KEPT = 60
"""The last sweeps, of all kinds together."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """One sweep, there and back."""

    kind: str
    row: int
    column: int
    device: int
    """0 BL, 1 BLb."""
    cycle: int
    volts: Floats
    """From SL to the bit line, so negative in RESET, (2 n,)."""
    amperes: Floats
    """Magnitude, (2 n,); NaN without a reading and at 0 V."""
    switched_v: float
    """Where it switched, with the sign of ``volts``; NaN if it did not."""
    switched_a: float
    """Magnitude of the current there, on the way out."""

    @property
    def place(self) -> tuple[int, int, int]:
        """Row, column and device."""
        return self.row, self.column, self.device


@dataclass(frozen=True, eq=False)
class IVPicture:
    """The last sweeps, oldest first; ``sweeps`` counts all."""

    last: tuple[Sweep, ...] = ()
    sweeps: int = 0


class IVModel:
    """Sweeps of one run."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._volts: dict[str, Floats] = {}
        self._last: deque[Sweep] = deque(maxlen=SWEEPS_KEPT)
        self._sweeps = 0

    @property
    def picture(self) -> IVPicture:
        """The last sweeps."""
        return IVPicture(tuple(self._last), self._sweeps)

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in new sweeps; whether there were any."""
        if news.restarted:
            self._begin()
        for kind in KINDS:
            for volts in news.arrays.get(f"{kind}_voltage", []):
                self._volts[kind] = volts
        swept = news.arrays.get("swept", [])
        for number, place in enumerate(swept):
            for kind in KINDS:
                currents = news.arrays.get(f"{kind}_current", [])
                if number < len(currents) and np.isfinite(currents[number]).any():
                    self._add(kind, place, currents[number])
        return bool(swept) or news.restarted

    def _add(self, kind: str, place: NDArray[np.int64], amperes: Floats) -> None:
        volts = self._volts[kind]
        found = (reset_switching if kind == "reset" else set_switching)(volts, amperes)
        sign = -1.0 if kind == "reset" else 1.0
        magnitude = np.where(volts == 0, np.nan, np.abs(amperes))
        out = slice(0, volts.size // 2)
        switched_a = np.nan
        if found.switched:
            nearest = int(np.nanargmin(np.abs(np.abs(volts[out]) - found.volts)))
            switched_a = float(magnitude[out][nearest])
        row, column, device, cycle = (int(n) for n in place)
        self._last.append(
            Sweep(
                kind,
                *(row, column, device, cycle),
                volts=sign * np.abs(volts),
                amperes=magnitude,
                switched_v=sign * found.volts,
                switched_a=switched_a,
            )
        )
        self._sweeps += 1
