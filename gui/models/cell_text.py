"""One cell in words: its address and all that a run tells of it, with units."""

from __future__ import annotations

from collections.abc import Sequence

# `error_rate` imports it at its first call: by then the interface thread shall open no file.
import scipy.special  # noqa: F401

from gui.models.array import ArrayPicture, Cell, Status
from gui.models.layers import bit_text
from labctl.analysis.error_rates import error_rate
from labctl.report.text import grouped, ohms, rate_text

_BEYOND = {-1: "below ", 0: "", 1: "above "}
_STATUS = {
    Status.LEFT_OUT: "outside the region of this run",
    Status.NO_DATA: "no data in this run",
    Status.USED: "in use",
    Status.UNREADABLE: "a device gave no valid resistance",
    Status.UNFORMED: "a device is unformed or not readable: left out",
    Status.RETIRED: "retired: left out",
}


def address_text(cell: Cell) -> str:
    """Row, column and what the decoders' address lines are at, the highest line first.

    >>> address_text((3, 16))
    'Row 3, column 16 (AR4-0 00011, AC4-0 10000)'
    """
    row, column = cell
    return f"Row {row}, column {column} (AR4-0 {row:05b}, AC4-0 {column:05b})"


def cell_lines(picture: ArrayPicture, cell: Cell) -> tuple[str, ...]:
    """A cell in three lines: where and in what state, what was read, what it has been through."""
    return (
        f"{address_text(cell)}: {_STATUS[Status(picture.status[cell])]}",
        _read(picture, cell),
        _history(picture, cell),
    )


def joined(parts: Sequence[str]) -> str:
    """Parts of a line, those without text left out."""
    return " · ".join(part for part in parts if part)


def _read(picture: ArrayPicture, cell: Cell) -> str:
    ratio = float(picture.ratio[cell])
    devices = [
        f"{name} {_BEYOND[int(picture.beyond[cell][device])]}{ohms(value)}"
        for device, name in enumerate(("BL", "BLb"))
        if (value := float(picture.ohm[cell][device])) == value
    ]
    bit, written = bit_text(picture.sensed[cell]), bit_text(picture.written[cell])
    return joined(
        [
            f"bit read {bit}, written {written}",
            ", ".join(devices),
            f"HRS/LRS {ratio:.3g}" if ratio == ratio else "",
        ]
    )


def _history(picture: ArrayPicture, cell: Cell) -> str:
    rate = error_rate(int(picture.errors[cell]), int(picture.trials[cell]))
    wrong, reads = int(picture.wrong_reads[cell]), int(picture.reads[cell])
    pulses = [
        f"{kind.upper()} {grouped(int(bl))}/{grouped(int(blb))}"
        for kind, counts in picture.pulses.items()
        for bl, blb in [counts[cell]]
        if bl or blb
    ]
    formed = [
        f"{name} {value:.2f} V"
        for name, value in zip(("BL", "BLb"), picture.forming_v[cell], strict=True)
        if value == value
    ]
    over = f" over {picture.conditions} conditions" if picture.conditions > 1 else ""
    return joined(
        [
            f"BER{over} {rate_text(rate)}",
            f"wrong reads {grouped(wrong)} of {grouped(reads)}"
            if (wrong, reads) != (rate.errors, rate.trials)
            else "",
            f"pulses BL/BLb {', '.join(pulses)}" if pulses else "",
            f"formed at {', '.join(formed)}" if formed else "",
        ]
    )
