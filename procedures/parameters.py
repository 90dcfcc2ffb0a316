"""Parameters that people type with units: 55uA, 1us, 2.5V, 50kohm.

PyMeasure's own parameters insist on a blank and the base unit; these accept what people type,
convert with Pint to SI floats, and say in one sentence what is allowed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote

from pymeasure.experiment import FloatParameter, IntegerParameter, ListParameter, Parameter

_SYMBOLS = (
    *(("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0)),
    *(("m", 1e-3), ("u", 1e-6), ("n", 1e-9), ("p", 1e-12)),
)

_LONG_TIMES = (("year", 31_557_600.0), ("d", 86_400.0), ("h", 3_600.0))

_TYPED = re.compile(r"[-+]?([0-9.]+(e[-+]?[0-9]+)?|nan|inf)\s*[a-zµμΩ/%]*", re.IGNORECASE)
"""One number and one unit. Pint would work out more: 1,5us as 15 us, and 9**9**9 for ever."""


def typed_quantity(value: float, unit: str) -> str:
    """A value with an engineering prefix, as it may be typed.

    >>> typed_quantity(55e-6, "A"), typed_quantity(2.5, "V"), typed_quantity(50e3, "ohm")
    ('55uA', '2.5V', '50kohm')
    >>> typed_quantity(5400, "s")
    '1.5h'
    """
    number, symbol = _scaled(value, unit)
    return f"{number}{symbol}"


def quantity_text(value: float, unit: str) -> str:
    """A value with an engineering prefix, as it is printed.

    >>> quantity_text(55e-6, "A"), quantity_text(2.5, "V"), quantity_text(50e3, "ohm")
    ('55 µA', '2.5 V', '50 kΩ')
    """
    number, symbol = _scaled(value, unit)
    return f"{number} {symbol.replace('u', 'µ').replace('ohm', 'Ω')}"


def _scaled(value: float, unit: str) -> tuple[str, str]:
    """Number and unit with a prefix; times from an hour on in hours, days or years."""
    prefixed = [(symbol + unit, factor) for symbol, factor in _SYMBOLS]
    if unit == "s" and abs(value) >= _LONG_TIMES[-1][1]:
        prefixed = list(_LONG_TIMES)
    for symbol, factor in prefixed:
        if abs(value) >= factor * (1 - 1e-9):
            return f"{value / factor:.6g}", symbol
    return f"{value:.6g}", unit


class QuantityParameter(FloatParameter):
    """A physical quantity, SI inside.

    ``from_chip`` names an attribute of the chip file that is used when nothing is given; ``step``:
    only multiples of it are allowed.
    """

    def __init__(
        self,
        name: str,
        units: str,
        minimum: float,
        maximum: float,
        default: float | None = None,
        from_chip: str | None = None,
        step: float | None = None,
        description: str = "",
    ) -> None:
        self.from_chip, self.step = from_chip, step
        super().__init__(
            name,
            units=units,
            minimum=minimum,
            maximum=maximum,
            default=default,
            step=step,
            description=description,
        )

    @property
    def allowed(self) -> str:
        """The range, as a person would type it."""
        low, high = (typed_quantity(v, self.units) for v in (self.minimum, self.maximum))
        steps = f" in steps of {typed_quantity(self.step, self.units)}" if self.step else ""
        return f"{low} to {high}{steps}"

    def convert(self, value: Any) -> float:
        """SI float of a number or of text with a unit; ValueError with one clear sentence."""
        number = self._number(value)
        slack = 1e-9 * max(abs(self.minimum), abs(self.maximum))
        inside = self.minimum - slack <= number <= self.maximum + slack
        if not inside or (self.step and not _is_multiple(number, self.step)):
            raise ValueError(f"{self.name} {value} is not allowed: {self.allowed}")
        return min(max(number, float(self.minimum)), float(self.maximum))

    def _number(self, value: Any) -> float:
        if isinstance(value, str):
            return self._parsed(value)
        number = float(value)
        if math.isnan(number):
            raise ValueError(f"{self.name} must be a number: {self.allowed}")
        return number

    def _parsed(self, text: str) -> float:
        from pymeasure.units import ureg

        example = typed_quantity(self.default or self.minimum or self.maximum, self.units)
        try:
            if _TYPED.fullmatch(text.strip()) is None:
                raise ValueError(text)
            quantity = ureg.Quantity(text.strip())
            if quantity.dimensionless:
                number = float(quantity.magnitude)
            else:
                number = float(quantity.to(self.units).magnitude)
        except Exception:
            raise ValueError(
                f"{self.name} {text!r} is not a quantity in {self.units}; "
                f"type for example {example}"
            ) from None
        if math.isnan(number):
            raise ValueError(f"{self.name} {text!r} is not a number; type for example {example}")
        return number

    def __str__(self) -> str:
        # Full precision: PyMeasure reads this back from the results file.
        return f"{self._value!r} {self.units}" if self.is_set() else ""


def _is_multiple(number: float, step: float) -> bool:
    """Whether ``number`` is a whole number of steps, but for rounding."""
    return abs(number / step - round(number / step)) < 1e-6


class QuantityListParameter(Parameter):
    """Several values of one physical quantity, SI floats inside, typed with commas: 28uA,55uA.

    The value is a list in the order given. ``minimum``, ``maximum`` and ``step`` hold for each of
    them.
    """

    def __init__(
        self,
        name: str,
        units: str,
        minimum: float,
        maximum: float,
        default: str | None = None,
        step: float | None = None,
        description: str = "",
    ) -> None:
        self.units = units
        self._each = QuantityParameter(f"{name}:", units, minimum, maximum, step=step)
        super().__init__(name, default=default, description=description)

    @property
    def allowed(self) -> str:
        """The range of each value, as a person would type it."""
        return f"one or more of {self._each.allowed}, with commas between"

    def convert(self, value: Any) -> list[float]:
        """SI floats of text, a number or several; ValueError with one clear sentence."""
        if isinstance(value, str):
            given: list[Any] = [text for text in value.split(",") if text.strip()]
        elif isinstance(value, Iterable):
            given = list(value)
        else:
            given = [value]
        if not given:
            raise ValueError(f"{self.name} has no value: {self.allowed}")
        return [self._each.convert(one) for one in given]

    def __str__(self) -> str:
        # Full precision: PyMeasure reads this back from the results file.
        return ",".join(f"{one!r} {self.units}" for one in self.value) if self.is_set() else ""


class CountParameter(IntegerParameter):
    """A whole number with a range."""

    @property
    def allowed(self) -> str:
        """The range."""
        return f"{self.minimum} to {self.maximum}"

    def convert(self, value: Any) -> int:
        """Whole number of text or number; ValueError with one clear sentence."""
        try:
            number = int(value)
            whole = isinstance(value, str) or number == value
        except (TypeError, ValueError, OverflowError):
            whole = False
        if not whole or not self.minimum <= number <= self.maximum:
            raise ValueError(f"{self.name} {value} is not allowed: a whole number, {self.allowed}")
        return number


class CyclesParameter(CountParameter):
    """A whole number that may be typed with a power of ten: 7e8."""

    @property
    def allowed(self) -> str:
        """The range, large numbers as powers of ten."""
        return f"{self.minimum:g} to {self.maximum:g}"

    def convert(self, value: Any) -> int:
        """Whole number of text or number; ValueError with one clear sentence."""
        try:
            return super().convert(float(value) if isinstance(value, str) else value)
        except ValueError:
            raise ValueError(
                f"{self.name} {value} is not allowed: a whole number, {self.allowed}"
            ) from None


class RateParameter(FloatParameter):
    """A bit error rate, 0 to 1."""

    def __init__(self, name: str, default: float, description: str = "") -> None:
        super().__init__(name, minimum=0.0, maximum=1.0, default=default, description=description)

    @property
    def allowed(self) -> str:
        """The range."""
        return "0 to 1"

    def convert(self, value: Any) -> float:
        """Float of text or number; ValueError with one clear sentence."""
        try:
            rate = float(value)
        except (TypeError, ValueError):
            rate = math.nan
        if not 0 <= rate <= 1:
            raise ValueError(f"{self.name} {value} is not allowed: {self.allowed}")
        return rate

    def __str__(self) -> str:
        # Full precision: PyMeasure reads this back from the results file.
        return repr(self._value) if self.is_set() else ""


class ChoiceParameter(ListParameter):
    """One of several words."""

    @property
    def allowed(self) -> str:
        """The words."""
        return " or ".join(str(choice) for choice in self.choices)

    def convert(self, value: Any) -> str:
        """The word; ValueError with one clear sentence."""
        if value not in self.choices:
            raise ValueError(f"{self.name} {value!r} is not allowed: {self.allowed}")
        return str(value)


class FileParameter(Parameter):
    """Name of a file, as typed; or a ``file:`` address with percent signs, which is decoded.

    PyMeasure's results header keeps no backslash and no letter beyond ASCII, so a name with such is
    written there as an address.
    """

    _SCHEME = "file:"

    def convert(self, value: Any) -> str:
        """The name."""
        text = str(value)
        if not text.startswith(self._SCHEME):
            return text
        return unquote(text.removeprefix(self._SCHEME))

    def __str__(self) -> str:
        text: str = super().__str__()
        plain = text.isascii() and text.isprintable() and "\\" not in text
        if plain and not text.startswith(self._SCHEME):
            return text
        return self._SCHEME + quote(text, safe="/ ")
