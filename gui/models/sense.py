"""Errors of the sense amplifiers against the ratio of the resistances, as a run grows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gui.models.programmings import Programmings
from labctl.analysis.maps import NOT_READ
from labctl.analysis.running import RunningSenseErrors
from labctl.analysis.sense_amplifier import SenseErrors, hrs_over_lrs
from labctl.store.folder import RunFolder
from labctl.store.tail import News


@dataclass(frozen=True, eq=False)
class SensePicture:
    """Errors against the ratio, all programmings together."""

    errors: SenseErrors


class SenseModel:
    """Bits of one run that were sensed and measured after a programming."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._programmings = Programmings()
        self._errors = RunningSenseErrors()

    @property
    def picture(self) -> SensePicture:
        """The errors so far."""
        return SensePicture(self._errors.result())

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in new programmings; whether there were any."""
        if news.restarted:
            self._begin()
        changed = news.restarted
        for one in self._programmings.of(news):
            if not one.is_new or one.bits is None:
                continue
            if one.resistance is None or one.sensed is None:
                continue
            read = (one.sensed != NOT_READ) & (one.bits <= 1)
            ratio = hrs_over_lrs(np.where(read, one.bits, 0), one.resistance[-1])
            self._errors.add(ratio[read], (one.sensed != one.bits)[read])
            changed = True
        return changed
