"""Bookings of pulses: what goes into the journal and the ledger, and what comes back out."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Booking:
    """Pulses of one kind at one condition: ``counts`` holds pulses per device, of any shape."""

    kind: str
    condition: Mapping[str, float]
    counts: Counts

    def condition_text(self) -> str:
        """The condition as JSON, the same text for the same condition."""
        return json.dumps(dict(self.condition), sort_keys=True)

    def as_event(self) -> dict[str, Any]:
        """What the journal holds of it."""
        return {
            "kind": self.kind,
            "condition": dict(self.condition),
            "shape": list(self.counts.shape),
            "counts": base64.b64encode(packed(self.counts)).decode("ascii"),
        }

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Booking:
        """What the journal held. Raises ValueError if the counts are damaged."""
        counts = unpacked(base64.b64decode(event["counts"]), event["shape"])
        return cls(event["kind"], event["condition"], counts)


class BlockState(StrEnum):
    """How far a block of pulses got."""

    PLANNED = "planned"
    """Booked, and never confirmed: it counts in full, as nobody can know how far it went."""
    CONFIRMED = "confirmed"
    CUT = "cut"
    """Ended before its end: it counts with what was sent of it."""
    VOID = "void"
    """Undone: a simulated die was put back to where it was before."""


@dataclass(frozen=True, eq=False)
class Block:
    """Bookings that were planned, sent and confirmed together."""

    number: int
    bookings: tuple[Booking, ...]
    state: BlockState


def blocks(events: Iterable[Mapping[str, Any]], with_void: bool = False) -> Iterator[Block]:
    """The blocks that a run's journal tells of, in order; void ones only if asked for.

    Raises ValueError, with the number of the block, if a booking is damaged.
    """
    events = list(events)
    confirmed = {e["block"] for e in events if e["event"] == "wear_confirmed"}
    cut = {e["block"]: e["pulses"] for e in events if e["event"] == "wear_cut"}
    void = {number for e in events if e["event"] == "wear_void" for number in e["blocks"]}
    for event in events:
        if event["event"] != "wear_planned":
            continue
        number, state = event["block"], BlockState.PLANNED
        if number in void:
            state = BlockState.VOID
        elif number in cut:
            state = BlockState.CUT
        elif number in confirmed:
            state = BlockState.CONFIRMED
        if with_void or state is not BlockState.VOID:
            yield Block(number, _bookings(number, cut.get(number, event["pulses"])), state)


def _bookings(block: int, events: Iterable[Mapping[str, Any]]) -> tuple[Booking, ...]:
    try:
        return tuple(Booking.from_event(pulses) for pulses in events)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"the booking of block {block} is damaged: {error}") from error


def packed(counts: Counts) -> bytes:
    """Counts in a few bytes: most are alike."""
    return zlib.compress(counts.astype("<u4").tobytes())


def unpacked(content: bytes, shape: Iterable[int]) -> Counts:
    """Counts (uint32) of a shape. Raises ValueError if the content is not what was packed."""
    try:
        return np.frombuffer(zlib.decompress(content), dtype="<u4").reshape(tuple(shape))
    except zlib.error as error:
        raise ValueError(f"counts cannot be unpacked: {error}") from None
