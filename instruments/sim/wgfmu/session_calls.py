"""C calls about the session itself: opening, self-checks, channels, errors and warnings.

Sizes of texts count the zero byte at the end, so that a buffer of that size does.
"""

from __future__ import annotations

from pathlib import Path as FilePath

from instruments.sim.station import Path
from instruments.sim.wgfmu import arguments, checks
from instruments.sim.wgfmu.arguments import Pointer
from instruments.sim.wgfmu.checks import Refusal
from instruments.sim.wgfmu.session import Calls, Session
from instruments.wgfmu.library import ReturnCode, WarningLevel

SELF_TEST_S = 30.0
"""Bench time of a self-test or self-calibration."""


def _open_session(session: Session, address: bytes | None) -> None:
    text = arguments.text_of(address)
    if session.address is not None:
        raise Refusal(ReturnCode.CONTEXT_ERROR, "A session has already been opened.")
    session.clock.advance(session.times.wgfmu_call)
    if session.station.errors:
        code, message = session.station.errors[0]
        raise Refusal(ReturnCode.FW_ERROR, f"{code} {message}")
    session.address = text
    session.prepared = None


def _close_session(session: Session) -> None:
    session.spend_call()
    if session.station.errors:
        code, message = session.station.errors[0]
        session.warn(
            WarningLevel.NORMAL,
            f"The error queue of the instrument is not empty: {code} {message}",
            ReturnCode.FW_ERROR,
        )
    session.address = None


def _initialize(session: Session) -> None:
    session.spend_call()
    if session.run is not None:
        session.run.stop(session.clock.now() - session.run.start_s)
    session.run = None
    for number in session.station.channel_path:
        session.station.set_channel(number, 0.0)
    for number in session.station.channel_path:
        session.station.set_channel_path(number, Path.OPEN)
    session.default_setups()


def _set_timeout(session: Session, seconds: float) -> None:
    if not 1 <= seconds < float("inf"):
        raise checks.out_of_range("timeout", seconds, 1, float("inf"))
    session.timeout = round(seconds, 6)


def _do_self_calibration(session: Session, result: Pointer, detail: Pointer, size: Pointer) -> None:
    _self_check(session, result, detail, size)


def _do_self_test(session: Session, result: Pointer, detail: Pointer, size: Pointer) -> None:
    _self_check(session, result, detail, size)


def _self_check(session: Session, result: Pointer, detail: Pointer, size: Pointer) -> None:
    session.spend_call()
    session.clock.advance(SELF_TEST_S)
    arguments.store(result, 0)
    session.put_text("Pass.", detail, size)


def _get_channel_id_size(session: Session, size: Pointer) -> None:
    session.require_session()
    arguments.store(size, len(session.station.channel_path))


def _get_channel_ids(session: Session, ids: Pointer, size: Pointer) -> None:
    session.require_session()
    room = arguments.capacity(ids, size)
    known = sorted(session.station.channel_path)
    if room != len(known):
        session.warn(
            WarningLevel.NORMAL,
            f"The array holds {room} channels, there are {len(known)}.",
        )
    for index, number in enumerate(known[:room]):
        ids[index] = number
    size[0] = min(room, len(known))


def _get_error_size(session: Session, size: Pointer) -> None:
    queue = session.messages.queue
    arguments.store(size, arguments.size_of(queue[0]) if queue else 0)


def _get_error(session: Session, buffer: Pointer, size: Pointer) -> None:
    queue = session.messages.queue
    session.put_text(queue[0] if queue else "", buffer, size)
    del queue[:1]


def _get_error_summary_size(session: Session, size: Pointer) -> None:
    arguments.store(size, arguments.size_of("".join(session.messages.errors)))


def _get_error_summary(session: Session, buffer: Pointer, size: Pointer) -> None:
    session.put_text("".join(session.messages.errors), buffer, size)


def _treat_warnings_as_errors(session: Session, level: int) -> None:
    session.messages.as_errors = arguments.one_of(WarningLevel, level)


def _set_warning_level(session: Session, level: int) -> None:
    session.messages.reported = arguments.one_of(WarningLevel, level)


def _get_warning_level(session: Session, level: Pointer) -> None:
    arguments.store(level, int(session.messages.reported))


def _get_warning_summary_size(session: Session, size: Pointer) -> None:
    arguments.store(size, arguments.size_of("".join(session.messages.warnings)))


def _get_warning_summary(session: Session, buffer: Pointer, size: Pointer) -> None:
    session.put_text("".join(session.messages.warnings), buffer, size)


def _open_log_file(session: Session, file: bytes | None) -> None:
    path = FilePath(arguments.text_of(file))
    arguments.require_writable(path, "a")
    session.messages.log = path


def _close_log_file(session: Session) -> None:
    if session.messages.log is None:
        raise Refusal(ReturnCode.CONTEXT_ERROR, "No log file has been opened.")
    session.messages.log = None


CALLS: Calls = {
    "WGFMU_openSession": _open_session,
    "WGFMU_closeSession": _close_session,
    "WGFMU_initialize": _initialize,
    "WGFMU_setTimeout": _set_timeout,
    "WGFMU_doSelfCalibration": _do_self_calibration,
    "WGFMU_doSelfTest": _do_self_test,
    "WGFMU_getChannelIdSize": _get_channel_id_size,
    "WGFMU_getChannelIds": _get_channel_ids,
    "WGFMU_getErrorSize": _get_error_size,
    "WGFMU_getError": _get_error,
    "WGFMU_getErrorSummarySize": _get_error_summary_size,
    "WGFMU_getErrorSummary": _get_error_summary,
    "WGFMU_treatWarningsAsErrors": _treat_warnings_as_errors,
    "WGFMU_setWarningLevel": _set_warning_level,
    "WGFMU_getWarningLevel": _get_warning_level,
    "WGFMU_getWarningSummarySize": _get_warning_summary_size,
    "WGFMU_getWarningSummary": _get_warning_summary,
    "WGFMU_openLogFile": _open_log_file,
    "WGFMU_closeLogFile": _close_log_file,
}
