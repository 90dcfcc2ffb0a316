"""How each quantity of the paper is taken from the runs: one module for each figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labctl.reproduce.measured import Measured
from labctl.reproduce.quantities import cycling, fig4, fig5, fig8, others, table1
from labctl.reproduce.runs_of import Runs

QUANTITIES: Mapping[str, Callable[[Runs], Measured]] = {
    **fig4.QUANTITIES,
    **others.QUANTITIES,
    **fig5.QUANTITIES,
    **cycling.QUANTITIES,
    **fig8.QUANTITIES,
    **table1.QUANTITIES,
}
"""Id in ``data/paper`` to what measures it."""
