"""What a run tells of every bit of the array, added up as it comes: any procedure.

Bits are (rows, columns), devices (rows, columns, 2): BL, then BLb.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gui.models.array_reads import OF_CYCLES, ArrayRead, ArrayReads
from labctl.analysis.endurance import DEVICES, SenseCount
from labctl.analysis.maps import NOT_READ
from labctl.analysis.readings import VALUE
from labctl.analysis.sense_amplifier import hrs_over_lrs
from procedures.patterns import WHOLE, Region

if TYPE_CHECKING:
    from labctl.store.folder import RunFolder
    from labctl.store.tail import News

Bits = NDArray[np.uint8]
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]
Cell = tuple[int, int]

CYCLE = ("set", "reset")
"""Kinds of pulses that make a cycle: a device's cycles are the larger number of the two."""


OF_CONDITIONS = ("condition", "array_compliance")
"""Arrays of what the array was programmed with, where that varies over a run."""


class Status(IntEnum):
    """What a bit is good for in a run; the first that holds, from the highest down."""

    LEFT_OUT = -1
    """Outside the region of the run, and not touched."""
    NO_DATA = 0
    """The run has not touched it so far."""
    USED = 1
    UNREADABLE = 2
    """The last measurement of it gave no valid resistance of one of its devices."""
    UNFORMED = 3
    """A device of it is unformed, or could not be read when the run looked for that."""
    RETIRED = 4
    """Taken out of use: `labctl die retire`."""


@dataclass(frozen=True, eq=False)
class ArrayPicture:
    """The array as it stands. Read-only arrays."""

    shape: tuple[int, int]
    written: Bits
    """Bit programmed last, 0 or 1; `NOT_READ` where unknown."""
    sensed: Bits
    """Bit read last, 0, 1 or `UNDECIDED`; `NOT_READ` where none was."""
    ohm: Floats
    """Resistance read last, (rows, columns, 2); NaN without one."""
    beyond: NDArray[np.int8]
    """(rows, columns, 2): -1 or 1 where ``ohm`` is the end of the current range, and the resistance
    lies below or above it."""
    ratio: Floats
    """HRS over LRS of that reading; where the programmed bit is not known, larger over smaller."""
    reads: Counts
    wrong_reads: Counts
    """Reads of a known bit that gave another one, or were undecided."""
    trials: Counts
    """First reads after a programming, which make the bit error rate."""
    errors: Counts
    pulses: Mapping[str, Counts]
    """Kind ("form", "set", ...) to pulses of each device in this run, (rows, columns, 2)."""
    forming_v: Floats
    """Forming voltage found in this run, (rows, columns, 2); NaN without one."""
    status: NDArray[np.int8]
    """A `Status` each."""
    conditions: int = 0
    """At how many conditions the array was programmed; all counts are over all of them."""

    @property
    def cycles(self) -> Counts:
        """Cycles of each device in this run, (rows, columns, 2)."""
        return cycles_of(self.pulses, (*self.shape, 2))


