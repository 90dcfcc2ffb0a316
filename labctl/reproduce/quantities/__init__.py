"""How each quantity of the paper is taken from the runs: one module for each figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labctl.reproduce.measured import Measured
from labctl.reproduce.quantities import fig4
from labctl.reproduce.runs_of import Runs

QUANTITIES: Mapping[str, Callable[[Runs], Measured]] = {**fig4.QUANTITIES}
"""Id in ``data/paper`` to what measures it."""
