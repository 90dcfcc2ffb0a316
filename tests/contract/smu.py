"""What every SMU does: `instruments.b1500.mainframe.SpotSMU` on whatever answers."""

from __future__ import annotations

import pytest

from instruments.limits import LimitError
from tests.contract.rig import MOST_VOLTS, Rig

COMPLIANCE_A = 1e-3


class SmuContract:
    """Every test goes through all SMUs of the bench, one after another."""

    def test_its_output_switch_tells_whether_it_is_on(self, rig: Rig) -> None:
        for smu in rig.smus:
            assert not smu.is_on
            smu.enable()
            assert smu.is_on
            smu.make_safe()
            assert not smu.is_on

    def test_it_is_at_0_v_when_enabled(self, rig: Rig) -> None:
        for smu in rig.smus:
            smu.enable()
            spot = smu.measure_voltage()
            assert spot.valid
            assert spot.value == pytest.approx(0.0, abs=0.005)
            smu.make_safe()

    def test_it_forces_what_it_is_told(self, rig: Rig) -> None:
        for smu in rig.smus:
            smu.enable()
            for volts in (MOST_VOLTS, MOST_VOLTS / 2, 0.0):
                smu.force_voltage(volts, COMPLIANCE_A)
                spot = smu.measure_voltage()
                assert spot.valid
                assert spot.value == pytest.approx(volts, abs=0.005)
            smu.make_safe()

    def test_a_pad_without_power_draws_next_to_nothing_at_0_v(self, rig: Rig) -> None:
        for smu in rig.smus:
            smu.enable()
            smu.force_voltage(0.0, COMPLIANCE_A)
            spot = smu.measure_current()
            assert spot.valid
            assert abs(spot.value) < 1e-6
            smu.make_safe()

    def test_current_can_be_measured_in_a_fixed_range(self, rig: Rig) -> None:
        for smu in rig.smus:
            smu.enable()
            # -17: the 1 mA range, fixed (instruments.md 2.13)
            spot = smu.measure_current(-17)
            assert spot.valid
            assert abs(spot.value) < 5e-6
            smu.make_safe()

    def test_a_voltage_beyond_the_limit_changes_nothing(self, rig: Rig) -> None:
        for smu in rig.smus:
            smu.enable()
            smu.force_voltage(MOST_VOLTS, COMPLIANCE_A)
            for volts in (MOST_VOLTS + 0.001, -0.001, float("nan")):
                with pytest.raises(LimitError):
                    smu.force_voltage(volts, COMPLIANCE_A)
            assert smu.measure_voltage().value == pytest.approx(MOST_VOLTS, abs=0.005)
            smu.make_safe()

    def test_it_needs_a_compliance(self, rig: Rig) -> None:
        for smu in rig.smus:
            for compliance_a in (0.0, -1e-3, 0.2, float("nan")):
                with pytest.raises(LimitError):
                    smu.force_voltage(0.0, compliance_a)

    def test_without_a_pad_it_forces_nothing(self, rig: Rig) -> None:
        for smu in rig.smus:
            smu.enable()
            smu.limit = None
            with pytest.raises(LimitError):
                smu.force_voltage(0.0, COMPLIANCE_A)
            smu.make_safe()

    def test_making_it_safe_twice_does_no_harm(self, rig: Rig) -> None:
        for smu in rig.smus:
            smu.make_safe()
            smu.make_safe()
            assert not smu.is_on
