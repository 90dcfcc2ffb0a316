"""The 22 pads of the probe card (device-model.md section 5) and the roles a bench binds to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Pad:
    """One pad: its number on the probe card, its name, what kind it is and what it is for."""

    number: int
    name: str
    kind: Literal["supply", "ground", "address", "analog", "control", "output"]
    use: str


PADS = (
    Pad(1, "VDD", "supply", "logic and sense amplifiers"),
    Pad(2, "VDDH", "supply", "decoders, pass gates, level shifters"),
    Pad(3, "GND", "ground", "logic ground"),
    Pad(4, "VSSA", "ground", "array ground and substrate"),
    *(Pad(5 + i, f"AR{i}", "address", "row address") for i in range(5)),
    *(Pad(10 + i, f"AC{i}", "address", "column-pair address") for i in range(5)),
    Pad(15, "WL", "analog", "gate voltage of the selected row"),
    Pad(16, "SL", "analog", "top electrodes of the selected column pair"),
    Pad(17, "BL", "analog", "bottom electrode, device BL of the selected pair"),
    Pad(18, "BLB", "analog", "bottom electrode, device BLb of the selected pair"),
    Pad(19, "SEN", "control", "sense: 0 precharge, 1 discharge and latch"),
    Pad(20, "BYP", "control", "1: sense amplifiers off, pads reach the pair"),
    Pad(21, "Q", "output", "latch of the addressed column"),
    Pad(22, "QB", "output", "its complement; both 1: undecided"),
)

PULSED_PADS = ("SL", "BL", "BLB", "WL", "SEN", "BYP")
"""Pads that the pulse generators drive."""

OUTPUT_PADS = ("Q", "QB")
"""Pads read as a current into a pulse channel at 0 V."""

SUPPLY_PADS = ("VDDH", "VDD")
"""Supplies, in the order of power-up."""

DRIVEN_PADS = (*PULSED_PADS, *OUTPUT_PADS, "VDD", "VDDH")
"""Every pad that an instrument can force a voltage on; each has a limit."""

METERS = {"meter_SL": "SL", "meter_BL": "BL", "meter_BLB": "BLB"}
"""Meter role to the pad it reaches through the RSU of that pad's pulse channel."""

DEVICES = ("BL", "BLB")
"""The two devices of a bit: index 0 and 1 of the last axis of every per-device array."""
