"""The C interface of Keysight's WGFMU instrument library: names, constants, argument types.

Names, order and types are those of the vendor's header (instruments.md, sections 1.2 and 1.3).
Every function returns an int, 0 or a negative :class:`ReturnCode`. The library has one session and
one software setup per process and no handle: "a library" here is any object that has functions of
these names, be it the vendor's file or the simulation.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable
from ctypes import POINTER, c_char, c_char_p, c_double, c_int
from enum import IntEnum
from pathlib import Path
from typing import Any, Protocol, cast


class ReturnCode(IntEnum):
    """What a function returns (instruments.md, section 1.4)."""

    NO_ERROR = 0
    PARAMETER_OUT_OF_RANGE_ERROR = -1
    ILLEGAL_STRING_ERROR = -2
    CONTEXT_ERROR = -3
    FUNCTION_NOT_SUPPORTED_ERROR = -4
    COMMUNICATION_ERROR = -5
    FW_ERROR = -6
    LIBRARY_ERROR = -7
    ERROR = -8
    CHANNEL_NOT_FOUND_ERROR = -9
    PATTERN_NOT_FOUND_ERROR = -10
    EVENT_NOT_FOUND_ERROR = -11
    PATTERN_ALREADY_EXISTS_ERROR = -12
    SEQUENCER_NOT_RUNNING_ERROR = -13
    RESULT_NOT_READY_ERROR = -14
    RESULT_OUT_OF_DATE = -15


class TestResult(IntEnum):
    """Result of a self-test or self-calibration; other values are sums of 2**(slot - 1)."""

    __test__ = False  # not a pytest class

    PASS = 0
    FAIL = 1


class WarningLevel(IntEnum):
    """How serious a warning is; each level includes those with lower numbers."""

    OFF = 1000
    SEVERE = 1001
    NORMAL = 1002
    INFORMATION = 1003


class OperationMode(IntEnum):
    """What a channel does; SMU after initialize."""

    DC = 2000
    FASTIV = 2001
    PG = 2002
    SMU = 2003


class ForceVoltageRange(IntEnum):
    """Output range; AUTO after initialize."""

    AUTO = 3000
    V3 = 3001
    V5 = 3002
    V10_NEGATIVE = 3003
    V10_POSITIVE = 3004


class MeasureMode(IntEnum):
    """What a channel measures; VOLTAGE after initialize."""

    VOLTAGE = 4000
    CURRENT = 4001


class MeasureVoltageRange(IntEnum):
    """Voltage measurement range; 10 V after initialize."""

    V5 = 5001
    V10 = 5002


class MeasureCurrentRange(IntEnum):
    """Current measurement range; 10 mA after initialize."""

    UA1 = 6001
    UA10 = 6002
    UA100 = 6003
    MA1 = 6004
    MA10 = 6005


class MeasureEnabled(IntEnum):
    """Whether measure events of a channel are carried out; ENABLE after initialize."""

    DISABLE = 7000
    ENABLE = 7001


class TriggerOutMode(IntEnum):
    """When the trigger output fires; DISABLE after initialize."""

    DISABLE = 8000
    START_EXECUTION = 8001
    START_SEQUENCE = 8002
    START_PATTERN = 8003
    EVENT = 8004


class TriggerOutPolarity(IntEnum):
    """Sense of the trigger output; POSITIVE after initialize."""

    POSITIVE = 8100
    NEGATIVE = 8101


class Axis(IntEnum):
    """Along which axis createMergedPattern joins."""

    TIME = 9000
    VOLTAGE = 9001


class Status(IntEnum):
    """Status of a channel, or the highest over all active channels."""

    COMPLETED = 10000
    DONE = 10001
    RUNNING = 10002
    ABORT_COMPLETED = 10003
    ABORTED = 10004
    RUNNING_ILLEGAL = 10005
    IDLE = 10006


class MeasureEventStatus(IntEnum):
    """Whether a measure event has been carried out."""

    NOT_COMPLETED = 11000
    COMPLETED = 11001


class MeasureEventData(IntEnum):
    """What a measure event stores: the average over its window, or every sample."""

    AVERAGED = 12000
    RAW = 12001


_INT = POINTER(c_int)
_DOUBLE = POINTER(c_double)
_TEXT = POINTER(c_char)
_NAMES = POINTER(c_char_p)
_TEXTS = POINTER(_TEXT)
_TEXT_OUT = (_TEXT, _INT)
_CHECK = (_INT, _TEXT, _INT)
_SET_INT = (c_int, c_int)
_GET_INT = (c_int, _INT)
_SET_DOUBLE = (c_int, c_double)
_GET_DOUBLE = (c_int, _DOUBLE)

SIGNATURES: dict[str, tuple[type, ...]] = {
    # session
    "WGFMU_openSession": (c_char_p,),
    "WGFMU_closeSession": (),
    "WGFMU_initialize": (),
    "WGFMU_setTimeout": (c_double,),
    "WGFMU_doSelfCalibration": _CHECK,
    "WGFMU_doSelfTest": _CHECK,
    "WGFMU_getChannelIdSize": (_INT,),
    "WGFMU_getChannelIds": (_INT, _INT),
    # errors and warnings
    "WGFMU_getErrorSize": (_INT,),
    "WGFMU_getError": _TEXT_OUT,
    "WGFMU_getErrorSummarySize": (_INT,),
    "WGFMU_getErrorSummary": _TEXT_OUT,
    "WGFMU_treatWarningsAsErrors": (c_int,),
    "WGFMU_setWarningLevel": (c_int,),
    "WGFMU_getWarningLevel": (_INT,),
    "WGFMU_getWarningSummarySize": (_INT,),
    "WGFMU_getWarningSummary": _TEXT_OUT,
    "WGFMU_openLogFile": (c_char_p,),
    "WGFMU_closeLogFile": (),
    # channel setup
    "WGFMU_setOperationMode": _SET_INT,
    "WGFMU_getOperationMode": _GET_INT,
    "WGFMU_setForceVoltageRange": _SET_INT,
    "WGFMU_getForceVoltageRange": _GET_INT,
    "WGFMU_setMeasureMode": _SET_INT,
    "WGFMU_getMeasureMode": _GET_INT,
    "WGFMU_setMeasureVoltageRange": _SET_INT,
    "WGFMU_getMeasureVoltageRange": _GET_INT,
    "WGFMU_setMeasureCurrentRange": _SET_INT,
    "WGFMU_getMeasureCurrentRange": _GET_INT,
    "WGFMU_setForceDelay": _SET_DOUBLE,
    "WGFMU_getForceDelay": _GET_DOUBLE,
    "WGFMU_setMeasureDelay": _SET_DOUBLE,
    "WGFMU_getMeasureDelay": _GET_DOUBLE,
    "WGFMU_setMeasureEnabled": _SET_INT,
    "WGFMU_isMeasureEnabled": _GET_INT,
    "WGFMU_setTriggerOutMode": (c_int, c_int, c_int),
    "WGFMU_getTriggerOutMode": (c_int, _INT, _INT),
    "WGFMU_connect": (c_int,),
    "WGFMU_disconnect": (c_int,),
    "WGFMU_clear": (),
    # patterns
    "WGFMU_createPattern": (c_char_p, c_double),
    "WGFMU_addVector": (c_char_p, c_double, c_double),
    "WGFMU_addVectors": (c_char_p, _DOUBLE, _DOUBLE, c_int),
    "WGFMU_setVector": (c_char_p, c_double, c_double),
    "WGFMU_setVectors": (c_char_p, _DOUBLE, _DOUBLE, c_int),
    "WGFMU_createMergedPattern": (c_char_p, c_char_p, c_char_p, c_int),
    "WGFMU_createMultipliedPattern": (c_char_p, c_char_p, c_double, c_double),
    "WGFMU_createOffsetPattern": (c_char_p, c_char_p, c_double, c_double),
    # events
    "WGFMU_setMeasureEvent": (
        c_char_p,
        c_char_p,
        c_double,
        c_int,
        c_double,
        c_double,
        c_int,
    ),
    "WGFMU_setRangeEvent": (c_char_p, c_char_p, c_double, c_int),
    "WGFMU_setTriggerOutEvent": (c_char_p, c_char_p, c_double, c_double),
    # sequences
    "WGFMU_addSequence": (c_int, c_char_p, c_double),
    "WGFMU_addSequences": (c_int, _NAMES, _DOUBLE, c_int),
    # what a pattern holds
    "WGFMU_getPatternForceValueSize": (c_char_p, _INT),
    "WGFMU_getPatternForceValues": (c_char_p, c_int, _INT, _DOUBLE, _DOUBLE),
    "WGFMU_getPatternForceValue": (c_char_p, c_int, _DOUBLE, _DOUBLE),
    "WGFMU_getPatternInterpolatedForceValue": (c_char_p, c_double, _DOUBLE),
    "WGFMU_getPatternMeasureTimeSize": (c_char_p, _INT),
    "WGFMU_getPatternMeasureTimes": (c_char_p, c_int, _INT, _DOUBLE),
    "WGFMU_getPatternMeasureTime": (c_char_p, c_int, _DOUBLE),
    # what a channel's sequences hold; counts and indices of force values are doubles
    "WGFMU_getForceValueSize": (c_int, _DOUBLE),
    "WGFMU_getForceValues": (c_int, c_double, _INT, _DOUBLE, _DOUBLE),
    "WGFMU_getForceValue": (c_int, c_double, _DOUBLE, _DOUBLE),
    "WGFMU_getInterpolatedForceValue": (c_int, c_double, _DOUBLE),
    "WGFMU_getMeasureTimeSize": (c_int, _INT),
    "WGFMU_getMeasureTimes": (c_int, c_int, _INT, _DOUBLE),
    "WGFMU_getMeasureTime": (c_int, c_int, _DOUBLE),
    "WGFMU_getMeasureEventSize": (c_int, _INT),
    "WGFMU_getMeasureEvents": (
        c_int,
        c_int,
        _INT,
        _TEXTS,
        _TEXTS,
        _INT,
        _DOUBLE,
        _INT,
        _INT,
        _INT,
    ),
    "WGFMU_getMeasureEvent": (
        c_int,
        c_int,
        _TEXT,
        _TEXT,
        _INT,
        _DOUBLE,
        _INT,
        _INT,
        _INT,
    ),
    "WGFMU_getMeasureEventAttribute": (c_int, c_int, _DOUBLE, _INT, _DOUBLE, _DOUBLE, _INT),
    "WGFMU_exportAscii": (c_char_p,),
    # run
    "WGFMU_update": (),
    "WGFMU_updateChannel": (c_int,),
    "WGFMU_execute": (),
    "WGFMU_abort": (),
    "WGFMU_abortChannel": (c_int,),
    "WGFMU_getStatus": (_INT, _DOUBLE, _DOUBLE),
    "WGFMU_getChannelStatus": (c_int, _INT, _DOUBLE, _DOUBLE),
    "WGFMU_waitUntilCompleted": (),
    # data
    "WGFMU_getMeasureValueSize": (c_int, _INT, _INT),
    "WGFMU_getMeasureValues": (c_int, c_int, _INT, _DOUBLE, _DOUBLE),
    "WGFMU_getMeasureValue": (c_int, c_int, _DOUBLE, _DOUBLE),
    "WGFMU_getCompletedMeasureEventSize": (c_int, _INT, _INT),
    "WGFMU_isMeasureEventCompleted": (
        c_int,
        c_char_p,
        c_char_p,
        c_int,
        c_double,
        c_int,
        _INT,
        _INT,
        _INT,
        _INT,
    ),
    # DC
    "WGFMU_dcforceVoltage": _SET_DOUBLE,
    "WGFMU_dcmeasureValue": _GET_DOUBLE,
    "WGFMU_dcmeasureAveragedValue": (c_int, c_int, c_int, _DOUBLE),
}
"""C argument types of the 88 functions; each returns ``c_int``. Out-parameters are pointers."""


class WgfmuLibrary(Protocol):
    """An object with the C names of :data:`SIGNATURES` as callables."""

    def __getattr__(self, name: str, /) -> Callable[..., int]:
        """Return the function of that C name."""


class LibraryLoadError(Exception):
    """The vendor's library cannot be used; the text says why in one sentence."""


def load_vendor_library(path: Path) -> WgfmuLibrary:
    """Load Keysight's WGFMU library and declare its functions.

    Raises LibraryLoadError if the file is missing, cannot be loaded or is another library.
    """
    if not path.is_file():
        raise LibraryLoadError(f"The WGFMU library {path} does not exist.")
    try:
        library = _load(path)
    except OSError as error:
        raise LibraryLoadError(f"{path} cannot be loaded as a library: {error}.") from error
    if not hasattr(library, "WGFMU_openSession"):
        raise LibraryLoadError(
            f"{path} is not the WGFMU library: it has no function WGFMU_openSession."
        )
    for name, types in SIGNATURES.items():
        if hasattr(library, name):
            function = getattr(library, name)
            function.argtypes = types
            function.restype = c_int
    return cast(WgfmuLibrary, library)


def _load(path: Path) -> Any:
    """Load with the calling convention of the platform: stdcall on 32-bit Windows only."""
    if sys.platform == "win32" and struct.calcsize("P") == 4:
        return ctypes.WinDLL(str(path))
    return ctypes.CDLL(str(path))
