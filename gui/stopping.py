"""Stopping runs, in words: what happens now, and whether a run ended because a person asked."""

from __future__ import annotations

from collections.abc import Collection

from labctl.observing import Stop

_HAPPENS = {
    Stop.AFTER_STEP: "pausing after the present step; Stop leaves it sooner.",
    Stop.WITHIN_STEP: "stopping within the present step; the outputs will be made safe. The "
    "emergency stop is quicker.",
    Stop.EMERGENCY: "emergency stop, the outputs go to 0 V now.",
}
_THE_RUN = "the run "
_ABORTED = "the run aborted: "


def asked_of(runs: Collection[str], level: Stop) -> str:
    """What happens now to these runs; "" is one that has no name yet."""
    names = " and ".join(run or "that is starting" for run in runs)
    return f"{'Run' if len(runs) == 1 else 'Runs'} {names}: {_HAPPENS[level]}"


def level_of(note: str) -> Stop:
    """The way to stop that a command tells of; its words are for a terminal, with its Ctrl-C."""
    return next((level for level in _HAPPENS if level.told == note), Stop.NOT)


def is_asked_for(sentence: str) -> bool:
    """Whether a command ended because a person had asked its run to."""
    return sentence.startswith(_ABORTED) and " by the user " in sentence


def named(sentence: str, run: str) -> str:
    """How a command ended, with the name of its run; ``run`` is empty if there was none.

    >>> named("the run failed: no answer", "20261122-082926-read")
    'Run 20261122-082926-read failed: no answer'
    """
    if not run or not sentence.startswith(_THE_RUN):
        return sentence
    return f"Run {run} {sentence.removeprefix(_THE_RUN)}"
