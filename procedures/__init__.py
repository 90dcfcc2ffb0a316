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
    "conditions": (
        "procedures.conditions:Conditions",
        "errors over a grid of SET compliance, RESET voltage and time (paper, Fig. 5)",
    ),
    "sense": (
        "procedures.sense:Sense",
        "sense amplifiers against the measured ratio, sense time, supply voltage (paper, Fig. 4d)",
    ),
    "energy": (
        "procedures.energy:Energy",
        "SET and RESET energy and error rate at the conditions of the paper's Table 1",
    ),
    "retention": (
        "procedures.retention:Retention",
        "program a pattern and read it at log-spaced times",
    ),
    "program": (
        "procedures.program:Program",
        "write a pattern to the array or a region, read it, repeat wrong bits",
    ),
    "read": (
        "procedures.read:Read",
        "read bits and resistances, once or again and again; changes no device",
    ),
    "weights": (
        "procedures.weights:Weights",
        "write a neural network's weights tile by tile, count errors (paper, Fig. 4e-f)",
    ),
    "iv": (
        "procedures.iv:IV",
        "sweep devices quasi-statically: current against voltage, switching voltages",
    ),
    "endurance": (
        "procedures.endurance:Endurance",
        "cycle pairs to 5e10 and follow resistances and error rates (paper, Figs. 6 and 7)",
    ),
    "disturb": (
        "procedures.disturb:Disturb",
        "read disturb and half-select disturb, with reference cells",
    ),
    "differential": (
        "procedures.differential:Differential",
        "2T2R against 1T1R error rates at several SET compliances (paper, Fig. 8a)",
    ),
}
"""Name to (module and class, what it does)."""


def load_procedure(name: str) -> type[BenchProcedure]:
    """The class of a procedure by its name; KeyError if there is none."""
    module, _, attribute = PROCEDURES[name][0].partition(":")
    found: type[BenchProcedure] = getattr(import_module(module), attribute)
    return found
