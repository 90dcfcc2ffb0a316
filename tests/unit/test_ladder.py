"""The forming ladder's tops and pulses against the bench note."""

from __future__ import annotations

import numpy as np
import pytest

from instruments.limits import LimitError
from instruments.testchip.ladder import FormingLadder, LadderSchemes
from instruments.testchip.pads import PULSED_PADS
from instruments.testchip.waveforms import PulseSchemes
from labctl.benchfile import load_setup

CHIP = load_setup(None).chip
SCHEMES = PulseSchemes(CHIP, CHIP, CHIP.supplies.vdd)


def test_the_tops_go_from_start_to_stop():
    assert FormingLadder(1.4, 3.3, 0.1, 1e-4).tops[:2] == (1.4, 1.5)
    assert len(FormingLadder(1.4, 3.3, 0.1, 1e-4).tops) == 20
    assert FormingLadder(1.4, 3.3, 0.1, 1e-4).tops[-1] == 3.3
    assert FormingLadder(2.0, 2.5, 0.2, 1e-4).tops == (2.0, 2.2, 2.4, 2.5)
    assert FormingLadder(2.0, 2.0, 0.2, 1e-4).tops == (2.0,)


@pytest.mark.parametrize(
    ("ladder", "says"),
    [
        ((3.0, 1.0, 0.1, 1e-4), "at or above its start"),
        ((1.0, 3.0, 0.001, 1e-4), "more than 200 tops"),
    ],
)
def test_what_is_no_ladder_is_refused(ladder, says):
    with pytest.raises(LimitError, match=says):
        FormingLadder(*ladder)


@pytest.mark.parametrize("device", [0, 1])
@pytest.mark.parametrize(("top_v", "width_s"), [(3.3, 100e-6), (1.4, 1e-6)])
def test_pulse_and_read_are_as_the_bench_note_has_them(device, top_v, width_s):
    scheme = LadderSchemes(SCHEMES, width_s).pulse(device, top_v)
    assert set(scheme.points) == set(PULSED_PADS)
    knots = np.unique(np.concatenate([points[:, 0] for points in scheme.points.values()]))
    times = np.unique(np.concatenate([knots, (knots[1:] + knots[:-1]) / 2]))
    volts = {pad: np.interp(times, p[:, 0], p[:, 1]) for pad, p in scheme.points.items()}
    active, complement = ("BL", "BLB") if device == 0 else ("BLB", "BL")
    assert (volts[active] == 0).all()
    # The complement's bit line is at SL while the gate limits the current of a forming.
    pulsed = volts["SL"] > CHIP.levels.read
    assert volts["SL"].max() == top_v
    assert (volts["WL"][pulsed] == SCHEMES.forming_gate_v).all()
    assert volts[complement][pulsed] == pytest.approx(volts["SL"][pulsed])
    # WL moves only while SL, BL and BLB are within 0.3 V, here at 0 V.
    lines = np.array([volts[pad] for pad in ("SL", "BL", "BLB")])
    moving = np.flatnonzero(np.diff(volts["WL"]) != 0)
    assert len(moving) > 0
    assert (lines[:, moving] == 0).all()
    assert (lines[:, moving + 1] == 0).all()
    # The read: fully open gate, read voltage, current of the device's own bit line.
    ((pad, (event,)),) = scheme.measure.items()
    assert pad == active
    read = (times >= event.start_s) & (times <= event.end_s)
    assert (volts["SL"][read] == CHIP.levels.read).all()
    assert (volts["WL"][read] == CHIP.levels.word_line_on).all()
    (pulse,) = scheme.pulses
    assert (pulse.kind, pulse.device, pulse.volts) == ("form", device, top_v)
