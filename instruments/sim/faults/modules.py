"""Modules that are missing, of another model or failed, and RSUs that are not connected."""

from __future__ import annotations

from dataclasses import dataclass

from instruments.sim.faults.calls import CallFault
from instruments.sim.faults.flex import RefusedLine
from instruments.sim.faults.when import When, always
from instruments.wgfmu.library import ReturnCode

_FAILED = 152


@dataclass(frozen=True)
class OtherModule:
    """A slot that holds another model, or none (None), from power-on."""

    slot: int
    model: str | None = None


def failed_smu(slot: int, when: When) -> RefusedLine:
    """The SMU takes no command any more and keeps its output (error 152)."""
    return RefusedLine(rf"[A-Z]+ ?{slot}\b", when, _FAILED)


def failed_pulse_channel(channel: int, when: When) -> CallFault:
    """Calls that reach the channel's hardware fail; its output and switch stay as they are."""
    text = f"3400 WGFMU module is in TEST FAIL state.; CHANNEL{channel}"
    return CallFault(
        "connect|disconnect|dc.*|update.*|getMeasure.*|abortChannel",
        when,
        ReturnCode.FW_ERROR,
        text,
        channel,
    )


def missing_rsu(channel: int, when: When | None = None) -> CallFault:
    """The channel has no RSU: its switch cannot be closed (instruments.md 1.10)."""
    text = f"3001 RSU is not connected.; CHANNEL{channel}"
    return CallFault("connect", when or always(), ReturnCode.FW_ERROR, text, channel)
