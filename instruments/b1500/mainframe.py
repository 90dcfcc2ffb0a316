"""PyMeasure's `AgilentB1500`, extended: modules by slot, spots, digital outputs, errors.

PyMeasure numbers SMUs as found, has no spot measurement in 0.16 and reports only the first queued
error (measured.md section 5); here SMUs are known by slot and errors are drained to the last one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymeasure.instruments.agilent import AgilentB1500
from pymeasure.instruments.agilent.agilentB1500 import SMU

from instruments.limits import LimitError, VoltageLimit, require_limit

SMU_TYPES = {"B1517A": "HRSMU", "B1511A": "MPSMU", "B1511B": "MPSMU", "B1510A": "HPSMU"}
"""Model to the type name that PyMeasure's ranging tables use."""

_ERROR = re.compile(r'^([+-]?\d+),"(.*)"$')
_QUEUE_DEPTH = 30


class B1500Error(OSError):
    """Errors queued by the mainframe; ``errors`` holds (code, text) pairs, oldest first."""

    def __init__(self, errors: list[tuple[int, str]]) -> None:
        self.errors = errors
        super().__init__("B1500A: " + "; ".join(f"error {code}, {text}" for code, text in errors))


class ModuleMismatchError(OSError):
    """The mainframe does not hold the modules that the bench file names."""


@dataclass(frozen=True)
class Spot:
    """One spot reading: value in A or V, and the status letter (instruments.md 2.5)."""

    value: float
    status: str

    @property
    def valid(self) -> bool:
        """No compliance, overflow, oscillation or other reservation."""
        return self.status == "N"


class SpotSMU:
    """One SMU by slot, wired to one pad: forces within that pad's limit, measures a spot.

    It has PyMeasure's SMU and is none, so that nothing forces a voltage past the limit.
    """

    def __init__(self, mainframe: B1500, slot: int, model: str) -> None:
        self.slot = slot
        self.limit: VoltageLimit | None = None
        self._mainframe = mainframe
        self._smu = SMU(mainframe, slot, SMU_TYPES[model], f"SMU{slot}", slot)

    def enable(self) -> None:
        """Close the output switch, at 0 V. (``CN``)"""
        self._smu.enable()

    def force_voltage(self, volts: float, compliance_a: float) -> None:
        """Force a DC voltage, auto range, with a current compliance in A. (``DV``)"""
        require_limit(self.limit, f"SMU {self.slot}").check(volts)
        if not 0 < compliance_a <= 0.1:
            raise LimitError(f"SMU {self.slot}: compliance {compliance_a:g} A; up to 0.1 A allowed")
        self._smu.force("Voltage", 0, volts, compliance_a)

    @property
    def is_on(self) -> bool:
        """Whether the output switch is closed. (``*LRN?``)"""
        return f"CL{self.slot}" not in self._mainframe.ask(f"*LRN? {self.slot}").strip().split(";")

    def make_safe(self) -> None:
        """0 V, then open the output switch. (``DZ``, ``CL``)

        Nothing is sent to an output that is known to be off; one that does not answer counts as on.
        """
        try:
            on = self.is_on
        except Exception:
            on = True
        if on:
            self._smu.force_gnd()
            self._smu.disable()

    def measure_current(self, current_range: int = 0) -> Spot:
        """One spot current, A; negative flows into the SMU. (``TI``)

        ``current_range``: 0 auto, 11-20 limited auto, negative fixed (instruments.md 2.13).
        """
        return _spot(self._mainframe.ask(f"TI {self.slot},{current_range}"))

    def measure_voltage(self, voltage_range: int = 0) -> Spot:
        """One spot voltage, V. (``TV``)"""
        return _spot(self._mainframe.ask(f"TV {self.slot},{voltage_range}"))


class B1500(AgilentB1500):
    """The mainframe. Constructing one sends nothing; `open` checks and prepares it."""

    def __init__(self, adapter: Any) -> None:
        super().__init__(adapter, "B1500A")
        self.smus: dict[int, SpotSMU] = {}

    def open(self, modules: Mapping[int, str]) -> None:
        """Compare the modules (``UNT?``), choose data format, forbid auto-calibration.

        Raises `ModuleMismatchError` listing every difference, `B1500Error` on a device error.
        Auto-calibration makes spikes of 400 mV at the pads, so ``CM 0`` is set and read back.
        """
        self.drain_errors()
        self._compare_modules(modules)
        self.write("FMT 1,0")
        self.write("AV 1,0")
        self.write("ERMOD 0")
        self.auto_calibration = False
        if self.auto_calibration:
            raise B1500Error([(0, "auto-calibration stays on although CM 0 was sent")])
        self.check_errors()
        self.smus = {
            slot: SpotSMU(self, slot, model)
            for slot, model in modules.items()
            if model in SMU_TYPES
        }

    def inventory(self) -> dict[int, str]:
        """Model names by slot, as the mainframe reports them. (``UNT?``)"""
        units = self.ask("UNT?").strip().split(";")
        models = (unit.split(",")[0] for unit in units)
        return {slot: model for slot, model in enumerate(models, start=1) if model != "0"}

    def set_digital_output(self, value: int) -> None:
        """Set the 16 digital lines; a bit that is 0 is high. (``ERC``) Errors are read later."""
        self.write(f"ERC 2,{value}")

    def drain_errors(self) -> list[tuple[int, str]]:
        """Read and return all queued errors, oldest first. (``ERRX?``)"""
        errors: list[tuple[int, str]] = []
        # One more than the queue holds: the last reply is "no error".
        for _ in range(_QUEUE_DEPTH + 1):
            reply = self.ask("ERRX?").strip()
            match = _ERROR.match(reply)
            if match is None:
                raise B1500Error([*errors, (0, f"ERRX? was answered by {reply!r}")])
            code = int(match[1])
            if code == 0:
                return errors
            errors.append((code, match[2]))
        return errors

    def check_errors(self) -> None:
        """Raise `B1500Error` with everything that is queued, if anything is."""
        errors = self.drain_errors()
        if errors:
            raise B1500Error(errors)

    def _compare_modules(self, expected: Mapping[int, str]) -> None:
        found = self.inventory()
        wrong = [
            f"slot {slot}: bench file {expected.get(slot, 'empty')}, "
            f"mainframe {found.get(slot, 'empty')}"
            for slot in sorted(expected.keys() | found.keys())
            # A module that the bench does not use does no harm.
            if slot in expected and expected[slot] != found.get(slot)
        ]
        if wrong:
            raise ModuleMismatchError(
                "the mainframe does not hold the modules of the bench file: " + "; ".join(wrong)
            )


def _spot(reply: str) -> Spot:
    """Parse one FMT 1 item such as ``NFI+009.535E-12``; `B1500Error` if it is none."""
    try:
        return Spot(float(reply[3:]), reply[0])
    except (ValueError, IndexError):
        raise B1500Error([(0, f"a measurement was answered by {reply!r}")]) from None
