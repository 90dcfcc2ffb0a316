"""The 16 digital lines: ERMOD, ERM, ERC, ERS?, ERSSP (instruments.md section 2.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instruments.sim.flex.command import Command, Parameters, integer, optional
from instruments.sim.flex.errors import FlexError

if TYPE_CHECKING:
    from instruments.sim.flex.mainframe import Mainframe
    from instruments.sim.station import Station

ALL_HIGH = 0xFFFF
_WORD = range(0x10000)
_GENERAL_PURPOSE = 0
_MODES = (0, 1, 2, 4, 8, 16, 32)


class DigitalPort:
    """Mode, directions and levels of the lines; a line that is an input floats high."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.reset()

    def reset(self) -> None:
        """Power-on: general purpose, all outputs, all high."""
        self.mode = _GENERAL_PURPOSE
        self.inputs = 0
        self.selector = dict.fromkeys(range(4), 0)
        self.station.set_digital_output(ALL_HIGH)

    def require_general_purpose(self) -> None:
        """Raises `FlexError` 120 while the lines belong to a selector."""
        if self.mode != _GENERAL_PURPOSE:
            raise FlexError(120)


def _set_mode(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.digital.mode = integer(parameters[0], _MODES)


def _mode(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.reply(str(mainframe.digital.mode))


def _set_inputs(mainframe: Mainframe, parameters: Parameters) -> None:
    """Lines whose direction changes go high."""
    port = mainframe.digital
    port.require_general_purpose()
    inputs = integer(parameters[0], _WORD)
    changed = inputs ^ port.inputs
    port.inputs = inputs
    port.station.set_digital_output(port.station.digital_output | changed)


def _set_lines(mainframe: Mainframe, parameters: Parameters) -> None:
    """A bit of the value that is 0 is high; rule 1 refuses to write to inputs, 0 skips them."""
    port = mainframe.digital
    port.require_general_purpose()
    integer(parameters[0], (2,))
    value = integer(parameters[1], _WORD)
    rule = integer(optional(parameters, 2), (0, 1))
    if rule and value & port.inputs:
        raise FlexError(120)
    port.station.set_digital_output(~value & ALL_HIGH | port.inputs)


def _lines(mainframe: Mainframe, parameters: Parameters) -> None:
    port = mainframe.digital
    port.require_general_purpose()
    mainframe.reply(str(~port.station.digital_output & ALL_HIGH))


def _connect_selector(mainframe: Mainframe, parameters: Parameters) -> None:
    port = integer(parameters[0], range(4))
    status = integer(parameters[1], range(4))
    if mainframe.digital.mode != 1:
        raise FlexError(120)
    mainframe.digital.selector[port] = status


def _selector(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.reply(str(mainframe.digital.selector[integer(parameters[0], range(4))]))


COMMANDS = {
    "ERMOD": Command(_set_mode, 1, 2),
    "ERMOD?": Command(_mode),
    "ERM": Command(_set_inputs, 1, 1),
    "ERC": Command(_set_lines, 2, 3),
    "ERS?": Command(_lines),
    "ERSSP": Command(_connect_selector, 2, 2),
    "ERSSP?": Command(_selector, 1, 1),
}
