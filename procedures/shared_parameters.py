"""Parameters that several procedures have: name, range and wording of each are stated once.

A procedure calls them in its class body, since PyMeasure wants a parameter object for each class.
"""

from __future__ import annotations

from instruments.wgfmu.limits import GRID_S
from procedures.parameters import ChoiceParameter, QuantityParameter


def set_compliance_parameter(
    default: float = 55e-6, description: str = "SET current that the gate voltage allows"
) -> QuantityParameter:
    """SET compliance, A; the compliance table in use must reach it too."""
    return QuantityParameter("SET compliance", "A", 20e-6, 200e-6, default, description=description)


def set_voltage_parameter() -> QuantityParameter:
    """Voltage of SET, V."""
    return QuantityParameter(
        "SET voltage", "V", 1.0, 3.3, 2.0, description="voltage on SL during SET"
    )


def reset_voltage_parameter() -> QuantityParameter:
    """Voltage of RESET, V."""
    return QuantityParameter(
        "RESET voltage", "V", 1.0, 3.3, 2.5, description="voltage on the bit line during RESET"
    )


def pulse_width_parameter() -> QuantityParameter:
    """Width of SET and RESET, s, on the time grid of the pulse generators."""
    return QuantityParameter(
        "Pulse width",
        "s",
        100e-9,
        100e-6,
        1e-6,
        step=GRID_S,
        description="full width at half maximum of SET and RESET",
    )


def reference_parameter(
    description: str = "fixed 1T1R reference resistance; the chip file has the default",
) -> QuantityParameter:
    """The fixed 1T1R reference, ohm."""
    return QuantityParameter(
        "Reference", "ohm", 1e3, 10e6, from_chip="reference", description=description
    )


def form_first_parameter() -> ChoiceParameter:
    """Whether a procedure forms the unformed devices that it meets."""
    return ChoiceParameter(
        "Form first",
        choices=["yes", "no"],
        default="yes",
        description="form unformed devices before they are measured",
    )
