"""Commands about the mainframe itself: identity, errors, status, stores, time, self-test.

Sources: instruments.md sections 2.2 to 2.4 and 2.12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instruments.sim.flex.command import Command, Parameters, between, integer, optional, slot_of
from instruments.sim.flex.errors import ERROR_TEXTS, FlexError

if TYPE_CHECKING:
    from instruments.sim.flex.mainframe import Mainframe

IDENTITY = "Agilent Technologies,B1500A,0,A.06.02.2023.0401"
SLOTS = range(1, 11)

SELF_TEST_SECONDS = 25.0
"""Bench time of *TST? for a slot: what clients allow for it (section 5)."""

CALIBRATION_SECONDS = 30.0
"""Bench time of *CAL? (section 5)."""

LONGEST_PAUSE = 99.9999
_DIAGNOSES = (1, 3, 4, 6, 7)


def _identify(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.reply(IDENTITY)


def _units(mainframe: Mainframe, parameters: Parameters) -> None:
    integer(optional(parameters, 0), (0,))
    modules = mainframe.station.modules
    mainframe.reply(";".join(f"{modules[s]},0" if s in modules else "0,0" for s in SLOTS))


def _reset(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.reset()


def _is_complete(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.reply("1")


def _status(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.reply(str(mainframe.status_byte()))


def _set_service_mask(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.service_mask = integer(parameters[0], range(256)) & ~64


def _service_mask(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.reply(str(mainframe.service_mask))


def _next_error(mainframe: Mainframe, parameters: Parameters) -> None:
    code_only = integer(optional(parameters, 0), (0, 1))
    mainframe.has_error = False
    errors = mainframe.station.errors
    code, text = errors.popleft() if errors else (0, ERROR_TEXTS[0])
    mainframe.reply(f"{code:+d}" if code_only else f'{code:+d},"{text}"')


def _error_codes(mainframe: Mainframe, parameters: Parameters) -> None:
    """Four codes and an empty queue, or one code that carries its slot."""
    one = integer(optional(parameters, 0), (0, 1))
    mainframe.has_error = False
    errors = mainframe.station.errors
    if one:
        code, text = errors.popleft() if errors else (0, "")
        slot = text.rpartition("; SLOT")[2]
        prefix = slot if slot.isdecimal() else ""
        mainframe.reply(f"{prefix}{_short(code)}")
        return
    codes = [_short(code) for code, _ in errors][:4]
    errors.clear()
    mainframe.reply(",".join(str(code) for code in codes + [0] * (4 - len(codes))))


def _short(code: int) -> int:
    """ERR? knows three digits; 999 sends its user to ERRX?."""
    return min(code, 999)


def _error_text(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.reply(ERROR_TEXTS[integer(parameters[0], ERROR_TEXTS)])


def _clear_data(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.clear_data()


def _stored_items(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.reply(str(mainframe.stored_items()))


def _abort(mainframe: Mainframe, parameters: Parameters) -> None:
    """Nothing is ever under way when a command arrives: measurements end within their command."""


def _pause(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.clock.advance(between(optional(parameters, 0), 0.0, LONGEST_PAUSE))


def _self_test(mainframe: Mainframe, parameters: Parameters) -> None:
    """Every module passes. Refused while an output is above the interlock's limit."""
    if mainframe.is_high_voltage():
        raise FlexError(203)
    slots = [slot_of(parameters[0])] if parameters and parameters[0] else mainframe.station.modules
    if any(slot not in mainframe.station.modules for slot in slots):
        raise FlexError(153)
    mainframe.clock.advance(SELF_TEST_SECONDS * len(slots))
    mainframe.has_error = False
    mainframe.reply("0")


def _calibrate(mainframe: Mainframe, parameters: Parameters) -> None:
    if parameters and slot_of(parameters[0]) not in mainframe.station.modules:
        raise FlexError(153)
    mainframe.clock.advance(CALIBRATION_SECONDS)
    mainframe.has_error = False


def _calibrate_and_tell(mainframe: Mainframe, parameters: Parameters) -> None:
    _calibrate(mainframe, parameters)
    mainframe.reply("0")


def _diagnose(mainframe: Mainframe, parameters: Parameters) -> None:
    integer(parameters[0], _DIAGNOSES)
    mainframe.has_error = False
    mainframe.reply("0")


def _recover(mainframe: Mainframe, parameters: Parameters) -> None:
    """No module of this simulation has failed, so there is nothing to recover."""
    if parameters and slot_of(parameters[0]) not in mainframe.station.modules:
        raise FlexError(153)


def _set_auto_calibration(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.auto_calibration = bool(integer(parameters[0], (0, 1)))


def _set_trigger_mode(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.trigger_mode = integer(parameters[0], range(1, 5))


def _set_remote_display(mainframe: Mainframe, parameters: Parameters) -> None:
    """RED switches the screen only."""
    integer(parameters[0], (0, 1))


def _set_interlock_volts(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.interlock_volts = float(integer(parameters[0], (0, 42)))


def _interlock_volts(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.reply(f"{mainframe.interlock_volts:g}")


COMMANDS = {
    "*IDN?": Command(_identify),
    "UNT?": Command(_units, 0, 1),
    "*RST": Command(_reset),
    "*OPC?": Command(_is_complete),
    "*STB?": Command(_status),
    "*SRE": Command(_set_service_mask, 1, 1),
    "*SRE?": Command(_service_mask),
    "ERRX?": Command(_next_error, 0, 1),
    "ERR?": Command(_error_codes, 0, 1),
    "EMG?": Command(_error_text, 1, 1),
    "BC": Command(_clear_data, alone=True),
    "NUB?": Command(_stored_items),
    "AB": Command(_abort, last=True),
    "PA": Command(_pause, 0, 1),
    "*TST?": Command(_self_test, 0, 2),
    "*CAL?": Command(_calibrate_and_tell, 0, 1),
    "CA": Command(_calibrate, 0, 1),
    "DIAG?": Command(_diagnose, 1, 1),
    "RCV": Command(_recover, 0, 1),
    "CM": Command(_set_auto_calibration, 1, 1),
    "TM": Command(_set_trigger_mode, 1, 1),
    "RED": Command(_set_remote_display, 1, 1),
    "INTLKVTH": Command(_set_interlock_volts, 1, 1),
    "INTLKVTH?": Command(_interlock_volts),
}
