"""QCoDeS's KeysightB1500 driver, unmodified, on the served mainframe.

What their own tests of the mainframe ask of mocks is asked of the instrument here. Not working, as
on a real B1500A: the getters of ``RI`` and ``CMM`` settings want a blank that the firmware does not
send (instruments.md, section 2.6).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.protocol.served import ServedBench, served

pytest.importorskip(
    "qcodes", reason="QCoDeS is not installed: `make peers` does and runs these tests"
)

from qcodes.instrument_drivers.Keysight import keysightb1500 as driver
from qcodes.instrument_drivers.Keysight.keysightb1500 import constants

# Deprecations inside QCoDeS are not ours.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def bench() -> Iterator[ServedBench]:
    with served() as bench:
        yield bench


@pytest.fixture
def b1500(bench: ServedBench) -> Iterator[Any]:
    instrument = driver.KeysightB1500(
        "b1500", f"TCPIP::127.0.0.1::{bench.port}::SOCKET", visalib="@py"
    )
    handle = instrument.visa_handle
    interface = handle.visalib.sessions[handle.session].interface
    interface.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    yield instrument
    assert instrument.error_message() == '+0,"No Error."'
    instrument.close()


def test_modules(b1500: Any) -> None:
    assert [smu.slot_nr for smu in b1500.by_kind[constants.ModuleKind.SMU]] == [5, 6, 7, 8, 9]
    assert len(b1500.by_kind[constants.ModuleKind.WGFMU]) == 4
    assert b1500.smu4 is b1500.by_slot[8]
    assert b1500.smu4 is b1500.by_channel[constants.ChNr.SLOT_08_CH1]
    assert b1500.wgfmu1 is b1500.by_channel[constants.ChNr.SLOT_01_CH2]


def test_identity_and_status(b1500: Any) -> None:
    assert b1500.get_idn()["model"] == "B1500A"
    assert b1500.get_status() == 16
    b1500.reset()


def test_outputs_on_and_off(b1500: Any, bench: ServedBench) -> None:
    b1500.enable_channels([8, 9])
    assert bench.chip.held["VDD"] == 0.0
    assert b1500.smu4.is_enabled()
    b1500.disable_channels([8])
    assert bench.chip.held["VDD"] is None
    assert not b1500.smu4.is_enabled()
    b1500.smu5.disable_outputs()
    b1500.enable_channels()
    b1500.disable_channels()
    assert bench.chip.held["VDDH"] is None


def test_settings_of_the_mainframe(b1500: Any, bench: ServedBench) -> None:
    for n in (None, 3):
        b1500.use_nplc_for_high_speed_adc(n)
        b1500.use_nplc_for_high_resolution_adc(n)
        b1500.use_manual_mode_for_high_speed_adc(n)
    for state in (True, False):
        b1500.autozero_enabled(state)
    b1500.clear_timer_count()
    b1500.clear_timer_count(8)
    b1500.enable_smu_filters(True)
    b1500.enable_smu_filters(True, [8, 9])
    assert bench.mainframe.smus[8].settings.filter_on
    b1500.set_measurement_mode(constants.MM.Mode.SPOT, [8, 9])
    assert b1500.get_measurement_mode() == {"mode": constants.MM.Mode.SPOT, "channels": [8, 9]}
    assert b1500.get_response_format_and_mode() == {
        "format": constants.FMT.Format(1),
        "mode": constants.FMT.Mode(0),
    }


def test_self_calibration(b1500: Any) -> None:
    assert b1500.self_calibration() == constants.CALResponse(0)
    assert b1500.self_calibration(8) == constants.CALResponse(0)


def test_an_error_becomes_an_exception(b1500: Any) -> None:
    with pytest.raises(RuntimeError, match=r'\+200,"Channel output switch must be ON\."'):
        b1500.smu4.voltage(1)


def test_spots(b1500: Any) -> None:
    smu = b1500.smu4
    smu.enable_outputs()
    smu.source_config(constants.VOutputRange.AUTO, compliance=1e-3)
    smu.use_high_resolution_adc()
    smu.voltage(0.5)
    assert smu.current() == pytest.approx(50e-6, rel=1e-3)
    assert smu.parameters["current"].measurement_status is constants.MeasurementStatus.N
    assert smu.voltage() == pytest.approx(0.5, abs=1e-3)
    smu.source_config(constants.VOutputRange.AUTO, compliance=10e-6)
    smu.voltage(0.5)
    assert smu.current() == pytest.approx(10e-6, rel=1e-2)
    assert smu.parameters["current"].measurement_status is constants.MeasurementStatus.C


def test_a_staircase_sweep_of_two_units(b1500: Any) -> None:
    b1500.enable_channels([8, 9])
    b1500.smu5.voltage(0.2)
    b1500.smu4.setup_staircase_sweep(
        0, 0.4, 5, i_comp=1e-3, i_meas_range=constants.IMeasRange.FIX_100uA
    )
    b1500.set_measurement_mode(constants.MM.Mode.STAIRCASE_SWEEP, [8, 9])
    b1500.run_iv_staircase_sweep.set_names_labels_and_units()
    b1500.run_iv_staircase_sweep.set_setpoint_name_label_and_unit()
    first, second = b1500.run_iv_staircase_sweep()
    np.testing.assert_allclose(first, np.linspace(0, 40e-6, 5), atol=5e-8)
    np.testing.assert_allclose(second, 0.2e-6, atol=5e-9)


def test_sampling(b1500: Any) -> None:
    smu = b1500.smu4
    smu.enable_outputs()
    smu.source_config(constants.VOutputRange.AUTO, compliance=1e-3)
    smu.voltage(0.5)
    smu.measurement_mode(constants.MM.Mode.SAMPLING)
    smu.timing_parameters(h_bias=0, interval=0.01, number=20)
    smu.sampling_measurement_trace.get()
    values = smu.sampling_measurement_trace.cache.get()
    assert len(values) == 20
    np.testing.assert_allclose(values, 50e-6, rtol=1e-2)
    assert smu.sampling_measurement_trace.compliance() == [constants.MeasurementError.N.value] * 20


def test_a_snapshot_asks_for_everything(b1500: Any) -> None:
    snapshot = b1500.snapshot(update=True)
    assert snapshot["submodules"]["smu4"]["parameters"]["voltage"]["unit"] == "V"
