"""What is measured: one file per procedure.

The table below is all that the command line needs to list procedures without importing them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from procedures.base import BenchProcedure

PROCEDURES = {
    "checkerboard": (
        "procedures.checkerboard:Checkerboard",
        "alternate the two checkerboards and count wrong bits (paper, Fig. 4a-d)",
    ),
    "forming": (
        "procedures.forming:Forming",
        "form the unformed devices of a die, once in their life (paper, 2.1)",
    ),
    "compliance": (
        "procedures.compliance:Compliance",
        "measure SET current against gate voltage; writes a set_compliance table",
    ),
    "contact": (
        "procedures.contact:Contact",
        "check before a run that the probes touch the pads; changes no device",
    ),
}
"""Name to (module and class, what it does)."""


def load_procedure(name: str) -> type[BenchProcedure]:
    """The class of a procedure by its name; KeyError if there is none."""
    module, _, attribute = PROCEDURES[name][0].partition(":")
    found: type[BenchProcedure] = getattr(import_module(module), attribute)
    return found
