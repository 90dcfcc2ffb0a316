"""PyMeasure's unmodified AgilentB1500 against the simulated mainframe.

All of it that needs SMUs, but three that fail on the real instrument too: ``read_data`` (a pandas
call that pandas 3 removed), the getter of ``sampling_mode`` (it gives its enum a string) and
``query_meas_mode`` (it takes a list for a dict).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymeasure.instruments.agilent import AgilentB1500
from pymeasure.instruments.agilent.agilentB1500 import (
    ADCMode,
    ADCType,
    ControlMode,
    MeasMode,
    MeasOpMode,
    PgSelectorConnectionStatus,
    PgSelectorPort,
    SamplingMode,
    SweepMode,
)

from instruments.sim.flex.adapter import MainframeAdapter
from instruments.sim.flex.errors import NothingToRead
from tests.protocol.flex import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def b1500(bench: Bench) -> Iterator[AgilentB1500]:
    """The class as it is, its SMUs found; every test must leave the error queue empty."""
    instrument = AgilentB1500(MainframeAdapter(bench.mainframe))
    instrument.initialize_all_smus()
    yield instrument
    instrument.check_errors()


def test_modules(b1500: AgilentB1500) -> None:
    modules = dict.fromkeys(range(1, 5), "WGFMU") | dict.fromkeys(range(5, 10), "HRSMU")
    assert b1500.query_modules() == modules
    assert [smu.channel for smu in b1500.smu_references] == [5, 6, 7, 8, 9]
    assert b1500.smu4.channel == 8


def test_identity_and_status(b1500: AgilentB1500) -> None:
    assert b1500.id.startswith("Agilent Technologies,B1500A")
    assert b1500.complete == "1"
    assert b1500.check_idle() == "1"
    assert b1500.status == "16"


def test_scpi_clear_is_an_error_of_the_instrument(b1500: AgilentB1500) -> None:
    b1500.clear()
    with pytest.raises(OSError, match=r"100: Undefined GPIB command\."):
        b1500.check_errors()


def test_reset(b1500: AgilentB1500, bench: Bench) -> None:
    b1500.smu4.enable()
    b1500.reset()
    assert bench.chip.held["VDD"] is None


def test_force_zero_restore_and_disable(b1500: AgilentB1500, bench: Bench) -> None:
    smu = b1500.smu4
    assert smu.status == {"SMU4": "OFF"}
    smu.enable()
    smu.force("Voltage", "2 V", 0.5, 1e-3, "Auto", "1 mA")
    assert bench.chip.held["VDD"] == pytest.approx(0.5)
    assert smu.status["SMU4"]["Voltage Output (V)"] == "+0.50000E+00"
    assert smu.status["SMU4"]["Source Type"] == "Constant Voltage"
    smu.force_gnd()
    assert bench.chip.held["VDD"] == 0.0
    smu.restore_settings()
    assert bench.chip.held["VDD"] == pytest.approx(0.5)
    b1500.force_gnd()
    b1500.restore_settings()
    smu.force("Current", "100 uA", 20e-6, 2)
    assert smu.status["SMU4"]["Source Type"] == "Constant Current"
    assert bench.chip.held["VDD"] == pytest.approx(0.2, abs=1e-4)
    smu.disable()
    assert bench.chip.held["VDD"] is None


def test_errors_become_exceptions(b1500: AgilentB1500) -> None:
    with pytest.raises(OSError, match=r"200: Channel output switch must be ON\."):
        b1500.smu4.force("Voltage", 0, 1, 1e-3)


def test_ramp(b1500: AgilentB1500, bench: Bench) -> None:
    b1500.smu4.enable()
    b1500.smu4.ramp_source("Voltage", 0, 0.3, comp=1e-3, stepsize=0.1, pause=0)
    held = [volts for pad, volts in bench.chip.holds if pad == "VDD"]
    assert held[-4:] == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_smu_settings(b1500: AgilentB1500) -> None:
    smu = b1500.smu5
    for state in (True, False):
        smu.filter = state
        assert smu.series_resistor is False
        smu.series_resistor = state
        assert smu.series_resistor is state
        smu.series_resistor = False
    smu.filter = True
    assert smu.filter is True
    assert b1500.smu1.filter is False
    smu.meas_op_mode = MeasOpMode.VOLTAGE
    assert smu.meas_op_mode is MeasOpMode.VOLTAGE
    smu.adc_type = ADCType.HRADC
    assert smu.adc_type is ADCType.HRADC
    smu.meas_range_current_auto(2, 60)
    b1500.check_errors()
    for name in ("1 uA range fixed", "10 uA limited auto ranging", "Auto Ranging"):
        smu.meas_range_current = name
        assert b1500.query_meas_ranges()["SMU5 Current Measurement Range"] == name
    smu.meas_range_voltage = "2 V range fixed"
    assert b1500.query_meas_ranges()["SMU5 Voltage Measurement Range"] == "2 V range fixed"


def test_mainframe_settings(b1500: AgilentB1500) -> None:
    b1500.auto_calibration = True
    assert b1500.auto_calibration is True
    b1500.parallel_meas = True
    assert b1500.parallel_meas is True
    b1500.time_stamp = True
    assert b1500.time_stamp is True
    b1500.adc_auto_zero = True
    assert b1500.adc_auto_zero is True
    b1500.adc_averaging(5, "Manual")
    b1500.adc_averaging(-2)
    b1500.adc_setup(ADCType.HRADC, ADCMode.PLC, 2)
    b1500.adc_setup(ADCType.HSADC, ADCMode.TIME, 1e-5)
    b1500.adc_setup("HSADC", "AUTO")
    b1500.wait_time("SMU_SOURCE", 1.5, 0.1)
    b1500.io_control_mode = ControlMode.SMU_PGU_SELECTOR
    assert b1500.io_control_mode is ControlMode.SMU_PGU_SELECTOR
    b1500.set_port_connection(PgSelectorPort.OUTPUT_1_FIRST, PgSelectorConnectionStatus.SMU_ON)
    b1500.pause(0.1)
    b1500.abort()


def test_learned_headers(b1500: AgilentB1500) -> None:
    b1500.smu4.enable()
    b1500.meas_mode(MeasMode.SPOT, b1500.smu4)
    assert b1500.query_meas_settings()["Measurement Channels"] == "SMU4"
    assert b1500.query_meas_settings()["Auto Calibration Mode"] is False
    assert b1500.query_adc_setup()["ADC Auto Zero"] == "False"
    assert b1500.query_adc_setup()["SMU4 ADC"] == "HSADC"
    assert b1500.query_time_stamp_setting() == {"Time Stamp": "False"}
    assert b1500.query_series_resistor()["SMU1 Series Resistor"] is False
    assert b1500.query_meas_range_current_auto()["SMU1 Ranging Mode Parameter"] == "50"
    assert "SMU5 Measurement Operation Mode" in b1500.query_meas_op_mode()
    assert b1500.query_learn(0) == {"CN": "8"}


@pytest.mark.parametrize("data_format", [1, 11, 21])
def test_staircase_sweep(b1500: AgilentB1500, data_format: int) -> None:
    b1500.data_format(data_format, mode=1)
    b1500.smu4.enable()
    b1500.smu5.enable()
    b1500.meas_mode("STAIRCASE_SWEEP", b1500.smu4, b1500.smu5)
    b1500.sweep_timing(0.1, 0.01, 0.02)
    b1500.sweep_auto_abort(False, post="STOP")
    b1500.smu4.staircase_sweep_source("VOLTAGE", SweepMode.LINEAR_DOUBLE, 0, 0, 0.2, 3, 1e-3, 1.0)
    b1500.smu5.synchronous_sweep_source("VOLTAGE", 0, 0, 1, 1e-3)
    header = b1500.query_staircase_sweep_settings()
    assert header["SMU4"]["Number of Steps"] == "3"
    assert header["SMU5"]["Source Type"] == "Synchronous Voltage Sweep Source"
    b1500.clear_buffer()
    b1500.clear_timer()
    b1500.send_trigger()
    assert b1500.check_idle() == "1"
    rows = [b1500.read_channels(3) for _ in range(6)]
    for row, volts in zip(rows, (0, 0.1, 0.2, 0.2, 0.1, 0), strict=True):
        current, other, forced = row
        assert current[1:3] == (
            "SMU4",
            "Current (A)" if data_format < 20 else "Current Measurement (A)",
        )
        assert current[3] == pytest.approx(volts / 1e4, abs=5e-9)
        assert other[3] == pytest.approx(5 * volts / 1e6, abs=1e-9)
        assert forced[3] == pytest.approx(volts, abs=1e-4)
    assert rows[-1][2][0].strip() == "E"


def test_current_sweep(b1500: AgilentB1500) -> None:
    b1500.data_format(1)
    b1500.smu4.enable()
    b1500.meas_mode("STAIRCASE_SWEEP", b1500.smu4)
    b1500.smu4.staircase_sweep_source("CURRENT", "LOG_SINGLE", 0, 1e-6, 1e-4, 3, 2)
    b1500.send_trigger()
    volts = [b1500.read_channels(1)[0][3] for _ in range(3)]
    assert volts == pytest.approx([0.01, 0.1, 1.0], rel=1e-2)


def test_sampling(b1500: AgilentB1500) -> None:
    b1500.data_format(1, mode=1)
    b1500.smu4.enable()
    b1500.meas_mode("SAMPLING", b1500.smu4)
    b1500.sampling_mode = SamplingMode.LINEAR
    b1500.sampling_timing(0, 0.01, 4)
    b1500.sampling_auto_abort(False, post="Base")
    b1500.smu4.sampling_source("VOLTAGE", 0, 0, 0.5, 1e-3)
    assert b1500.query_sampling_settings()["Number of Samples"] == "4"
    b1500.send_trigger()
    rows = [b1500.read_channels(2) for _ in range(4)]
    assert [row[0][3] for row in rows] == [1, 2, 3, 4]
    assert [row[0][2] for row in rows] == ["Sampling index"] * 4
    assert [row[1][3] for row in rows] == pytest.approx([50e-6] * 4, abs=2e-8)


def test_spot_by_trigger_with_time(b1500: AgilentB1500) -> None:
    b1500.data_format(21)
    b1500.smu4.enable()
    b1500.smu4.force("Voltage", 0, 0.1, 1e-3)
    b1500.time_stamp = True
    b1500.meas_mode("SPOT", b1500.smu4)
    b1500.clear_timer()
    b1500.send_trigger()
    stamp, current = b1500.read_channels(2)
    assert stamp[2] == "Time (s)"
    assert current[3] == pytest.approx(10e-6, abs=5e-9)


def test_adapter_reads_lines_and_bytes_and_flushes(b1500: AgilentB1500, bench: Bench) -> None:
    adapter = b1500.adapter
    adapter.write_bytes(b"*OPC?\r\n")
    assert adapter.read_bytes(-1) == b"1\r\n"
    adapter.write("CN 8;TI 8;TI 8;*OPC?")
    adapter.flush_read_buffer()
    with pytest.raises(NothingToRead):
        adapter.read()
    assert repr(adapter) == "<MainframeAdapter>"
