"""Where a run stands: what its record, journal and log tell, for banner, progress and log view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from labctl.pace import Pace

if TYPE_CHECKING:
    from labctl.store.folder import RunFolder
    from labctl.store.tail import News


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands. Times in seconds; None: not known."""

    run: str
    procedure: str = ""
    kind: str = "UNKNOWN"
    """REAL, SIMULATED or REPLAY, once the record has been read."""
    die: str = ""
    """Name of the die; empty for a fresh simulated one."""
    headline: str = ""
    """The conditions in one line."""
    status: str = ""
    """running, interrupted, success, aborted or failed."""
    reason: str = ""
    """Why it did not end as planned; empty otherwise."""
    label: str = ""
    """What the present step does, or the last one did."""
    step: int = 0
    """Number of that step, from 1; 0 before the first."""
    steps_done: int = 0
    steps: int = 0
    """Of the whole run; 0: not known."""
    fraction: float = 0.0
    """Of the expected bench time, 0 to 1, up to the last end mark."""
    elapsed_s: float = 0.0
    """Wall time over all sessions of the run."""
    remaining_s: float | None = None
    bench_s: float = 0.0
    """Bench time up to the last end mark."""
    pulses_done: int = 0
    """Pulses booked: forming, SET and RESET."""
    pulses_left: int | None = None
    """How many more the run may book at most."""
    saved: datetime | None = None
    """When the last end mark reached the disk, local time."""
    notes: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    """Lines of the log since the last picture taken."""
    problem: str = ""
    """Why the run cannot be read or drawn; empty otherwise."""
    readable: bool = True
    """Whether its folder can be read; if not, the rest is as it was last read."""
    caught_up: bool = True
    """Whether all that is there has been read once; if not, the numbers are those so far."""
    share_read: float | None = None
    """Share of a run that has ended that has been read, by its bench time; None if not known."""


@dataclass(frozen=True)
class _Session:
    """How a session of a run began: what its ``session_begin`` tells."""

    at: datetime
    steps: int
    bench_s: float
    done_s: float
    wall_time_s: float


class StatusModel:
    """Takes in what a run tells of itself."""

    def __init__(self, run: str) -> None:
        self._status = RunStatus(run)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._session: _Session | None = None
        self._done_s = 0.0
        self._step_s = 0.0
        self._label = ""
        self._pace = Pace({})
        self._wall_s: float | None = None
        self._most_pulses: dict[str, int] = {}
        self._pulses: dict[str, int] = {}
        self._status = RunStatus(self._status.run)

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in what is new."""
        if news.restarted:
            self._begin_anew()
        for event in news.events:
            self._take_in(event)
        for kind, counts in news.pulses.items():
            self._pulses[kind] = self._pulses.get(kind, 0) + int(counts.sum())
        return True

    def _take_in(self, event: dict[str, Any]) -> None:
        status = self._status
        match event["event"]:
            case "session_begin":
                self._begin_session(event)
            case "step_begin":
                self._step_s, self._label = event.get("expected_s", 0.0), event["label"]
                self._status = replace(status, step=event["step"] + 1, label=event["label"])
            case "step_end":
                self._done_s += self._step_s
                self._end_step(event["step"], event.get("spent", {}))
            case "note":
                self._status = replace(status, notes=(*status.notes, event["text"]))

    def _begin_session(self, event: dict[str, Any]) -> None:
        session = _Session(
            at=datetime.fromisoformat(event["at"]).astimezone(),
            steps=event["steps"],
            bench_s=event["bench_s"],
            done_s=event["done_s"],
            wall_time_s=event["wall_time_s"],
        )
        self._session, self._done_s, self._wall_s = session, session.done_s, None
        self._pace = Pace(event.get("left_s", {}))
        self._most_pulses = event["most_pulses"]
        self._status = replace(self._status, steps=session.steps)

    def _end_step(self, step: int, spent: dict[str, Any]) -> None:
        before_s, self._wall_s = self._wall_s, spent.get("wall_time_s")
        if self._session is not None and self._wall_s is not None:
            begin_s = self._session.wall_time_s if before_s is None else before_s
            self._pace.ended(self._label, self._step_s, self._wall_s - begin_s)
        saved = None
        if self._session is not None and self._wall_s is not None:
            into_session_s = self._wall_s - self._session.wall_time_s
            saved = self._session.at + timedelta(seconds=into_session_s)
        bench_s = spent.get("bench_time_s", {}).get("total", 0.0)
        self._status = replace(self._status, steps_done=step + 1, bench_s=bench_s, saved=saved)

    def picture(self, folder: RunFolder, now: datetime) -> RunStatus:
        """Where the run stands at ``now``; looks whether its process lives."""
        record, status = folder.record, folder.status
        running = status == "running"
        return replace(
            self._status,
            procedure=str(record.get("procedure", "")),
            kind=folder.kind,
            die=str((record.get("die") or {}).get("name") or ""),
            headline=str(record.get("headline") or ""),
            status=status,
            reason=record.get("reason") or "",
            share_read=self._share_read(record),
            fraction=self._fraction(),
            elapsed_s=self._elapsed_s(now) if running else record.get("wall_time_s") or 0.0,
            remaining_s=self._remaining_s(now) if running else None,
            pulses_done=sum(self._pulses.values()),
            pulses_left=0 if status == "success" else self._pulses_left(),
        )

    def _share_read(self, record: Mapping[str, Any]) -> float | None:
        whole_s = (record.get("bench_time_s") or {}).get("total")
        return min(self._status.bench_s / whole_s, 1.0) if whole_s else None

    def _fraction(self) -> float:
        if self._session is None or not self._session.bench_s:
            return 0.0
        return min(self._done_s / self._session.bench_s, 1.0)

    def _elapsed_s(self, now: datetime) -> float:
        if self._session is None:
            return 0.0
        here_s = (now - self._session.at).total_seconds()
        return self._session.wall_time_s + max(here_s, 0.0)

    def _remaining_s(self, now: datetime) -> float | None:
        """At the pace of this session so far; None until it can be told."""
        remaining_s = self._pace.remaining_s()
        if remaining_s is None or self._wall_s is None:
            return None
        return max(remaining_s - (self._elapsed_s(now) - self._wall_s), 0.0)

    def _pulses_left(self) -> int | None:
        if not self._most_pulses:
            return None
        return sum(
            max(most - self._pulses.get(kind, 0), 0) for kind, most in self._most_pulses.items()
        )
