"""The wear ledger: every pulse a device ever received, booked per die.

One SQLite file beside the runs. A block of pulses is booked as planned before it is sent, and
confirmed after; an unconfirmed block counts in full, because nobody can know how far it went. Each
run's journal holds the same bookings and waits for the disk, so the ledger need not.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labctl.store.wear import Booking, packed, unpacked

LEDGER = "ledger.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pulses (
    block INTEGER NOT NULL,      -- blocks of one operation share a number
    die TEXT NOT NULL,
    run TEXT NOT NULL,
    kind TEXT NOT NULL,          -- form, set, reset
    condition TEXT NOT NULL,     -- JSON, SI units in the names
    shape TEXT NOT NULL,         -- JSON, of counts
    counts BLOB NOT NULL,        -- as labctl.store.wear packs them: pulses per device
    state TEXT NOT NULL          -- planned, confirmed, void
);
CREATE INDEX IF NOT EXISTS pulses_of_die ON pulses (die);
CREATE INDEX IF NOT EXISTS pulses_of_block ON pulses (block);
"""


class LedgerError(OSError):
    """A ledger file that cannot be used, with the reason."""


class Ledger:
    """The ledger file; safe to open from several processes. Raises `LedgerError`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        try:
            # Booked from the worker's thread, closed from the main one, never at the same time.
            # isolation_level None: transactions begin where this class says.
            self._database = sqlite3.connect(
                path, timeout=10, check_same_thread=False, isolation_level=None
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise LedgerError(f"the wear ledger {path} cannot be used: {error}") from None

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def plan(self, die: str, run: str, bookings: Sequence[Booking]) -> int:
        """Book a block as planned. Returns the block's number."""
        with self._transaction() as database:
            (last,) = database.execute("SELECT COALESCE(MAX(block), 0) FROM pulses").fetchone()
            block = int(last) + 1
            database.executemany(
                "INSERT INTO pulses VALUES (?, ?, ?, ?, ?, ?, ?, 'planned')",
                [
                    (
                        block,
                        die,
                        run,
                        booking.kind,
                        booking.condition_text(),
                        json.dumps(booking.counts.shape),
                        packed(booking.counts),
                    )
                    for booking in bookings
                ],
            )
        return block

    def confirm(self, block: int) -> None:
        """The block was carried out in full."""
        with self._transaction() as database:
            database.execute("UPDATE pulses SET state = 'confirmed' WHERE block = ?", (block,))

    def void(self, blocks: Sequence[int]) -> None:
        """The blocks never happened: a simulated die was put back to where it was before them."""
        with self._transaction() as database:
            database.executemany(
                "UPDATE pulses SET state = 'void' WHERE block = ?", [(block,) for block in blocks]
            )

    def totals(self, die: str) -> dict[str, NDArray[np.uint64]]:
        """Pulses per device by kind, confirmed or not: {"set": (rows, columns, 2), ...}."""
        totals: dict[str, NDArray[np.uint64]] = {}
        query = "SELECT kind, shape, counts FROM pulses WHERE die = ? AND state != 'void'"
        with closing(self._database.execute(query, (die,))) as rows:
            for kind, shape, counts in rows:
                booked = unpacked(counts, json.loads(shape)).astype(np.uint64)
                totals[kind] = totals[kind] + booked if kind in totals else booked
        return totals

    def unconfirmed(self, die: str) -> int:
        """How many blocks of a die were planned and never confirmed."""
        (count,) = self._database.execute(
            "SELECT COUNT(DISTINCT block) FROM pulses WHERE die = ? AND state = 'planned'", (die,)
        ).fetchone()
        return int(count)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; the write lock from the start, so that block numbers are unique."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            with self._database:
                yield self._database
        except sqlite3.Error as error:
            raise LedgerError(f"the wear ledger {self.path} cannot be written: {error}") from error
