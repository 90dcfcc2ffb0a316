"""Every procedure with parameters that make it short on a small bench."""

from __future__ import annotations

from typing import Any

from procedures import PROCEDURES

_ONE_CONDITION: dict[str, Any] = {
    "set_compliances": "55uA",
    "reset_voltages": "2.5V",
    "pulse_widths": "1us",
}

SHORT: dict[str, dict[str, Any]] = {
    "checkerboard": {"programmings": 1},
    "forming": {},
    "compliance": {"cells": 2, "gate_step": "200mV"},
    "contact": {"cells": 2},
    "conditions": {**_ONE_CONDITION, "repetitions": 1},
    "sense": {
        "set_compliances": "55uA",
        "reset_voltages": "2.5V",
        "programmings": 1,
        "senses": 1,
        "vdd": "1.2V,0.6V",
        "ternary_programmings": 1,
    },
    "energy": {
        **_ONE_CONDITION,
        "cells": 2,
        "repeats": 1,
        "programmings": 1,
        "cycles": 2_000,
        "cycled_pairs": 1,
    },
    "retention": {"duration": "100s", "reads": 2},
    "program": {},
    "read": {},
    "weights": {"programmings": 1, "tiles": "0"},
    # The simulated mainframe takes a staircase in one go, the real one can be asked meanwhile.
    "iv": {"devices": 2, "step": "200mV", "delay": "1ms"},
    "endurance": {
        "cycles": 20_000,
        "windows": 2,
        "window_cycles": 2_000,
        "resistance_cycles": 400,
        "pair_row": 1,
        "pair_column": 1,
    },
    "disturb": {"count": 2_000_000, "doses": 2, "rows": 2},
    "differential": {
        "low_compliances": "28uA",
        "high_compliances": "110uA",
        "cycles": 20_000,
        "resistance_cycles": 400,
    },
}
PASSIVE = ("contact", "read")
"""They send no pulse that is booked, and begin less than three executions on two rows."""

assert SHORT.keys() == PROCEDURES.keys()
