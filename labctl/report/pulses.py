"""Booked pulses as people say them."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.report.text import with_prefix

_KINDS = {"form": "forming ", "sweep": "sweep ", "hold": "hold "}
_UNITS = {
    "top_v": ("to {}", "V"),
    "set_v": ("SET {}", "V"),
    "reset_v": ("RESET {}", "V"),
    "volts": ("{}", "V"),
    "ramp_v_per_s": ("ramp {}", "V/s"),
    "step_v": ("steps of {}", "V"),
    "delay_s": ("each {}", "s"),
    "compliance_a": ("{}", "A"),
    "gate_v": ("WL {}", "V"),
    "width_s": ("{}", "s"),
    "seconds": ("{}", "s"),
}
"""How each value of a condition is said, in this order, and its unit."""


def pulse_text(kind: str, condition: Mapping[str, float]) -> str:
    """Kind and condition of pulses as the wear ledger books them, to four digits.

    >>> set_pulse = {"set_v": 2.0, "gate_v": 0.93548, "compliance_a": 5.5e-5, "width_s": 1e-6}
    >>> pulse_text("set", set_pulse)
    'SET 2 V, 55 µA (WL 0.9355 V), 1 µs'
    >>> pulse_text("form", {"top_v": 3.3, "ramp_v_per_s": 1000.0, "gate_v": 1.61})
    'forming to 3.3 V, ramp 1000 V/s, WL 1.61 V'
    >>> pulse_text("sweep", {"set_v": 1.5, "step_v": 0.02, "delay_s": 1e-3, "other": 2})
    'sweep SET 1.5 V, steps of 20 mV, each 1 ms, other 2'
    """
    known = [key for key in _UNITS if key in condition]
    other = [key for key in condition if key not in _UNITS]
    parts = [_value_text(key, condition[key]) for key in (*known, *other)]
    said = ", ".join(parts)
    if "compliance_a" in condition and "gate_v" in condition:
        gate = _value_text("gate_v", condition["gate_v"])
        said = said.replace(f", {gate}", f" ({gate})")
    return _KINDS.get(kind, "") + said


def _value_text(key: str, value: float) -> str:
    if key not in _UNITS:
        return f"{key} {value:.4g}"
    words, unit = _UNITS[key]
    if key in ("gate_v", "ramp_v_per_s"):
        # WL 0.9355 V, as everywhere else, not 935.5 mV.
        return words.format(f"{value:.4g} {unit}")
    return words.format(with_prefix(float(f"{value:.4g}"), unit))
