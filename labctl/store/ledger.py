"""The wear ledger: every pulse a device ever received, booked per die.

One SQLite file beside the runs. A block of pulses is booked as planned before it is sent, and
confirmed after; an unconfirmed block counts in full, because nobody can know how far it went. Each
run's journal holds the same bookings and waits for the disk, so the ledger need not.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from labctl.store.folder import RunFolder, RunFolderError
from labctl.store.retired import (
    Bit,
    Retirement,
    append_retirement,
    read_retirements,
    retired_now,
)
from labctl.store.wear import Block, Booking, Counts, blocks, packed, unpacked

LEDGER = "ledger.sqlite"

PATIENCE_S = 10.0
"""How long a ledger that another program has locked is waited for, s."""
_SOON_S = 0.3
"""The same where outputs wait to be taken down, s."""
_LOOK_S = 0.05
"""A look at such a ledger, s: between two of them the waiting can be ended."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pulses (
    block INTEGER NOT NULL,      -- blocks of one operation share a number
    die TEXT NOT NULL,
    run TEXT NOT NULL,
    kind TEXT NOT NULL,          -- form, set, reset
    condition TEXT NOT NULL,     -- JSON, SI units in the names
    shape TEXT NOT NULL,         -- JSON, of counts
    counts BLOB NOT NULL,        -- as labctl.store.wear packs them: pulses per device
    state TEXT NOT NULL          -- planned, confirmed, cut, void
);
CREATE INDEX IF NOT EXISTS pulses_of_die ON pulses (die);
CREATE INDEX IF NOT EXISTS pulses_of_block ON pulses (block);
CREATE TABLE IF NOT EXISTS retired (
    die TEXT NOT NULL,
    bit_row INTEGER NOT NULL,
    bit_column INTEGER NOT NULL,
    reason TEXT NOT NULL,
    since TEXT NOT NULL,         -- UTC
    by TEXT NOT NULL,
    PRIMARY KEY (die, bit_row, bit_column)
);
"""


class LedgerError(OSError):
    """A ledger file that cannot be used, with the reason."""


class Ledger:
    """The ledger file; safe to open from several processes. Raises `LedgerError`.

    ``while_waiting`` is called while another program has it locked, and may raise to end that.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.while_waiting: Callable[[], None] = lambda: None
        try:
            # Booked from the worker's thread, closed from the main one, never at the same time.
            # isolation_level None: transactions begin where this class says.
            self._database = sqlite3.connect(
                path, timeout=PATIENCE_S, check_same_thread=False, isolation_level=None
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_SCHEMA)
            self._database.execute(f"PRAGMA busy_timeout={1000 * _LOOK_S:.0f}")
        except sqlite3.Error as error:
            raise LedgerError(f"the wear ledger {path} cannot be used: {error}") from None

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

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

    def cut(self, block: int, bookings: Sequence[Booking]) -> None:
        """The block was ended before its end: ``bookings`` is what was sent of it, in the order
        of the plan. A ledger that is locked is not waited for."""
        with self._transaction(_SOON_S) as database:
            rows = database.execute(
                "SELECT rowid FROM pulses WHERE block = ? ORDER BY rowid", (block,)
            )
            database.executemany(
                "UPDATE pulses SET state = 'cut', counts = ? WHERE rowid = ?",
                [
                    (packed(booking.counts), row)
                    for booking, (row,) in zip(bookings, rows.fetchall(), strict=True)
                ],
            )

    def restore(self, run: RunFolder) -> None:
        """Replace what is booked of a run by what its journal tells.

        After a crash the two may differ: a block that is in the ledger only was never sent, and a
        power cut can take the ledger's last blocks, which the journal holds. Raises
        `RunFolderError` if the journal is damaged; then nothing has been changed.
        """
        rows = list(_rows_of(run))
        with self._transaction() as database:
            database.execute("DELETE FROM pulses WHERE run = ?", (run.id,))
            database.executemany("INSERT INTO pulses VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def totals(self, die: str) -> dict[str, NDArray[np.uint64]]:
        """Pulses per device by kind, confirmed or not: {"set": (rows, columns, 2), ...}."""
        totals: dict[str, NDArray[np.uint64]] = {}
        query = "SELECT kind, shape, counts FROM pulses WHERE die = ? AND state != 'void'"
        with closing(self._database.execute(query, (die,))) as rows:
            for kind, shape, counts in rows:
                booked = self._unpacked(counts, shape).astype(np.uint64)
                totals[kind] = totals[kind] + booked if kind in totals else booked
        return totals

    def formed_by(self, die: str) -> dict[str, NDArray[np.bool_]]:
        """Run to the devices (rows, columns, 2) that it gave forming pulses, in order of booking.

        Planned blocks count: nobody can know how far they went.
        """
        formed: dict[str, NDArray[np.bool_]] = {}
        query = """
            SELECT run, shape, counts FROM pulses
            WHERE die = ? AND kind = 'form' AND state != 'void' ORDER BY block
        """
        for run, shape, counts in self._database.execute(query, (die,)):
            devices = self._unpacked(counts, shape) > 0
            formed[run] = formed[run] | devices if run in formed else devices
        return formed

    def retire(self, event: Retirement) -> None:
        """Take bits of a die out of use, or back into it: in the file beside, then in the table."""
        append_retirement(self.path.parent, event)
        with self._transaction() as database:
            _fill_retired(database, read_retirements(self.path.parent))

    def retired(self, die: str) -> dict[Bit, str]:
        """Bits of a die that are out of use, with the reason."""
        query = """
            SELECT bit_row, bit_column, reason FROM retired WHERE die = ?
            ORDER BY bit_row, bit_column
        """
        rows = self._database.execute(query, (die,))
        return {(row, column): reason for row, column, reason in rows}

    def dies(self) -> list[dict[str, Any]]:
        """Every die with its runs, blocks and unconfirmed blocks, by name."""
        query = """
            SELECT die, COUNT(DISTINCT run), COUNT(DISTINCT run || block),
                   COUNT(DISTINCT CASE WHEN state = 'planned' THEN run || block END)
            FROM pulses WHERE state != 'void' GROUP BY die ORDER BY die
        """
        names = ("die", "runs", "blocks", "unconfirmed_blocks")
        return [dict(zip(names, row, strict=True)) for row in self._database.execute(query)]

    def history(self, die: str) -> list[dict[str, Any]]:
        """What each run did to a die: run, kind, condition, pulses in all and on the device with
        most, unconfirmed blocks; in the order of booking."""
        query = """
            SELECT run, kind, condition, shape, counts, state
            FROM pulses WHERE die = ? AND state != 'void' ORDER BY block
        """
        told: dict[tuple[str, str, str], tuple[NDArray[np.uint64], list[str]]] = {}
        for run, kind, condition, shape, counts, state in self._database.execute(query, (die,)):
            booked = self._unpacked(counts, shape).astype(np.uint64)
            key = run, kind, condition
            before, states = told.get(key, (np.zeros_like(booked), []))
            told[key] = before + booked, [*states, state]
        return [
            {
                "run": run,
                "kind": kind,
                "condition": json.loads(condition),
                "pulses": int(counts.sum()),
                "most_per_device": int(counts.max()),
                "unconfirmed_blocks": states.count("planned"),
            }
            for (run, kind, condition), (counts, states) in told.items()
        ]

    def rebuild(self, runs: Iterable[RunFolder]) -> int:
        """Replace everything by what the runs' journals tell; returns how many blocks that is.

        Raises `RunFolderError` if a journal is damaged; then nothing has been changed.
        """
        rows = [row for run in runs if run.kind != "REPLAY" for row in _rows_of(run)]
        with self._transaction() as database:
            database.execute("DELETE FROM pulses")
            database.executemany("INSERT INTO pulses VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            _fill_retired(database, read_retirements(self.path.parent))
        return len({row[0] for row in rows})

    def unconfirmed(self, die: str) -> int:
        """How many blocks of a die were planned and never confirmed."""
        (count,) = self._database.execute(
            "SELECT COUNT(DISTINCT run || block) FROM pulses WHERE die = ? AND state = 'planned'",
            (die,),
        ).fetchone()
        return int(count)

    def runs_of(self, die: str) -> list[str]:
        """The runs that booked pulses of a die, the latest first."""
        query = "SELECT run FROM pulses WHERE die = ? GROUP BY run ORDER BY MAX(block) DESC"
        return [run for (run,) in self._database.execute(query, (die,))]

    def _unpacked(self, counts: bytes, shape: str) -> Counts:
        try:
            return unpacked(counts, json.loads(shape))
        except ValueError as error:
            raise LedgerError(
                f"the wear ledger {self.path} holds a damaged booking ({error}): `labctl ledger "
                "rebuild` makes it again from the runs"
            ) from None

    @contextmanager
    def _transaction(self, patience_s: float | None = None) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; the write lock from the start, so that block numbers are unique."""
        try:
            self._begin(PATIENCE_S if patience_s is None else patience_s)
            with self._database:
                yield self._database
        except sqlite3.Error as error:
            raise LedgerError(f"the wear ledger {self.path} cannot be written: {error}") from error

    def _begin(self, patience_s: float) -> None:
        """Take the write lock, patiently, but so that `while_waiting` can end it."""
        end_s = time.monotonic() + patience_s
        while True:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                # The low byte: the others tell what kind of lock it is.
                is_locked = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not is_locked or time.monotonic() >= end_s:
                    raise
            self.while_waiting()


def booked_blocks(run: RunFolder) -> list[Block]:
    """All blocks of a run, void ones too. Raises `RunFolderError` if its journal is damaged."""
    run.require_whole_journal()
    try:
        return list(blocks(run.events(), with_void=True))
    except ValueError as error:
        raise RunFolderError(
            f"the journal of run {run.id} is damaged: {error}; put back a copy of it"
        ) from error


def die_name(run: RunFolder) -> str:
    """Under what name the pulses of a run are booked."""
    name = run.record["die"]["name"]
    return str(name) if name else f"fresh die of run {run.id}"


def _fill_retired(database: sqlite3.Connection, events: Sequence[Retirement]) -> None:
    """Make the table what the events tell."""
    rows = [
        (die, *bit, event.reason, event.at, event.by)
        for (die, bit), event in retired_now(events).items()
    ]
    database.execute("DELETE FROM retired")
    database.executemany("INSERT INTO retired VALUES (?, ?, ?, ?, ?, ?)", rows)


def _rows_of(run: RunFolder) -> Iterator[tuple[Any, ...]]:
    """What the ledger holds of a run, from its journal. Raises `RunFolderError`."""
    for block in booked_blocks(run):
        for booking in block.bookings:
            yield (
                block.number,
                die_name(run),
                run.id,
                booking.kind,
                booking.condition_text(),
                json.dumps(booking.counts.shape),
                packed(booking.counts),
                str(block.state),
            )
