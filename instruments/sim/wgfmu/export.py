"""exportAscii: the setup as a text file.

The vendor's column layout is not public (instruments.md, section 6); this one is ours: one table
each for patterns, events and sequences, times in seconds, voltages in volts.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from instruments.sim.wgfmu.checks import ChannelSetup
from instruments.sim.wgfmu.patterns import (
    TICKS_PER_S,
    Event,
    MeasureEvent,
    Pattern,
    RangeEvent,
)

Row = list[object]


def write_ascii(
    path: Path, patterns: Mapping[str, Pattern], channels: Mapping[int, ChannelSetup]
) -> None:
    """Write the three tables as comma-separated text; an existing file is overwritten."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["pattern", "time", "voltage"])
        writer.writerows(_pattern_rows(patterns))
        writer.writerow([])
        writer.writerow(["pattern", "event", "kind", "time", "points", "interval", "average"])
        writer.writerows(_event_rows(patterns))
        writer.writerow([])
        writer.writerow(["channel", "sequence", "pattern", "loops"])
        writer.writerows(_sequence_rows(channels))


def _pattern_rows(patterns: Mapping[str, Pattern]) -> Iterator[Row]:
    for name, pattern in patterns.items():
        for tick, volts in zip(pattern.ticks, pattern.volts, strict=True):
            yield [name, tick / TICKS_PER_S, volts]


def _event_rows(patterns: Mapping[str, Pattern]) -> Iterator[Row]:
    for name, pattern in patterns.items():
        for event in pattern.events:
            yield [name, event.name, *_event_columns(event)]


def _event_columns(event: Event) -> Row:
    time = event.start / TICKS_PER_S
    if isinstance(event, MeasureEvent):
        kind = "raw" if event.raw else "averaged"
        spacing = [event.interval / TICKS_PER_S, event.average / TICKS_PER_S]
        return [kind, time, event.points, *spacing]
    if isinstance(event, RangeEvent):
        return [f"range {int(event.range_code)}", time, "", "", ""]
    return ["trigger", time, "", event.duration / TICKS_PER_S, ""]


def _sequence_rows(channels: Mapping[int, ChannelSetup]) -> Iterator[Row]:
    for number in sorted(channels):
        for index, (name, loops) in enumerate(channels[number].sequences):
            yield [number, index, name, loops]
