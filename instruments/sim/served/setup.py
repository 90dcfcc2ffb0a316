"""The software setup of a WGFMU client as JSON, and back, checked.

A client's library holds patterns, sequences and settings; before a call that needs them the
changed ones go to the instrument. What arrives there is not trusted: it must be a setup that the C
functions could have built.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import isfinite
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from instruments.sim.served.wire import WireError
from instruments.sim.wgfmu.channel_calls import DELAY_GRID_S, MAX_DELAY_S
from instruments.sim.wgfmu.checks import MAX_INTERVAL_S, MAX_LOOPS, ChannelSetup
from instruments.sim.wgfmu.library import Software
from instruments.sim.wgfmu.patterns import (
    MAX_PATTERN_S,
    TICKS_PER_S,
    MeasureEvent,
    Pattern,
    next_revision,
)
from instruments.wgfmu.library import WarningLevel

_PATTERN = TypeAdapter(Pattern)
_CHANNEL = TypeAdapter(ChannelSetup)
_TIMEOUT: TypeAdapter[float] = TypeAdapter(Annotated[float, Field(ge=1, allow_inf_nan=False)])
_LEVEL = TypeAdapter(WarningLevel)

_MAX_TICKS = MAX_PATTERN_S * TICKS_PER_S
_MAX_DELAY = round(MAX_DELAY_S / DELAY_GRID_S)


class SetupSender:
    """Remembers what of a client's setup the instrument has, so that only changes are sent."""

    def __init__(self) -> None:
        self._sent: dict[str, int] = {}

    def changes(self, software: Software) -> dict[str, Any]:
        """The setup as JSON; a pattern that has been sent before is null."""
        patterns = {
            name: None if self._sent.get(name) == pattern.revision else _pattern_json(pattern)
            for name, pattern in software.patterns.items()
        }
        self._sent = {name: pattern.revision for name, pattern in software.patterns.items()}
        return {
            "timeout": software.timeout,
            "reported": int(software.reported),
            "as_errors": int(software.as_errors),
            "patterns": patterns,
            "channels": [_channel_json(setup) for setup in software.channels.values()],
        }


def _pattern_json(pattern: Pattern) -> dict[str, Any]:
    return {
        "ticks": pattern.ticks,
        "volts": pattern.volts,
        "events": [vars(event) for event in pattern.events],
    }


def _channel_json(setup: ChannelSetup) -> dict[str, Any]:
    return {name: value for name, value in vars(setup).items() if name != "downloaded"}


def read_setup(content: Any, known: Mapping[str, Pattern]) -> Software:
    """The setup that `SetupSender` wrote; ``known`` are the patterns of the one before.

    Raises `WireError` if it is none that a library could hold.
    """
    try:
        patterns = {
            name: known[name] if item is None else _pattern(name, item)
            for name, item in content["patterns"].items()
        }
        channels = [_channel(item, patterns) for item in content["channels"]]
        return Software(
            _TIMEOUT.validate_python(content["timeout"]),
            _LEVEL.validate_python(content["reported"]),
            _LEVEL.validate_python(content["as_errors"]),
            patterns,
            {setup.number: setup for setup in channels},
        )
    except (KeyError, TypeError, AttributeError, ValidationError, ValueError) as error:
        raise WireError(f"not a setup: {error}") from error


def _pattern(name: str, content: Mapping[str, Any]) -> Pattern:
    pattern = _PATTERN.validate_python({**content, "name": name, "revision": next_revision()})
    rising = all(before < after for before, after in pairwise(pattern.ticks))
    sound = (
        len(pattern.ticks) == len(pattern.volts) > 0
        and pattern.ticks[0] == 0
        and rising
        and pattern.ticks[-1] <= _MAX_TICKS
        and all(isfinite(volts) for volts in pattern.volts)
        and all(event.start >= 0 and event.end <= pattern.duration + 1 for event in pattern.events)
        and all(_is_measurable(event) for event in pattern.measure_events())
    )
    if not sound:
        raise ValueError(f"pattern {name!r} is none that a library could hold")
    return pattern


def _is_measurable(event: MeasureEvent) -> bool:
    longest = MAX_INTERVAL_S * TICKS_PER_S + 1
    in_time = 1 <= event.interval <= longest and 0 <= event.average <= event.interval
    return in_time and event.points >= 1


def _channel(content: Mapping[str, Any], patterns: Mapping[str, Pattern]) -> ChannelSetup:
    setup = _CHANNEL.validate_python({**content, "downloaded": None})
    if not all(name in patterns and 1 <= loops <= MAX_LOOPS for name, loops in setup.sequences):
        raise ValueError(f"channel {setup.number} has a sequence of no pattern or without loops")
    if max(abs(setup.force_delay), abs(setup.measure_delay)) > _MAX_DELAY:
        raise ValueError(f"channel {setup.number} has too long a delay")
    return setup
