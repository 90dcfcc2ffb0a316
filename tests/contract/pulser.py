"""What every pulse channel does: `instruments.wgfmu.driver.Channel` on whatever answers."""

from __future__ import annotations

import numpy as np
import pytest

from instruments.limits import LimitError
from instruments.wgfmu.driver import Channel, MeasureEvent, Pattern, Repeat
from instruments.wgfmu.errors import WgfmuError
from instruments.wgfmu.library import MeasureMode, OperationMode, ReturnCode
from tests.contract.rig import MOST_VOLTS, Rig

TOLERANCE_V = 0.02
"""Accuracy of forcing and of the 10 V measurement range together."""
SAMPLES = 1000
STEP_S = 10e-6


def plateau(name: str, volts: float) -> Pattern:
    """0 V, up to ``volts`` for 100 us, and back, sampled at three points of the plateau."""
    times = np.array([0, 1, 11, 12]) * STEP_S
    event = MeasureEvent("plateau", 4 * STEP_S, 3, STEP_S, 5e-6)
    return Pattern(name, times, np.array([0.0, volts, volts, 0.0]), (event,))


def play(rig: Rig, channel: Channel, program: list[Repeat]) -> None:
    """Run a program on one channel, measuring voltage."""
    channel.configure(OperationMode.FASTIV, MeasureMode.VOLTAGE)
    channel.connect()
    rig.wgfmu.load({channel: program})
    rig.wgfmu.execute()
    rig.wgfmu.wait()


def rest(channel: Channel) -> None:
    """0 V, switch open."""
    channel.configure(OperationMode.DC)
    channel.force(0.0)
    channel.disconnect()


class PulserContract:
    """Every test goes through all pulse channels of the bench, one after another."""

    def test_it_holds_what_it_is_told(self, rig: Rig) -> None:
        for channel in rig.channels:
            channel.configure(OperationMode.DC, MeasureMode.VOLTAGE)
            channel.connect()
            for volts in (MOST_VOLTS, MOST_VOLTS / 2, 0.0):
                channel.force(volts)
                assert channel.measure(SAMPLES) == pytest.approx(volts, abs=TOLERANCE_V)
            rest(channel)

    def test_it_measures_next_to_no_current_at_0_v(self, rig: Rig) -> None:
        for channel in rig.channels:
            channel.configure(OperationMode.DC, MeasureMode.CURRENT)
            channel.connect()
            channel.force(0.0)
            assert abs(channel.measure(SAMPLES)) < 10e-6
            rest(channel)

    def test_it_plays_a_pattern_and_measures_it(self, rig: Rig) -> None:
        for channel in rig.channels:
            play(rig, channel, [Repeat(plateau("one", MOST_VOLTS))])
            assert channel.read(3) == pytest.approx([MOST_VOLTS] * 3, abs=TOLERANCE_V)
            rest(channel)

    def test_it_plays_patterns_in_order_and_in_loops(self, rig: Rig) -> None:
        for channel in rig.channels:
            high, low = plateau("high", MOST_VOLTS), plateau("low", 0.0)
            play(rig, channel, [Repeat(high), Repeat(low, 2), Repeat(high)])
            levels = np.repeat([MOST_VOLTS, 0.0, 0.0, MOST_VOLTS], 3)
            assert channel.read(12) == pytest.approx(levels, abs=TOLERANCE_V)
            rest(channel)

    def test_a_program_can_be_run_again(self, rig: Rig) -> None:
        for channel in rig.channels:
            play(rig, channel, [Repeat(plateau("one", MOST_VOLTS))])
            rig.wgfmu.execute()
            rig.wgfmu.wait()
            assert channel.read(3) == pytest.approx([MOST_VOLTS] * 3, abs=TOLERANCE_V)
            rest(channel)

    def test_values_that_were_not_measured_cannot_be_read(self, rig: Rig) -> None:
        for channel in rig.channels:
            play(rig, channel, [Repeat(plateau("one", MOST_VOLTS))])
            with pytest.raises((WgfmuError, OSError)):
                channel.read(4)
            rest(channel)

    def test_a_voltage_beyond_the_limit_changes_nothing(self, rig: Rig) -> None:
        for channel in rig.channels:
            channel.configure(OperationMode.DC, MeasureMode.VOLTAGE)
            channel.connect()
            channel.force(MOST_VOLTS)
            for volts in (MOST_VOLTS + 0.001, -0.001, float("nan")):
                with pytest.raises(LimitError):
                    channel.force(volts)
            with pytest.raises(LimitError):
                rig.wgfmu.load({channel: [Repeat(plateau("one", 2 * MOST_VOLTS))]})
            assert channel.measure(SAMPLES) == pytest.approx(MOST_VOLTS, abs=TOLERANCE_V)
            rest(channel)

    def test_it_holds_only_in_dc_mode(self, rig: Rig) -> None:
        for channel in rig.channels:
            channel.configure(OperationMode.FASTIV)
            with pytest.raises(WgfmuError) as caught:
                channel.force(0.0)
            assert caught.value.code < 0
            rest(channel)

    def test_all_channels_play_together(self, rig: Rig) -> None:
        for channel in rig.channels:
            channel.configure(OperationMode.FASTIV, MeasureMode.VOLTAGE)
            channel.connect()
        levels = np.linspace(0.0, MOST_VOLTS, len(rig.channels))
        rig.wgfmu.load(
            {
                channel: [Repeat(plateau(f"p{channel.id}", float(volts)))]
                for channel, volts in zip(rig.channels, levels, strict=True)
            }
        )
        rig.wgfmu.execute()
        rig.wgfmu.wait()
        for channel, volts in zip(rig.channels, levels, strict=True):
            assert channel.read(3) == pytest.approx([volts] * 3, abs=TOLERANCE_V)

    def test_a_channel_that_is_not_there_is_an_error(self, rig: Rig) -> None:
        with pytest.raises(WgfmuError) as caught:
            Channel(rig.wgfmu, 1002).configure(OperationMode.DC)
        assert caught.value.code == ReturnCode.CHANNEL_NOT_FOUND_ERROR
        assert "1002" in str(caught.value)