def cycles_of(pulses: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> Counts:
    """The larger of SETs and RESETs of each device."""
    none = np.zeros(shape, dtype=np.int64)
    first, second = (pulses.get(kind, none) for kind in CYCLE)
    return np.asarray(np.maximum(first, second), dtype=np.int64)


def array_shape(folder: RunFolder) -> tuple[int, int]:
    """Rows and columns of bits, from the chip file in the record.

    Raises ValueError if the record has none.
    """
    try:
        geometry = tomllib.loads(folder.record["chip"]["text"])["geometry"]
        return int(geometry["rows"]), int(geometry["columns"])
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(
            f"the record of run {folder.id} does not tell the size of the array: {error!r}"
        ) from None


def outside_region(folder: RunFolder, shape: tuple[int, int]) -> Mask:
    """Bits (rows, columns) outside the region in the record; none where it has no region."""
    region = folder.record.get("parameters", {}).get("region", WHOLE)
    return ~Region.from_text(region).mask(shape)


class ArrayModel:
    """Sums and the last readings of every bit; memory and cost do not grow with the run."""

    def __init__(self) -> None:
        self._sums: _Sums | None = None

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in what is new; whether the picture changed."""
        first = self._sums is None or news.restarted
        if self._sums is None or news.restarted:
            self._sums = _Sums(folder, array_shape(folder))
        return self._sums.absorb(folder, news) or first

    @property
    def picture(self) -> ArrayPicture | None:
        """The array now; None before the first news."""
        return None if self._sums is None else self._sums.picture()


class _Sums:
    """What `ArrayModel` keeps."""

    def __init__(self, folder: RunFolder, shape: tuple[int, int]) -> None:
        devices = (*shape, 2)
        self.shape = shape
        self._left_out = outside_region(folder, shape)
        self._reads = ArrayReads(shape)
        self.written = np.full(shape, NOT_READ, dtype=np.uint8)
        self.sensed = np.full(shape, NOT_READ, dtype=np.uint8)
        self.ohm = np.full(devices, np.nan)
        self.beyond = np.zeros(devices, dtype=np.int8)
        self.ratio = np.full(shape, np.nan)
        self.counts = {
            name: np.zeros(shape, dtype=np.int64)
            for name in ("reads", "wrong_reads", "trials", "errors")
        }
        self.pulses: dict[str, Counts] = {}
        self.forming_v = np.full(devices, np.nan)
        self.retired = np.zeros(shape, dtype=bool)
        self._unformed = np.zeros(devices, dtype=bool)
        self._unreadable = np.zeros(shape, dtype=bool)
        self._used = np.zeros(shape, dtype=bool)
        self._conditions: set[tuple[float, ...]] = set()
        self._rows_checked = 0
        self._pairs: dict[str, dict[int, Cell]] = {"pairs": {}, "cycled_pairs": {}}

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in what is new; whether anything changed."""
        retired = _mask(folder.record.get("retired", []), self.shape)
        changed = bool((retired != self.retired).any())
        self.retired = retired
        self._check(news.arrays)
        for read in self._reads.reads(news.arrays):
            self._take_read(read)
        for name in OF_CONDITIONS:
            self._conditions |= {tuple(np.ravel(c).tolist()) for c in news.arrays.get(name, [])}
        self._take_pairs(news.arrays)
        swept = list(swept_devices(news.rows))
        for row, column, device, ohm in swept:
            self._take_resistance(row, column, device, ohm)
        for kind, counts in news.pulses.items():
            self.pulses[kind] = self.pulses[kind] + counts if kind in self.pulses else counts
        return changed or bool(news.arrays or news.pulses or swept)

    def picture(self) -> ArrayPicture:
        """Copies of everything, read-only."""
        status = np.full(self.shape, Status.NO_DATA, dtype=np.int8)
        for value, holds in (
            (Status.LEFT_OUT, self._left_out),
            (Status.USED, self._used | self._was_pulsed()),
            (Status.UNREADABLE, self._unreadable),
            (Status.UNFORMED, self._unformed.any(axis=-1)),
            (Status.RETIRED, self.retired),
        ):
            status[holds] = value
        return ArrayPicture(
            shape=self.shape,
            written=_frozen(self.written),
            sensed=_frozen(self.sensed),
            ohm=_frozen(self.ohm),
            beyond=_frozen(self.beyond),
            ratio=_frozen(self.ratio),
            pulses={kind: _frozen(counts) for kind, counts in self.pulses.items()},
            forming_v=_frozen(self.forming_v),
            status=_frozen(status),
            conditions=len(self._conditions),
            **{name: _frozen(counts) for name, counts in self.counts.items()},
        )

    def _was_pulsed(self) -> Mask:
        pulsed = np.zeros(self.shape, dtype=bool)
        for counts in self.pulses.values():
            pulsed |= (counts > 0).any(axis=-1)
        return pulsed

    # --- forming -------------------------------------------------------------------------------

    def _check(self, arrays: Mapping[str, list[NDArray[Any]]]) -> None:
        """Forming voltages and unformed devices, of a row or of the array in each record."""
        volts, unformed = arrays.get("forming_voltage", []), arrays.get("unformed", [])
        before = arrays.get("formed_before", [])
        rows = [int(row) for row in arrays.get("row", [])]
        for number, (formed_at, marks) in enumerate(zip(volts, unformed, strict=True)):
            place: Any = slice(None)
            if marks.ndim == 2:
                place = rows[number] if rows else self._rows_checked
                self._rows_checked += 1
            self._take_forming(place, formed_at, marks)
            if before:
                self._used[place] |= before[number].astype(bool).any(axis=-1)

    def _take_forming(self, place: Any, volts: Floats, unformed: NDArray[Any]) -> None:
        known = np.isfinite(volts)
        self.forming_v[place][known] = volts[known]
        self._unformed[place] |= unformed.astype(bool)

    # --- reads of the array --------------------------------------------------------------------

    def _take_read(self, read: ArrayRead) -> None:
        is_read, known = read.sensed != NOT_READ, read.written != NOT_READ
        wrong = is_read & known & (read.sensed != read.written)
        self.written[known] = read.written[known]
        self.sensed[is_read] = read.sensed[is_read]
        self.counts["reads"] += is_read & known
        self.counts["wrong_reads"] += wrong
        if read.follows_programming:
            self.counts["trials"] += is_read & known
            self.counts["errors"] += wrong
        self._used |= is_read
        if np.isfinite(read.ohm).any():
            self._take_resistances(read)

    def _take_resistances(self, read: ArrayRead) -> None:
        valid = np.isfinite(read.ohm)
        asked = valid.any(axis=-1) | (read.sensed != NOT_READ)
        self.ohm[asked] = read.ohm[asked]
        self.beyond[asked] = VALUE
        self.ratio[asked] = _ratio(read.written, read.ohm)[asked]
        self._unreadable[asked] = ~np.asarray(valid.all(axis=-1))[asked]
        self._used |= asked

    def _take_resistance(self, row: int, column: int, device: int, ohm: float) -> None:
        self.ohm[row, column, device] = ohm
        self.ratio[row, column] = _ratio(self.written[row, column], self.ohm[row, column])
        self._used[row, column] = True

    # --- cycled pairs --------------------------------------------------------------------------

    def _take_pairs(self, arrays: Mapping[str, list[NDArray[Any]]]) -> None:
        for name, known in self._pairs.items():
            known |= pair_places(arrays, name)
        places = self._pairs["pairs"]
        for record, volts, unusable in zip(
            arrays.get("pairs", []),
            arrays.get("pair_forming_voltage", []),
            arrays.get("pair_unusable", []),
            strict=False,
        ):
            self._take_forming(places[int(record[0])], volts, unusable)
        for reading in last_of_records(arrays):
            self._take_cycled(places[reading.pair], reading)
        wrong_cycles = arrays.get("wrong_cycles", [])
        for number, record in enumerate(arrays.get("window_counts", [])):
            self._take_count(places, SenseCount(*record.tolist()), wrong_cycles[number])
        for record in arrays.get("cycled_counts", []):
            self._take_count(self._pairs["cycled_pairs"], SenseCount(*record.tolist()), None)

    def _take_cycled(self, place: Cell, reading: CycledReading) -> None:
        self.ohm[place] = reading.ohm
        self.beyond[place] = reading.beyond
        self.ratio[place] = _ratio(np.uint8(reading.bit), reading.ohm)
        self._unreadable[place] = bool(np.isnan(reading.ohm).any())
        self._used[place] = True

    def _take_count(
        self, places: Mapping[int, Cell], count: SenseCount, wrong: Counts | None
    ) -> None:
        """Every sensed cycle is a programming and its read; the last one writes bit 1."""
        place = places[count.pair]
        found = count.zero_as_one + count.one_as_zero
        for name, number in (("reads", count.sensed), ("trials", count.sensed)):
            self.counts[name][place] += number
        self.counts["wrong_reads"][place] += found
        self.counts["errors"][place] += found
        self.written[place] = 1
        self.sensed[place] = _last_bit(count, wrong)
        self._used[place] = True


@dataclass(frozen=True, eq=False)
class CycledReading:
    """The last reading of a record of a cycled pair."""

    pair: int
    bit: int
    """Programmed before it."""
    ohm: Floats
    """BL and BLb; where censored, the end of the current range."""
    beyond: NDArray[np.int8]


def last_of_records(arrays: Mapping[str, list[NDArray[Any]]]) -> Iterator[CycledReading]:
    """The last reading of each record of cycled pairs."""
    if OF_CYCLES not in arrays:
        return
    names = (OF_CYCLES, "resistance", "censored", "resistance_range")
    for of, ohm, code, bounds in zip(*(arrays[name] for name in names), strict=True):
        last = int(of[4]) - 1
        if last >= 0:
            yield CycledReading(
                pair=int(of[0]),
                bit=int(of[2]),
                ohm=within_range(ohm[last], code[last], bounds),
                beyond=code[last],
            )


def within_range(ohm: NDArray[Any], code: NDArray[np.int8], bounds: Floats) -> Floats:
    """Readings (..., 2) with censored ones put to the end of the current range of their device.

    ``bounds`` (2, 2): lowest and highest resistance that the ranges of BL and BLb show.
    """
    values = ohm.astype(np.float64)
    values = np.where(code < VALUE, bounds[:, 0], values)
    return np.where(code > VALUE, bounds[:, 1], values)


def pair_places(arrays: Mapping[str, list[NDArray[Any]]], name: str = "pairs") -> dict[int, Cell]:
    """Number of each newly named pair to its row and column.

    The disturb procedure has an array of that name, too, of another kind (2-dimensional).
    """
    records = [record for record in arrays.get(name, []) if record.ndim == 1]
    return {int(record[0]): (int(record[-2]), int(record[-1])) for record in records}


def swept_devices(rows: Mapping[str, NDArray[Any]]) -> Iterator[tuple[int, int, int, float]]:
    """Row, column, device and resistance after each sweep of a quasi-static run, complement too."""
    if "Complement after (ohm)" not in rows:
        return
    wanted = ("Row", "Column", "Device", "After (ohm)", "Complement after (ohm)")
    for row, column, name, after, complement in zip(*(rows[key] for key in wanted), strict=True):
        device = DEVICES.index(name)
        yield int(row), int(column), device, float(after)
        yield int(row), int(column), 1 - device, float(complement)


def _last_bit(count: SenseCount, wrong: Counts | None) -> int:
    """What was read in the last cycle, which writes bit 1; `NOT_READ` where nothing tells."""
    if wrong is None or count.not_read:
        return NOT_READ
    kept = wrong[wrong[:, 0] >= 0]
    if (kept[:, 0] == count.last).any():
        return 0
    return 1 if len(kept) == count.zero_as_one + count.one_as_zero else NOT_READ


def _ratio(written: NDArray[np.uint8] | np.uint8, ohm: Floats) -> Floats:
    """HRS over LRS; larger over smaller where the bit is unknown; NaN without two values."""
    known = hrs_over_lrs(np.asarray(written), ohm)
    either = hrs_over_lrs(np.asarray(ohm[..., 0] > ohm[..., 1], dtype=np.uint8), ohm)
    return np.where(np.asarray(written) <= 1, known, either)


def _mask(bits: list[list[int]], shape: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, dtype=bool)
    for row, column in bits:
        mask[row, column] = True
    return mask


def _frozen(values: NDArray[Any]) -> NDArray[Any]:
    """A copy that nobody can change."""
    copy = values.copy()
    copy.setflags(write=False)
    return copy
