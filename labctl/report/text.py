"""Numbers and names as people write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labctl.analysis.error_rates import ErrorRate

UNKNOWN = "not known"
NAMES_SHOWN = 12
PREFIXES = [(1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")]
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ohms(value: float | None) -> str:
    """A resistance with three digits and a prefix.

    >>> ohms(36_512.0), ohms(1.25e6), ohms(820.0), ohms(None)
    ('36.5 kΩ', '1.25 MΩ', '820 Ω', 'not known')
    """
    return UNKNOWN if value is None else with_prefix(float(f"{value:.3g}"), "Ω")


def with_prefix(value: float, unit: str) -> str:
    """A quantity as typed: its digits as they are, with the prefix that suits them.

    >>> with_prefix(5.5e-05, "A"), with_prefix(1e-06, "s"), with_prefix(50e3, "ohm")
    ('55 µA', '1 µs', '50 kΩ')
    >>> with_prefix(2.0, "V"), with_prefix(0.0, "V"), with_prefix(0.05, "V")
    ('2 V', '0 V', '50 mV')
    """
    factor, prefix = next((p for p in PREFIXES if abs(value) >= p[0]), (1.0, ""))
    return f"{value / factor:.10g} {prefix}{'Ω' if unit == 'ohm' else unit}"


def scientific(value: float, digits: int = 3) -> str:
    """A rate with powers of ten as on paper; from 0.1 on as a plain decimal.

    >>> scientific(0.002798), scientific(0.002, 2), scientific(0.25)
    ('2.80 × 10⁻³', '2.0 × 10⁻³', '0.250')
    """
    if value == 0 or value >= 0.1:
        return f"{value:.{digits}f}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def cycle_number(cycle: int) -> str:
    """The number of a cycle, large ones to four digits.

    >>> cycle_number(1), cycle_number(20_001), cycle_number(252_698_550)
    ('1', '20001', '2.527e8')
    """
    if cycle < 100_000:
        return str(cycle)
    mantissa, exponent = f"{cycle:.3e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def duration(seconds: float | None) -> str:
    """A time span with the two units that matter.

    >>> duration(12.34), duration(372), duration(7380), duration(None)
    ('12.3 s', '6 min 12 s', '2 h 3 min', 'not known')
    """
    if seconds is None:
        return UNKNOWN
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def percent(value: float | None) -> str:
    """A share in percent, the sign kept on the number's line.

    >>> percent(0.8631), percent(None)
    ('86.3\\xa0%', 'not known')
    """
    return UNKNOWN if value is None else f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def grouped(number: int) -> str:
    """A count: narrow spaces between thousands, from ten millions on to four digits.

    >>> grouped(204800), grouped(9_999_999), grouped(20_040_008)
    ('204\\u202f800', '9\\u202f999\\u202f999', '2.004e7')
    """
    if number < 10_000_000:
        return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return cycle_number(number)


def count(number: int, noun: str) -> str:
    """A number with its noun in the right number.

    >>> count(1, "cell"), count(204800, "trial")
    ('1 cell', '204\\u202f800 trials')
    """
    return f"{grouped(number)} {noun}{'' if number == 1 else 's'}"


def rate_text(rate: ErrorRate) -> str:
    """A bit error rate with its interval, its counts as `grouped` writes them.

    >>> from labctl.analysis.error_rates import error_rate
    >>> rate_text(error_rate(0, 204800)), rate_text(error_rate(0, 0))
    ('< 1.5e-5 (0 of 204\\u202f800)', 'no trials')
    """
    counts = f"{rate.errors} of {rate.trials}"
    return str(rate).replace(counts, f"{grouped(rate.errors)} of {grouped(rate.trials)}")


def plain(value: Any) -> str:
    """A value of the run record on one line.

    >>> plain({"name": "lab2", "seed": 3}), plain(["a", "b"]), plain(None), plain(True)
    ('name lab2, seed 3', 'a, b', 'not known', 'yes')
    """
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(plain(item) for item in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def device_names(unformed: list[dict[str, Any]]) -> str:
    """Devices (row, column, device), the first of them by name; "none" without one.

    >>> device_names([{"row": 3, "column": 7, "device": "BLb"}])
    'row 3 column 7 BLb'
    """
    return _first([f"row {d['row']} column {d['column']} {d['device']}" for d in unformed])


def cell_names(cells: list[list[int]] | None) -> str:
    """Dead cells, the first of them by name; "none", or why there is no statement."""
    if cells is None:
        return "no statement below 10 programmings a pattern"
    return _first([f"row {row} column {column}" for row, column in cells])


def _first(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    shown = "; ".join(names[:NAMES_SHOWN]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown
