"""Patterns of bits and regions of the array, as parameters that any procedure may have.

A pattern is a name (``checkerboard``, ``random:7``, ...) or a file; a region is rows and columns
(``0:8,4:12``). Both are kept as text; `pattern_bits` and `Region` turn them into arrays once the
size of the chip is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import Parameter

from procedures.parameters import FileParameter

Bits = NDArray[np.uint8]

NO_PATTERN = "none"
INVERSE = "inverse:"
WHITE_FROM = 0.5
"""Brightness of an image's pixel (0 black, 1 white) from which its bit is 1."""

_LARGEST_SEED = 2**63 - 1


# --- named patterns ------------------------------------------------------------------------------


def _checkerboard(shape: tuple[int, int], number: int) -> Bits:
    """Bit = (row + column) mod 2."""
    return np.asarray(np.indices(shape).sum(axis=0) % 2, dtype=np.uint8)


def _inverse(shape: tuple[int, int], number: int) -> Bits:
    """The inverse checkerboard."""
    return 1 - _checkerboard(shape, number)


def _zeros(shape: tuple[int, int], number: int) -> Bits:
    return np.zeros(shape, dtype=np.uint8)


def _ones(shape: tuple[int, int], number: int) -> Bits:
    return np.ones(shape, dtype=np.uint8)


def _row_stripes(shape: tuple[int, int], number: int) -> Bits:
    """Odd rows are 1."""
    return np.asarray(np.indices(shape)[0] % 2, dtype=np.uint8)


def _column_stripes(shape: tuple[int, int], number: int) -> Bits:
    """Odd columns are 1."""
    return np.asarray(np.indices(shape)[1] % 2, dtype=np.uint8)


def _walking(shape: tuple[int, int], number: int) -> Bits:
    """A single 1, cells counted row by row."""
    cells = shape[0] * shape[1]
    if number >= cells:
        raise ValueError(f"walking:{number} is beyond the array: positions are 0 to {cells - 1}")
    bits = np.zeros(cells, dtype=np.uint8)
    bits[number] = 1
    return bits.reshape(shape)


def _random(shape: tuple[int, int], number: int) -> Bits:
    """Fair bits from a seed."""
    return np.random.default_rng(number).integers(0, 2, shape, dtype=np.uint8)


_NAMED: dict[str, Callable[[tuple[int, int], int], Bits]] = {
    "checkerboard": _checkerboard,
    "inverse": _inverse,
    "zeros": _zeros,
    "ones": _ones,
    "row-stripes": _row_stripes,
    "column-stripes": _column_stripes,
    "walking": _walking,
    "random": _random,
}
_NUMBERED = ("walking", "random")
"""Names that take a number, 0 if none is given: position and seed."""

ALLOWED_PATTERNS = (
    "checkerboard, inverse (checkerboard), zeros, ones, row-stripes, column-stripes, "
    "walking:POSITION, random:SEED, or a .npy, .csv or .png file; inverse:PATTERN for the inverse "
    "of any of them"
)


def pattern_bits(text: str, shape: tuple[int, int], region: Region) -> Bits:
    """Bits (rows, columns) of a pattern over an array of ``shape``.

    A named pattern covers the whole array. A file is as large as the array or as the region, in
    which it is then placed, with 0 around it. Raises ValueError or OSError with one sentence.

    >>> pattern_bits("inverse:walking:2", (2, 3), Region()).tolist()
    [[1, 1, 0], [1, 1, 1]]
    """
    if text.startswith(INVERSE):
        return 1 - pattern_bits(text.removeprefix(INVERSE), shape, region)
    name, _, number = text.partition(":")
    if name in _NAMED:
        return _NAMED[name](shape, int(number or 0))
    return _placed(file_bits(Path(text)), text, shape, region)


def _placed(bits: Bits, text: str, shape: tuple[int, int], region: Region) -> Bits:
    """Bits of a file as large as the array."""
    if bits.shape == shape:
        return bits
    rows, columns = region.slices(shape)
    placed = np.zeros(shape, dtype=np.uint8)
    if bits.shape != placed[rows, columns].shape:
        wanted = {shape: "array", placed[rows, columns].shape: "region"}
        if len(wanted) == 1:
            wanted = {shape: "array"}
        sizes = " or ".join(f"{size[0]} x {size[1]} ({of})" for size, of in wanted.items())
        raise ValueError(f"{text} is {bits.shape[0]} x {bits.shape[1]} bits; wanted: {sizes}")
    placed[rows, columns] = bits
    return placed


# --- files ---------------------------------------------------------------------------------------


def file_bits(file: Path) -> Bits:
    """Bits (rows, columns) of a ``.npy``, ``.csv`` or ``.png`` file.

    ``.npy`` and ``.csv`` hold 0 and 1, or weights -1 and +1 (-1 is bit 0). Pixels of an image are 1
    from half brightness on (mean of red, green and blue; transparency is not looked at). Raises
    ValueError or OSError with one sentence.
    """
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise ValueError(f"{file} is no .npy, .csv or .png file")
    try:
        values = reader(file)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {file}") from None
    except (ValueError, SyntaxError, EOFError):
        # The readers raise all of these for a file that is no such thing.
        raise ValueError(f"{file} cannot be read as a {file.suffix} file of numbers") from None
    return _as_bits(values, file)


def _npy(file: Path) -> NDArray[Any]:
    read: NDArray[Any] = np.load(file, allow_pickle=False)
    return read


def _csv(file: Path) -> NDArray[Any]:
    return np.loadtxt(file, delimiter=",", ndmin=2, encoding="utf-8")


def _png(file: Path) -> NDArray[Any]:
    from matplotlib.image import imread

    pixels = np.asarray(imread(file), dtype=float)
    if pixels.ndim == 3:
        pixels = pixels[..., : min(3, pixels.shape[2])].mean(axis=2)
    return pixels >= WHITE_FROM


_READERS = {".npy": _npy, ".csv": _csv, ".png": _png}


def _as_bits(values: NDArray[Any], file: Path) -> Bits:
    """Bits of a matrix of 0 and 1, or of -1 and +1."""
    if not isinstance(values, np.ndarray) or values.ndim != 2 or not values.size:
        raise ValueError(f"{file} is no matrix of rows and columns")
    if not np.issubdtype(values.dtype, np.number) and values.dtype != np.bool_:
        raise ValueError(f"{file} holds no numbers")
    found = set(np.unique(values).tolist())
    if not (found <= {0, 1} or found <= {-1, 1}):
        raise ValueError(f"{file} holds other values than 0 and 1, or -1 and +1")
    return np.asarray(values > 0, dtype=np.uint8)


class PatternParameter(FileParameter):
    """A pattern of bits, by name or from a file; ``optional``: ``none`` is allowed too.

    The text is checked here, a file is opened when the run is prepared.
    """

    def __init__(
        self,
        name: str,
        default: str = "checkerboard",
        optional: bool = False,
        description: str = "",
    ) -> None:
        self.optional = optional
        super().__init__(name, default=default, description=description)

    @property
    def allowed(self) -> str:
        """Names and kinds of file."""
        return f"{NO_PATTERN}, {ALLOWED_PATTERNS}" if self.optional else ALLOWED_PATTERNS

    def convert(self, value: Any) -> str:
        """The text; ValueError with one clear sentence."""
        text: str = super().convert(value).strip()
        if not (_is_pattern(text) or (self.optional and text == NO_PATTERN)):
            raise ValueError(f"{self.name} {text!r} is not allowed: {self.allowed}")
        return text


def _is_pattern(text: str) -> bool:
    """A pattern's name, with a number where it takes one, or the name of a file."""
    text = text.removeprefix(INVERSE)
    name, colon, number = text.partition(":")
    if name in _NAMED and not colon:
        return True
    if name in _NUMBERED:
        return number.isdecimal() and number.isascii() and int(number) <= _LARGEST_SEED
    return Path(text).suffix.lower() in _READERS


# --- regions -------------------------------------------------------------------------------------

WHOLE = "all"
ALLOWED_REGIONS = (
    "all, or rows and columns with a comma between, each all, one number or BEGIN:END with END "
    "left out: 0:8,4:12 or 5,7"
)


@dataclass(frozen=True)
class Region:
    """A rectangle of bits: first row and the one behind the last, columns alike; None is all.

    >>> Region.from_text("0:8,5"), Region.from_text("rows 0:8, columns 4:12")
    (Region(rows=(0, 8), columns=(5, 6)), Region(rows=(0, 8), columns=(4, 12)))
    """

    rows: tuple[int, int] | None = None
    columns: tuple[int, int] | None = None

    @classmethod
    def from_text(cls, text: str) -> Region:
        """As typed; ValueError if it is no region."""
        if text.strip() == WHOLE:
            return cls()
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != 2:
            raise ValueError(text)
        rows, columns = (
            re.sub(rf"^{axis}s?\s+", "", part)
            for axis, part in zip(("row", "column"), parts, strict=True)
        )
        return cls(_interval(rows), _interval(columns))

    def slices(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of an array of ``shape``; ValueError if the region does not fit."""
        slices = []
        for name, interval, size in zip(
            ("row", "column"), (self.rows, self.columns), shape, strict=True
        ):
            begin, end = interval or (0, size)
            if end > size:
                raise ValueError(
                    f"the region reaches {name} {end - 1}: this chip has {name}s 0 to {size - 1}"
                )
            slices.append(slice(begin, end))
        return slices[0], slices[1]

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Bits (rows, columns) of the region.

        >>> Region.from_text("0:1,1:3").mask((2, 3)).astype(int).tolist()
        [[0, 1, 1], [0, 0, 0]]
        """
        mask = np.zeros(shape, dtype=bool)
        mask[self.slices(shape)] = True
        return mask

    def told(self, shape: tuple[int, int]) -> str:
        """For people.

        >>> Region.from_text("0:8,5").told((32, 32))
        'rows 0 to 7, column 5: 8 bits'
        """
        if not (self.rows or self.columns):
            return f"whole array, {shape[0] * shape[1]} bits"
        rows, columns = (
            f"{name} {one.start}"
            if one.stop - one.start == 1
            else f"{name}s {one.start} to {one.stop - 1}"
            for name, one in zip(("row", "column"), self.slices(shape), strict=True)
        )
        bits = int(np.count_nonzero(self.mask(shape)))
        return f"{rows}, {columns}: {bits} bit{'' if bits == 1 else 's'}"


def _interval(text: str) -> tuple[int, int] | None:
    """Begin and end of ``all``, ``5`` or ``0:8``; ValueError if it is none of them."""
    if text == WHOLE:
        return None
    begin, colon, end = (part.strip() for part in text.partition(":"))
    first = int(begin)
    last = int(end) if colon else first + 1
    if not 0 <= first < last:
        raise ValueError(text)
    return first, last


class RegionParameter(Parameter):
    """Which bits of the array; the value is the text as typed, `Region.from_text` reads it."""

    def __init__(self, description: str = "bits that are used") -> None:
        super().__init__("Region", default=WHOLE, description=description)

    @property
    def allowed(self) -> str:
        """How a region is typed."""
        return ALLOWED_REGIONS

    def convert(self, value: Any) -> str:
        """The text; ValueError with one clear sentence."""
        text = str(value).strip()
        try:
            Region.from_text(text)
        except ValueError:
            raise ValueError(f"{self.name} {text!r} is not allowed: {self.allowed}") from None
        return text
