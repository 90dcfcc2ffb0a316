"""Staircase sweeps: one SMU goes there and back, others follow it, currents are measured.

The mainframe runs the sweep by itself and answers when it is over (``WV``, ``WSV``, ``XE``;
instruments.md 2.5, 2.13, 2.14). If the program ends meanwhile, the outputs go back to 0 V all the
same, with the last step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instruments.b1500.mainframe import SpotSMU
from instruments.limits import LimitError

Floats = NDArray[np.float64]

MOST_POINTS = 1001
"""One way, by the programming guide (instruments.md 2.13)."""

LONGEST_DELAY_S = 65.535

LONGEST_S = 60.0
"""Longest staircase that is begun; it can be aborted, but not paused."""

LATE_S = 30.0
"""How much longer than its delays a sweep may take: ranging, settling, conversion."""


@dataclass(frozen=True)
class Staircase:
    """Voltages from 0 V to ``top_v`` and back, ``points`` one way with both ends.

    The top comes twice. Each voltage is held ``delay_s`` and then measured. Raises `LimitError`
    for what the mainframe cannot do.
    """

    top_v: float
    points: int
    delay_s: float

    def __post_init__(self) -> None:
        if not 2 <= self.points <= MOST_POINTS:
            raise LimitError(f"a staircase of {self.points} points; 2 to {MOST_POINTS} allowed")
        if not 0 <= self.delay_s <= LONGEST_DELAY_S:
            raise LimitError(f"a delay of {self.delay_s:g} s; 0 to {LONGEST_DELAY_S} s allowed")
        if self.shortest_s > LONGEST_S:
            raise LimitError(
                f"a staircase of {2 * self.points} steps of {self.delay_s:g} s lasts "
                f"{self.shortest_s:.0f} s; {LONGEST_S:g} s allowed: take larger steps or less delay"
            )

    @classmethod
    def by_step(cls, top_v: float, step_v: float, delay_s: float) -> Staircase:
        """The staircase whose steps come nearest to ``step_v``; the top is exact."""
        if not abs(top_v) < MOST_POINTS * step_v < math.inf:
            raise LimitError(
                f"a staircase to {top_v:g} V in steps of {step_v:g} V; {MOST_POINTS} points allowed"
            )
        return cls(top_v, max(round(abs(top_v) / step_v), 1) + 1, delay_s)

    @property
    def volts(self) -> Floats:
        """Every voltage in order, (2 points,), V."""
        way = np.linspace(0.0, self.top_v, self.points)
        return np.concatenate([way, way[::-1]])

    @property
    def shortest_s(self) -> float:
        """Its delays alone, s; the measurements come on top."""
        return 2 * self.points * self.delay_s


@dataclass(frozen=True, eq=False)
class StaircaseSweep:
    """A staircase that one SMU leads, with others in step with it.

    ``measured`` give a current at each step. The compliance (A) holds for all that move; a sweep
    that meets it ends, but far too late to protect a device.
    """

    staircase: Staircase
    leader: SpotSMU
    followers: Sequence[SpotSMU]
    measured: Sequence[SpotSMU]
    compliance_a: float

    def start(self) -> None:
        """Prepare and trigger; returns while the sweep goes on.

        Raises `LimitError` where a limit forbids the top, before anything is sent to that SMU.
        """
        stairs = self.staircase
        # A new leader clears the followers, so it comes first.
        self.leader.lead_sweep(stairs.top_v, stairs.points, self.compliance_a)
        for smu in self.followers:
            smu.follow_sweep(stairs.top_v, self.compliance_a)
        self.leader.mainframe.start_sweep(self.measured, stairs.delay_s)

    def is_over(self) -> bool:
        """Whether its data can be read without waiting, as far as the bus tells."""
        return self.leader.mainframe.sweep_is_over()

    def read(self) -> Floats:
        """Currents, (measured, 2 points), A, when the sweep is over; negative flows into the SMU.

        NaN where a reading is not valid, and after the step at which the sweep ended early.
        Raises `B1500Error` if no such data come.
        """
        stairs, mainframe = self.staircase, self.leader.mainframe
        steps = 2 * stairs.points
        spots = mainframe.read_sweep(self.measured, steps, stairs.shortest_s + LATE_S)
        values = np.array([spot.value for spot in spots])
        return values.reshape(steps, len(self.measured)).T

    def abort(self) -> None:
        """End it now. Outputs stay as they are: taking them to 0 V must follow. (``AB``)"""
        self.leader.mainframe.abort()
