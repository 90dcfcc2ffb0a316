"""PyMeasure's `AgilentB1500`, extended: modules by slot, spots, digital outputs, errors.

PyMeasure numbers SMUs as found, has no spot measurement in 0.16 and reports only the first queued
error (measured.md section 5); here SMUs are known by slot and errors are drained to the last one.

A reply that is late, lost or damaged never becomes the answer to another question: the session is
then out of step, and before anything else is asked it is brought back into step or refuses.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pymeasure.instruments.agilent import AgilentB1500
from pymeasure.instruments.agilent.agilentB1500 import SMU, MeasMode, MeasOpMode, SweepMode
from pyvisa.errors import VisaIOError

from instruments.limits import LimitError, VoltageLimit, require_limit

SMU_TYPES = {"B1517A": "HRSMU", "B1511A": "MPSMU", "B1511B": "MPSMU", "B1510A": "HPSMU"}
"""Model to the type name that PyMeasure's ranging tables use."""

_ERROR = re.compile(r'([+-]?\d+),"(.*)"', re.DOTALL)
_QUEUE_DEPTH = 30
_UNITS = re.compile(r"[^,;]+,[^,;]+(?:;[^,;]+,[^,;]+){9}")
_IDENTITY = re.compile(r"[^,]+,[^,]+,[^,]*,[^,]+")
_AUTO_CALIBRATION = re.compile(r"(?:.*;)?CM ?([01]);FMT ?\d+,\d+(?:;.*)?")

_TRANSPORT_ERRORS = (OSError, UnicodeError, VisaIOError)
"""What reading from or writing to the bus raises; over VISA a time-out is a `VisaIOError`."""

_MARKS = {
    100: "Undefined GPIB command",
    102: "Incorrect numeric data syntax",
    103: "Incorrect terminator position",
    120: "Incorrect parameter value",
    121: "Channel number must be 1 to 10",
    150: "Command input buffer is full",
    200: "Channel output switch must be ON",
    201: "Compliance must be set",
}
"""Questions that nothing else asks, with their answers: ``EMG? code`` (instruments.md 2.3)."""

OUTPUT_IS_OFF = 200
"""The mainframe refuses to zero an output that is off (instruments.md 2.9)."""

_INTERLOCK_ERRORS = {202, 203}
"""The mainframe refuses a voltage, or an output switch, for the interlock's sake."""

_ATTEMPTS = 3
_SHORT_S = 0.1
"""Out of step nothing is waited for longer: a mainframe that is well answers in milliseconds, and
outputs may be on."""
_UNDER_WAY = 16
"""Replies that may be waiting in the bus when the session is out of step."""

_DATA_READY = 1
"""Bit of the status byte (instruments.md 2.4)."""

_OVERFLOW = 1e99
"""From here on a value stands for an overflow: 199.999E+99 (instruments.md 2.5)."""


class B1500Error(OSError):
    """Errors queued by the mainframe, or of the talk with it.

    ``errors`` holds (code, text) pairs, oldest first; code 0 is no error of the mainframe's queue.
    """

    def __init__(self, errors: list[tuple[int, str]]) -> None:
        self.errors = errors
        texts = [f"error {code}, {text}" if code else text for code, text in errors]
        super().__init__("B1500A: " + "; ".join(texts))


class ModuleMismatchError(OSError):
    """The mainframe does not hold the modules that the bench file names."""


@dataclass(frozen=True)
class Spot:
    """One spot reading: the status letter (instruments.md 2.5), and the value in A or V.

    ``value`` is NaN unless the reading is valid: what an SMU reads in compliance or beyond its
    range is not what flows.
    """

    value: float
    status: str

    @property
    def valid(self) -> bool:
        """No compliance, overflow, oscillation or other reservation."""
        return not math.isnan(self.value)


