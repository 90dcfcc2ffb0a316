"""A short campaign under each fault at several moments: how it ends and what it leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from instruments.sim.faults.calls import CallFault, LostSession, call_timeout, hung_adapter
from instruments.sim.faults.flex import (
    BusTimeout,
    GarbledReply,
    LateReply,
    MissingReply,
    NonAsciiReply,
    QueuedError,
    RefusedLine,
    SplitReply,
    StatusLetter,
    TruncatedReply,
)
from instruments.sim.faults.modules import (
    OtherModule,
    failed_pulse_channel,
    failed_smu,
    missing_rsu,
)
from instruments.sim.faults.pads import (
    DriftingContact,
    Leak,
    OpenPad,
    ShortedPad,
    StuckAddressLine,
    StuckDevice,
)
from instruments.sim.faults.when import When, always
from instruments.testchip.chip import NOT_READ, UNDECIDED
from instruments.wgfmu.library import ReturnCode
from tests.faults.campaign import (
    DOWN,
    FORM,
    MEASURE,
    PROGRAM,
    SENSE,
    UP,
    assert_closed,
    assert_safe_or_named,
    assert_true,
    run_campaign,
)

CLEAN_STEPS = 3


@dataclass(frozen=True)
class Case:
    """A fault and how a run ends under it.

    ``build`` gives the faults from the moments. ``reason``: what the reason must say (None: the run
    recovers and succeeds). ``problems``: what each thing that could not be made safe must match
    (None: everything is at 0 V and open).
    """

    name: str
    build: Callable
    reason: str | None = None
    problems: str | None = None


def first(moment):
    """Strikes the first matching call of a moment."""
    return lambda moments: When(during=moments[moment])


def onward(moment):
    """Strikes from the beginning of a moment on while it lasts."""
    return lambda moments: When(count=None, during=moments[moment])


def reply_cases():
    """Each way in which a reply can fail, for each question that is asked at each moment."""
    kinds = {
        "late": LateReply,
        "missing": MissingReply,
        "garbled": GarbledReply,
        "truncated": TruncatedReply,
        "split": SplitReply,
        "non-ASCII": NonAsciiReply,
    }
    questions = [
        # Asked again, after the session is back in step.
        (UP, r"EMG\?", None, None),
        (UP, r"UNT\?", None, None),
        (UP, r"\*LRN\? 31", None, None),
        (MEASURE, "TI 6", None, None),
        (MEASURE, "TI 7", None, None),
        (DOWN, r"\*LRN\? 9", None, None),
        # Asked once: what was lost with the answer cannot be known.
        (UP, r"ERRX\?", r"ERRX\? was (not )?answered", "did not open"),
        (FORM, r"ERRX\?", r"ERRX\? was (not )?answered", None),
        (PROGRAM, r"ERRX\?", r"ERRX\? was (not )?answered", None),
        (MEASURE, r"ERRX\?", r"ERRX\? was (not )?answered", None),
        (SENSE, r"ERRX\?", r"ERRX\? was (not )?answered", None),
        (DOWN, r"ERRX\?", r"ERRX\? was (not )?answered", "read the mainframe's errors"),
    ]
    for kind, fault in kinds.items():
        for moment, line, reason, problems in questions:
            yield Case(
                f"{kind} reply to {line} at {moment}".replace("\\", ""),
                lambda m, fault=fault, line=line, moment=moment: [fault(line, first(moment)(m))],
                reason,
                problems,
            )


def line_cases():
    """Lines that do not arrive, errors that appear in the queue, readings with a reservation."""
    for moment, line in [
        (UP, "DV 8"),
        (FORM, "ERC"),
        (PROGRAM, "ERC"),
        (MEASURE, "DV 5"),
        (MEASURE, "ERC"),
        (SENSE, "ERC"),
    ]:
        yield Case(
            f"bus time-out of {line} at {moment}",
            lambda m, line=line, moment=moment: [BusTimeout(line, first(moment)(m))],
            rf"{line}.* could not be sent: the bus timed out",
        )
    yield Case(
        "bus time-out of DZ at power-down",
        lambda m: [BusTimeout("DZ 6", first(DOWN)(m))],
    )
    yield Case(
        "bus time-out of CL at power-down",
        lambda m: [BusTimeout("CL 8", first(DOWN)(m))],
    )
    yield Case(
        "CL refused at power-down",
        lambda m: [RefusedLine("CL 8", first(DOWN)(m))],
        "first of all: VDD to 0 V and off: .*still closed",
        "VDD to 0 V and off|read the mainframe",
    )
    yield Case(
        "bus dead from measuring on",
        lambda m: [BusTimeout(".*", onward(MEASURE)(m))],
        "could not be sent: the bus timed out",
        "meter of|VDD|VDDH|open all outputs|read the mainframe",
    )
    for moment, line in [
        (UP, "CN 9"),
        (FORM, "ERC"),
        (PROGRAM, "ERC"),
        (MEASURE, "TI"),
        (SENSE, "ERC"),
    ]:
        yield Case(
            f"error in the queue at {moment}",
            lambda m, line=line, moment=moment: [QueuedError(line, first(moment)(m))],
            "error 301, Line power failure",
        )
    yield Case(
        "error in the queue at power-down",
        lambda m: [QueuedError("DZ", first(DOWN)(m))],
        "error 301, Line power failure",
        "read the mainframe's errors",
    )
    yield Case(
        "error in the queue when the bench opens",
        lambda m: [QueuedError("BC", first(UP)(m))],
    )
    for letter in "TCVXFGS":
        yield Case(
            f"status {letter} of two readings",
            lambda m, letter=letter: [
                StatusLetter("TI", When(first=2, count=2, during=m[MEASURE]), letter)
            ],
        )


def call_cases():
    """C functions that fail, give up or find their session gone."""
    refused = {"code": ReturnCode.FW_ERROR, "text": "3015 Measurement data corrupted."}
    for moment, function in [
        (UP, "openSession"),
        (UP, "getChannelIds"),
        (UP, "setOperationMode"),
        (UP, "dcforceVoltage"),
        (UP, "connect"),
        (FORM, "setVectors"),
        (FORM, "setMeasureEvent"),
        (FORM, "execute"),
        (FORM, "getMeasureValues"),
        (PROGRAM, "addSequence"),
        (PROGRAM, "execute"),
        (MEASURE, "setOperationMode"),
        (MEASURE, "connect"),
        (MEASURE, "dcforceVoltage"),
        (SENSE, "execute"),
        (SENSE, "dcmeasureAveragedValue"),
    ]:
        opening = function in ("openSession", "getChannelIds")
        # The power-down before the power-up uses these eight times and connects nothing.
        count = 12 if moment == UP and function in ("setOperationMode", "dcforceVoltage") else 1
        yield Case(
            f"{function} fails at {moment}",
            lambda m, function=function, moment=moment, count=count: [
                CallFault(function, When(first=count, during=m[moment]), **refused)
            ],
            rf"WgfmuError: -6: Error in WGFMU_{function}\(\); 3015 Measurement data corrupted",
            "did not open" if opening else None,
        )
    for moment in (FORM, PROGRAM, SENSE):
        yield Case(
            f"waiting times out at {moment}",
            lambda m, moment=moment: [
                call_timeout("waitUntilCompleted", first(moment)(m), carried_out=True)
            ],
            "-5: Error in WGFMU_waitUntilCompleted.*No response within the timeout",
        )
        yield Case(
            f"the adapter hangs once at {moment}",
            lambda m, moment=moment: [hung_adapter("execute", first(moment)(m))],
            "viReadSTB returned -1073807360",
        )
    yield Case(
        "the adapter hangs for good at sensing",
        lambda m: [hung_adapter(".*", onward(SENSE)(m))],
        "viReadSTB returned -1073807360",
        "pulse generators|to 0 V|switch of|close a session",
    )
    for moment, function in [
        (FORM, "execute"),
        (PROGRAM, "addSequence|execute"),
        (MEASURE, "dcforceVoltage"),
        (SENSE, "dcmeasureAveragedValue"),
    ]:
        yield Case(
            f"the session is lost at {moment}",
            lambda m, function=function, moment=moment: [LostSession(function, first(moment)(m))],
            "No session has been opened",
        )
    yield Case(
        "the session is lost at power-down",
        lambda m: [LostSession("abort", first(DOWN)(m))],
    )
    for function in ("abort", "setOperationMode", "setForceVoltageRange"):
        yield Case(
            f"{function} fails at power-down",
            lambda m, function=function: [CallFault(function, first(DOWN)(m), **refused)],
        )
    yield Case(
        "a pad cannot be set to 0 V at power-down",
        lambda m: [CallFault("dcforceVoltage", first(DOWN)(m), channel=302, **refused)],
        "first of all: BYP to 0 V: .*3015",
        "BYP to 0 V",
    )
    yield Case(
        "a switch does not open at power-down",
        lambda m: [CallFault("disconnect", onward(DOWN)(m), channel=101, **refused)],
        "first of all: open the switch of SL: .*3015",
        "open the switch of SL",
    )
    yield Case(
        "the session does not close",
        lambda m: [CallFault("closeSession", first(DOWN)(m), **refused)],
        "first of all: close a session: .*3015",
        "close a session",
    )


def module_cases():
    """Modules missing, of another model, failed; an RSU that is not there."""
    mismatch = "mainframe does not hold the modules of the bench file: slot {}"
    for slot, model, found in [(6, None, "empty"), (3, None, "empty"), (8, "B1511A", "B1511A")]:
        yield Case(
            f"slot {slot} holds {model or 'nothing'}",
            lambda m, slot=slot, model=model: [OtherModule(slot, model)],
            mismatch.format(slot) + f": bench file B15.*, mainframe {found}",
            "did not open",
        )
    yield Case(
        "the SMU of VDD has failed",
        lambda m: [failed_smu(8, always())],
        "error 152, Cannot use failed module",
        "read the mainframe",
    )
    yield Case(
        "the SMU of BL fails at measuring",
        lambda m: [failed_smu(6, onward(MEASURE)(m))],
        "TI 6,0 was not answered.*error 152, Cannot use failed module",
        "meter of BL|read the mainframe",
    )
    yield Case(
        "the SMU of VDD fails at power-down",
        lambda m: [failed_smu(8, onward(DOWN)(m))],
        "VDD to 0 V and off: .*SMU 8 is still closed",
        "VDD to 0 V and off|read the mainframe",
    )
    yield Case(
        "a pulse channel fails at measuring",
        lambda m: [failed_pulse_channel(202, onward(MEASURE)(m))],
        "3400 WGFMU module is in TEST FAIL state.; CHANNEL202",
        "WL",
    )
    for channel in (102, 302):
        yield Case(
            f"channel {channel} has no RSU",
            lambda m, channel=channel: [missing_rsu(channel)],
            f"3001 RSU is not connected.; CHANNEL{channel}",
        )


def always_bad(kind, *arguments):
    """A pad fault that is there from the beginning."""
    return lambda m: [kind(always(), *arguments)]


def pad_cases():
    """Pads, contacts and latches whose failure ends a run; what a run survives is below."""
    both_low = "Q and QB are both low at row . column .: pad Q, QB or VDD is open or shorted"
    yield Case("pad Q is open", always_bad(OpenPad, "Q"), both_low)
    yield Case("pad Q is shorted", always_bad(ShortedPad, "Q"), both_low)
    yield Case("pad VDD is open", always_bad(OpenPad, "VDD"), both_low)
    yield Case("pad Q opens at sensing", lambda m: [OpenPad(onward(SENSE)(m), "Q")], both_low)


CASES = [*reply_cases(), *line_cases(), *call_cases(), *module_cases(), *pad_cases()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_run_ends_well_under_a_fault(setup, tmp_path, case):
    outcome = run_campaign(setup, tmp_path, case.build)
    assert_closed(outcome)
    assert_safe_or_named(outcome)
    assert_true(outcome)
    if case.reason is None:
        assert (outcome.folder.status, outcome.reason) == ("success", None)
        assert outcome.folder.record["steps_done"] == CLEAN_STEPS
    else:
        assert outcome.folder.status == "failed"
        assert re.search(case.reason, outcome.reason), outcome.reason
    if case.problems is None:
        assert outcome.bench.problems == []
    else:
        assert outcome.bench.problems
        for problem in outcome.bench.problems:
            assert re.search(case.problems, problem), problem


def test_without_a_fault_everything_is_read(setup, tmp_path):
    outcome = run_campaign(setup, tmp_path, lambda moments: [])
    assert_true(outcome)
    assert outcome.folder.status == "success"
    assert outcome.wrong_bits == 0
    assert not np.isnan(outcome.array("forming_voltage")).any()
    assert not np.isnan(outcome.array("resistance")).any()
    assert np.isin(outcome.array("sensed"), (0, 1)).all()


@pytest.mark.parametrize("letter", "TCVXFGS")
def test_a_reading_with_a_reservation_is_no_value(setup, tmp_path, letter):
    outcome = run_campaign(
        setup,
        tmp_path,
        lambda m: [StatusLetter("TI", When(first=2, count=2, during=m[MEASURE]), letter)],
    )
    missing = np.isnan(outcome.array("resistance"))
    assert missing.sum() == 2
    assert missing[0, 0, 1]
    assert missing[0, 1, 0]


# --- faults of the chip: the run goes on, and the data show them ---------------------------------


def survived(setup, tmp_path, kind, *arguments):
    outcome = run_campaign(setup, tmp_path, always_bad(kind, *arguments))
    assert_closed(outcome)
    assert_safe_or_named(outcome)
    assert (outcome.folder.status, outcome.reason) == ("success", None)
    return outcome


@pytest.mark.parametrize(("pad", "side"), [("BL", 0), ("BLB", 1)])
def test_an_open_bit_line_gives_no_values(setup, tmp_path, pad, side):
    outcome = survived(setup, tmp_path, OpenPad, pad)
    assert_true(outcome)
    for name in ("forming_voltage", "resistance"):
        assert np.isnan(outcome.array(name)[..., side]).all()
    assert not np.isnan(outcome.array("forming_voltage")[..., 1 - side]).any()
    assert outcome.wrong_bits > 0


@pytest.mark.parametrize("pad", ["SL", "WL", "BYP", "VDDH"])
def test_an_open_common_pad_gives_no_values_at_all(setup, tmp_path, pad):
    outcome = survived(setup, tmp_path, OpenPad, pad)
    assert np.isnan(outcome.array("forming_voltage")).all()
    assert np.isnan(outcome.array("resistance")).all()
    assert outcome.wrong_bits > 0


@pytest.mark.parametrize("pad", ["SEN", "QB"])
def test_an_open_sense_pad_gives_no_wrong_bit_as_a_right_one(setup, tmp_path, pad):
    outcome = survived(setup, tmp_path, OpenPad, pad)
    assert_true(outcome)
    expected = {UNDECIDED} if pad == "SEN" else {0, 1}
    assert set(outcome.array("sensed").ravel().tolist()) == expected


@pytest.mark.parametrize("pad", ["SL", "BL", "BLB"])
def test_a_shorted_pad_gives_no_values(setup, tmp_path, pad):
    outcome = survived(setup, tmp_path, ShortedPad, pad)
    if pad == "SL":
        assert np.isnan(outcome.array("forming_voltage")).all()
        assert np.isnan(outcome.array("resistance")).all()
        # Nothing is precharged, so the latches fall anywhere.
        assert outcome.wrong_bits > 0
    else:
        assert_true(outcome)


def test_a_saturated_range_gives_no_values(setup, tmp_path):
    outcome = survived(setup, tmp_path, Leak, "BL", -5e-3)
    assert_true(outcome)
    assert np.isnan(outcome.array("forming_voltage")[..., 0]).all()
    # The SMU of BL is in compliance; so is no reading of BLB without a reservation.
    assert np.isnan(outcome.array("resistance")).all()
    assert outcome.wrong_bits == 0


@pytest.mark.parametrize("amperes", [-5e-3, 5e-3, -60e-6])
def test_an_output_that_gives_neither_level_is_not_read(setup, tmp_path, amperes):
    outcome = survived(setup, tmp_path, Leak, "Q", amperes)
    assert_true(outcome)
    sensed = outcome.array("sensed")
    if abs(amperes) > 1e-3:
        assert (sensed == NOT_READ).all()
    assert outcome.wrong_bits == 0


@pytest.mark.parametrize(("line", "high"), [(0, False), (0, True), (5, False), (6, True)])
def test_a_stuck_address_line_shows_as_wrong_bits(setup, tmp_path, line, high):
    assert survived(setup, tmp_path, StuckAddressLine, line, high).wrong_bits > 0


@pytest.mark.parametrize(("side", "ohm", "wrong"), [(0, 1e3, 1), (1, 1e3, 1), (0, 3e7, 1)])
def test_a_stuck_device_shows_as_wrong_bits(setup, tmp_path, side, ohm, wrong):
    outcome = survived(setup, tmp_path, StuckDevice, 1, 2, side, ohm)
    device = outcome.array("resistance")[:, 4 + 2, side]
    assert np.abs(np.log10(device / (ohm + 2.5e3))).max() < 0.25
    assert outcome.wrong_bits >= wrong


def test_a_contact_that_drifts_is_measured_as_it_is(setup, tmp_path):
    clean = run_campaign(setup, tmp_path / "clean", lambda m: []).array("resistance")
    outcome = survived(setup, tmp_path, DriftingContact, "BL", 1e3, 1e3)
    added = outcome.array("resistance") - clean
    np.testing.assert_allclose(added[..., 1], 0.0, atol=1e-6)
    # 1 kohm, and 1 kohm more for each second of bench time.
    assert (added[..., 0] > 1e3).all()
    assert (added[1, :, 0] > added[0, :, 0]).all()