class SpotSMU:
    """One SMU by slot, wired to one pad: forces within that pad's limit, measures a spot.

    It has PyMeasure's SMU and is none, so that nothing forces a voltage past the limit.
    """

    def __init__(self, mainframe: B1500, slot: int, model: str) -> None:
        self.slot = slot
        self.letter = "ABCDEFGHIJ"[slot - 1]
        """What stands for it in measurement data (instruments.md 2.5)."""
        self.limit: VoltageLimit | None = None
        self.mainframe = mainframe
        self._is_known_off = False
        self._unsent: list[tuple[int, str]] = []
        self._smu = SMU(mainframe, slot, SMU_TYPES[model], f"SMU{slot}", slot)

    def enable(self) -> None:
        """Close the output switch, at 0 V. (``CN``)"""
        self._is_known_off = False
        self._smu.enable()

    def force_voltage(self, volts: float, compliance_a: float) -> None:
        """Force a DC voltage, auto range, with a current compliance in A. (``DV``)"""
        self._check(volts, compliance_a)
        self._smu.force("Voltage", 0, volts, compliance_a)

    def lead_sweep(self, top_v: float, points: int, compliance_a: float) -> None:
        """Be the one that a staircase from 0 V to the top and back goes by. (``WV``)"""
        self._check((0.0, top_v), compliance_a)
        self._smu.staircase_sweep_source(
            "Voltage", SweepMode.LINEAR_DOUBLE, 0, 0.0, top_v, points, compliance_a
        )

    def follow_sweep(self, top_v: float, compliance_a: float) -> None:
        """Put out the same as the leader of the staircase, in step with it. (``WSV``)"""
        self._check((0.0, top_v), compliance_a)
        self._smu.synchronous_sweep_source("Voltage", 0, 0.0, top_v, compliance_a)

    def measure_in_sweep(self) -> None:
        """Measure current, auto range, whatever another program has left. (``RI``, ``CMM``)"""
        self._smu.meas_range_current = 0
        self._smu.meas_op_mode = MeasOpMode.CURRENT

    def _check(self, volts: float | tuple[float, float], compliance_a: float) -> None:
        require_limit(self.limit, f"SMU {self.slot}").check(volts)
        if not 0 < compliance_a <= 0.1:
            raise LimitError(f"SMU {self.slot}: compliance {compliance_a:g} A; up to 0.1 A allowed")

    @property
    def is_on(self) -> bool:
        """Whether the output switch is closed. (``*LRN?``)"""
        return self.ask_whether_on()

    def ask_whether_on(self) -> bool:
        """As `is_on`, and remember if it is off."""
        number = r"[+-]?[\d.]+(?:E[+-]\d\d)?"
        form = re.compile(rf"(CL) ?{self.slot}|D[VI] ?{self.slot}(?:,{number}){{3,5}}")
        self._is_known_off = False
        self._is_known_off = self.mainframe.query(f"*LRN? {self.slot}", form)[1] is not None
        return not self._is_known_off

    def make_safe(self) -> None:
        """0 V, open the output switch, and look whether it is open: `switch_off`, `require_off`."""
        self.switch_off()
        self.require_off()

    def switch_off(self) -> bool:
        """0 V and open the output switch, waiting for no answer. (``DZ``, ``CL``)

        Nothing is sent to an output that is known to be off. Both lines are tried whatever happens;
        returns whether they could be sent.
        """
        self._unsent = []
        if not self._is_known_off:
            for command in (self._smu.force_gnd, self._smu.disable):
                try:
                    command()
                except B1500Error as error:
                    self._unsent += error.errors
        return not self._unsent

    def require_off(self) -> None:
        """Raise `B1500Error` unless the output switch is open; no answer counts as on. (``*LRN?``)

        The error holds what `switch_off` could not send.
        """
        try:
            still = [(0, f"the output switch of SMU {self.slot} is still closed")]
            errors = still if self.is_on else []
        except B1500Error as error:
            errors = error.errors
        if errors:
            raise B1500Error([*self._unsent, *errors])

    def measure_current(self, current_range: int = 0) -> Spot:
        """One spot current, A; negative flows into the SMU. (``TI``)

        ``current_range``: 0 auto, 11-20 limited auto, negative fixed (instruments.md 2.13).
        """
        return self._spot(f"TI {self.slot},{current_range}", "I")

    def measure_voltage(self, voltage_range: int = 0) -> Spot:
        """One spot voltage, V. (``TV``)"""
        return self._spot(f"TV {self.slot},{voltage_range}", "V")

    def _spot(self, command: str, kind: str) -> Spot:
        return reading(self.mainframe.query(command, reading_form(self.letter, kind)))


def reading_form(letter: str, kind: str) -> re.Pattern[str]:
    """What a reading of an SMU looks like, such as ``NEI+009.535E-12`` (instruments.md 2.5)."""
    return re.compile(rf"([A-Z]){letter}{kind}([+-]\d{{1,3}}\.\d{{1,6}}E[+-]\d\d)")


def reading(match: re.Match[str]) -> Spot:
    """The reading that a `reading_form` has found."""
    status, value = match[1], float(match[2])
    return Spot(value if status == "N" and abs(value) < _OVERFLOW else math.nan, status)


class B1500(AgilentB1500):
    """The mainframe. Constructing one sends nothing; `open` checks and prepares it."""

    def __init__(self, adapter: Any) -> None:
        super().__init__(adapter, "B1500A")
        self.smus: dict[int, SpotSMU] = {}
        self._in_step = True
        self._is_silent = False
        self._marks = itertools.cycle(_MARKS.items())

    def write(self, command: str, **kwargs: Any) -> None:
        """Send a line. `B1500Error` if the bus does not take it; whether it arrived is unknown."""
        try:
            if self._in_step:
                super().write(command, **kwargs)
            else:
                with self._patient(_SHORT_S):
                    super().write(command, **kwargs)
        except _TRANSPORT_ERRORS as error:
            self._in_step = False
            raise B1500Error([(0, f"{command} could not be sent: {error}")]) from error

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Send a question and return its answer, never that of an earlier one.

        `B1500Error` if no readable answer comes; the session is then out of step.
        """
        if not self._in_step:
            self.synchronise()
        self.write(command)
        self.wait_for(query_delay)
        try:
            return str(self.read())
        except _TRANSPORT_ERRORS as error:
            self._in_step = False
            raise B1500Error([(0, f"{command} was not answered: {error}")]) from error

    def query(self, command: str, form: re.Pattern[str]) -> re.Match[str]:
        """Ask, and match the whole answer, blanks around it removed, against ``form``.

        If that fails it is asked once more; not for questions whose answer comes only once. Then
        `B1500Error` says what came instead and, unless the mainframe is silent, what is in the
        error queue.
        """
        try:
            return self._query_once(command, form)
        except B1500Error:
            if self._is_silent:
                raise
        try:
            return self._query_once(command, form)
        except B1500Error as error:
            if not self._is_silent:
                with suppress(B1500Error):
                    error = B1500Error([*error.errors, *self.drain_errors()])
            raise error from None

    def _query_once(self, command: str, form: re.Pattern[str]) -> re.Match[str]:
        answer = self.ask(command).strip()
        match = form.fullmatch(answer)
        if match is None:
            self._in_step = False
            raise B1500Error([(0, f"{command} was answered by {answer!r}")])
        return match

    def synchronise(self) -> None:
        """Bring questions and answers back into step.

        Measurement data that nobody has read are cleared, then something is asked that nothing
        under way can be the answer to, and all that comes before its answer is thrown away.
        Raises `B1500Error` if that answer does not come. A device clear would do it faster, but
        it moves the digital lines, and with them the address (instruments.md 2.11).
        """
        for _ in range(1 if self._is_silent else _ATTEMPTS):
            code, text = next(self._marks)
            try:
                self.write("BC")
                self.write(f"EMG? {code}")
                with self._patient(None if self._in_step else _SHORT_S):
                    for _ in range(_UNDER_WAY):
                        if self.read().strip().rstrip(".") == text:
                            self._in_step, self._is_silent = True, False
                            return
            except _TRANSPORT_ERRORS:
                self._in_step = False
        # Each further attempt would wait for a time-out: the way to a safe bench must stay short.
        self._in_step, self._is_silent = False, True
        raise B1500Error(
            [(0, "answers are out of step with questions, and cannot be brought back")]
        )

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
        # Another program may have made lines inputs: they would float high and address row 31.
        self.write("ERM 0")
        self.auto_calibration = False
        if self.query("*LRN? 31", _AUTO_CALIBRATION)[1] == "1":
            raise B1500Error([(0, "auto-calibration stays on although CM 0 was sent")])
        self.check_errors()
        self.list_smus(modules)
        # The way down waits for no answer, so what is off must be known before.
        for smu in self.smus.values():
            with suppress(B1500Error):
                smu.ask_whether_on()

    def list_smus(self, modules: Mapping[int, str]) -> None:
        """Make `smus` of the modules that the bench file names; nothing is sent."""
        self.smus = {
            slot: SpotSMU(self, slot, model)
            for slot, model in modules.items()
            if model in SMU_TYPES
        }

    def inventory(self) -> dict[int, str]:
        """Model names by slot, as the mainframe reports them. (``UNT?``)"""
        units = self.query("UNT?", _UNITS)[0].split(";")
        models = (unit.split(",")[0] for unit in units)
        return {slot: model for slot, model in enumerate(models, start=1) if model != "0"}

    def identity(self) -> dict[str, Any]:
        """Who the mainframe is, as far as it tells. (``*IDN?``, ``UNT?``)

        Maker, model, serial number and firmware of the mainframe, and model and revision of each
        module by its slot; None for a serial number that it does not tell (it says 0). It tells
        neither the modules' serial numbers nor when anything was calibrated.
        """
        fields = self.query("*IDN?", _IDENTITY)[0].split(",")
        maker, model, serial, firmware = (field.strip() for field in fields)
        units = [unit.split(",") for unit in self.query("UNT?", _UNITS)[0].split(";")]
        return {
            "maker": maker,
            "model": model,
            "serial": serial if serial.strip("0") else None,
            "firmware": firmware,
            "calibrated": None,
            "modules": {
                str(slot): {"model": name, "revision": revision, "serial": None}
                for slot, (name, revision) in enumerate(units, start=1)
                if name != "0"
            },
        }

    def start_sweep(self, measured: Sequence[SpotSMU], delay_s: float) -> None:
        """Begin the staircase that one SMU leads; returns while it goes on. (``XE``)

        Each step is held ``delay_s``, then the currents of ``measured`` are taken in that order.
        All go back to 0 V at the end, and at once where a reading is in compliance or overflows.
        """
        for smu in measured:
            smu.measure_in_sweep()
        self.time_stamp = False
        self.write(
            f"MM {MeasMode.STAIRCASE_SWEEP.value}," + ",".join(str(s.slot) for s in measured)
        )
        self.check_errors()
        self.sweep_timing(0, delay_s)
        self.sweep_auto_abort(True, post="START")
        self.send_trigger()

    def sweep_is_over(self) -> bool:
        """Whether the sweep's data wait to be read; True where the bus cannot tell. (serial poll)

        A poll goes beside the lines: a question would wait until the sweep is over.
        """
        poll = getattr(getattr(self.adapter, "connection", None), "read_stb", None)
        if poll is None:
            return True
        try:
            return bool(poll() & _DATA_READY)
        except _TRANSPORT_ERRORS:
            return True

    def read_sweep(self, measured: Sequence[SpotSMU], steps: int, patience_s: float) -> list[Spot]:
        """What a sweep has measured, step by step; waits for its end, ``patience_s`` at most.

        `B1500Error` if that does not come, or is something else. Nothing is triggered twice.
        """
        with self._patient(patience_s):
            try:
                answer = str(self.read()).strip()
            except _TRANSPORT_ERRORS as error:
                self._in_step = False
                sweep = B1500Error([(0, f"the sweep was not answered: {error}")])
                raise B1500Error([*sweep.errors, *self.drain_errors()]) from error
        items = answer.split(",")
        forms = [reading_form(smu.letter, "I") for smu in measured] * steps
        matches = [form.fullmatch(item) for form, item in zip(forms, items, strict=False)]
        if len(items) != len(forms) or None in matches:
            self._in_step = False
            raise B1500Error(
                [(0, f"a sweep of {len(forms)} values was answered by {len(items)}: {answer[:60]}")]
            )
        return [reading(match) for match in matches if match is not None]

    @contextmanager
    def _patient(self, seconds: float | None) -> Iterator[None]:
        """The bus times out after ``seconds``, where it can be told to; None: as it does anyhow."""
        connection = getattr(self.adapter, "connection", None)
        if connection is None or seconds is None:
            yield
            return
        usual, connection.timeout = connection.timeout, 1000 * seconds
        try:
            yield
        finally:
            connection.timeout = usual

    def set_digital_output(self, value: int) -> None:
        """Set the 16 digital lines; a bit that is 0 is high. (``ERC``) Errors are read later."""
        self.write(f"ERC 2,{value}")

    def open_outputs(self) -> None:
        """Open the output switches of all modules, those of the pulse channels too. (``CL``)"""
        self.write("CL")

    def drain_errors(self) -> list[tuple[int, str]]:
        """Read and return all queued errors, oldest first. (``ERRX?``)"""
        errors: list[tuple[int, str]] = []
        # One more than the queue holds: the last reply is "no error".
        for _ in range(_QUEUE_DEPTH + 1):
            try:
                match = self._query_once("ERRX?", _ERROR)
            except B1500Error as error:
                # Not asked again: what the lost answer told is gone from the queue.
                raise B1500Error([*errors, *error.errors]) from error
            code = int(match[1])
            if code == 0:
                return errors
            errors.append((code, match[2]))
        return errors

    def check_errors(self, besides: Container[int] = ()) -> None:
        """Raise `B1500Error` with everything that is queued, if anything is.

        Errors with one of the codes ``besides`` do not count.
        """
        errors = [error for error in self.drain_errors() if error[0] not in besides]
        if errors:
            raise B1500Error([*errors, *self._about_interlock(errors)])

    def _about_interlock(self, errors: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """What to do where the interlock is behind the errors. (``INTLKVTH?``)

        The setting outlives ``*RST`` and the mains switch; whether it may be raised depends on the
        fixture, so it is never set from here.
        """
        if not _INTERLOCK_ERRORS & {code for code, _ in errors}:
            return []
        try:
            volts = self.query("INTLKVTH?", re.compile(r"[+]?\d+"))[0]
        except B1500Error:
            return [(0, "close the fixture's lid")]
        if int(volts) == 0:
            told = (
                "another program has set the interlock to 0 V (INTLKVTH 0); as shipped it is 42 V: "
                "send INTLKVTH 42 if your fixture allows that, and close its lid"
            )
        else:
            told = f"the interlock allows {volts} V while the fixture's lid is open: close the lid"
        return [(0, told)]

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
