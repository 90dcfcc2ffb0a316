"""The contract of every procedure: no device before the run, units in and out, exact files."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pymeasure.experiment import Results

from labctl.benchfile import example_file, load_setup
from procedures import PROCEDURES, load_procedure
from procedures.base import BenchProcedure
from procedures.checkerboard import Checkerboard

NAMES = list(PROCEDURES)


@pytest.mark.parametrize("name", NAMES)
def test_constructing_storing_and_loading_touches_no_device(name, tmp_path, monkeypatch):
    def touched(*_, **__):
        pytest.fail("an instrument was touched")

    for target in (
        "pyvisa.ResourceManager.__init__",
        "instruments.b1500.mainframe.B1500.__init__",
        "instruments.wgfmu.driver.Wgfmu.__init__",
        "instruments.testchip.chip.TestChip.__init__",
        "instruments.wgfmu.library.load_vendor_library",
    ):
        monkeypatch.setattr(target, touched)
    setup, procedure = load_setup(None), load_procedure(name)()
    procedure.prepare(setup.chip, setup.limit, simulated=True)
    procedure.check_parameters()
    Results(procedure, str(tmp_path / "results.csv"))
    loaded = Results.load(str(tmp_path / "results.csv")).procedure
    assert type(loaded) is type(procedure)
    assert not hasattr(loaded, "chip")


def test_procedures_load_without_the_simulation():
    code = (
        "import sys; from procedures import PROCEDURES, load_procedure\n"
        "for name in PROCEDURES: load_procedure(name)()\n"
        "print([name for name in sys.modules if name.startswith('instruments.sim')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_every_procedure_says_what_it_is(name):
    kind = load_procedure(name)
    assert issubclass(kind, BenchProcedure)
    assert kind.example.startswith(f"labctl run {name}")
    assert kind.__doc__
    parameters = kind()._parameters
    for key, parameter in parameters.items():
        assert parameter.description, key
        assert (
            (key in kind.example.replace("-", "_"))
            or parameter.default is not None
            or (parameter.from_chip is not None)
        )
    units = {key: p.units for key, p in parameters.items() if getattr(p, "units", None)}
    assert all(unit in ("A", "V", "s", "ohm") for unit in units.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_procedure_prepares_on_the_shipped_benches(name):
    for bench in ("simulated", "b1500"):
        setup = load_setup(example_file(bench))
        procedure = load_procedure(name)()
        procedure.prepare(setup.chip, setup.limit, simulated=True)
        assert procedure.conditions()
        procedure.check_parameters()


def test_a_table_of_simulated_dies_sets_no_real_currents():
    setup = load_setup(example_file("b1500"))
    with pytest.raises(ValueError, match="measured on simulated dies"):
        Checkerboard().prepare(setup.chip, setup.limit, simulated=False)


# --- parameters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "typed", "value"),
    [
        ("set_compliance", "55uA", 55e-6),
        ("set_compliance", "55 uA", 55e-6),
        ("set_compliance", "55µA", 55e-6),
        ("set_compliance", "55μA", 55e-6),
        ("set_compliance", " 55 microampere ", 55e-6),
        ("set_compliance", "0.2mA", 200e-6),
        ("set_compliance", "5.5e-05", 55e-6),
        ("pulse_width", "1us", 1e-6),
        ("pulse_width", "100 ns", 100e-9),
        ("pulse_width", "100ns", 100e-9),
        ("pulse_width", "0.1µs", 100e-9),
        ("reset_voltage", "2.5V", 2.5),
        ("reset_voltage", "2500mV", 2.5),
        ("reset_voltage", "2.5", 2.5),
        ("reset_voltage", 2.5, 2.5),
        ("reset_voltage", np.float64(2.5), 2.5),
        ("reference", "50kohm", 50e3),
        ("reference", "50 kΩ", 50e3),
        ("reference", "0.05 Mohm", 50e3),
        ("programmings", "7", 7),
        ("programmings", 7, 7),
    ],
)
def test_what_people_type_becomes_si(parameter, typed, value):
    procedure = Checkerboard()
    procedure.set_parameters({parameter: typed})
    converted = getattr(procedure, parameter)
    assert type(converted) is type(value)
    assert converted == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("parameter", "typed", "says"),
    [
        ("set_compliance", "55V", "not a quantity in A"),
        ("set_compliance", "", "not a quantity in A"),
        ("set_compliance", "19uA", "is not allowed: 20uA to 200uA"),
        ("set_compliance", "inf A", "is not allowed"),
        ("reset_voltage", float("nan"), "must be a number"),
        ("reset_voltage", "1e400V", "is not allowed"),
        ("reset_voltage", "__import__('os')", "not a quantity in V"),
        ("programmings", "1e3", "a whole number"),
        ("programmings", 2.5, "a whole number"),
        ("programmings", float("inf"), "a whole number"),
        ("order", "Alternate", "alternate or blocks"),
    ],
)
def test_what_is_not_allowed_is_one_sentence(parameter, typed, says):
    with pytest.raises(ValueError, match=says):
        Checkerboard().set_parameters({parameter: typed})


def test_limits_are_allowed_as_typed():
    for text in ("20uA", "200uA"):
        Checkerboard().set_parameters({"set_compliance": text})


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"set_compliance": "55.123456789uA", "reset_voltage": 1 / 3 + 2, "pulse_width": "1.23us"},
        {"set_compliance": 55e-6 * (1 + 2**-52), "reference": 1e5 / 3, "order": "blocks"},
        {"programmings": 100_000, "reference": "10Mohm", "form_first": "no"},
    ],
)
def test_parameters_survive_a_results_file_exactly(tmp_path, values):
    procedure, setup = Checkerboard(), load_setup(None)
    procedure.set_parameters(values)
    procedure.prepare(setup.chip, setup.limit, simulated=True)
    file = str(tmp_path / "results.csv")
    Results(procedure, file)
    loaded = Results.load(file).procedure
    assert loaded.parameter_values() == procedure.parameter_values()
    assert all(
        type(loaded.parameter_values()[key]) is type(value)
        for key, value in procedure.parameter_values().items()
    )


@pytest.mark.parametrize(
    "table",
    [
        "tables/my table.toml",
        "tables/größe.toml",
        r"C:\tables\new.toml",
        "tables/100%25.toml",
        "tab\tand: colon.toml",
    ],
)
def test_the_name_of_a_table_survives_a_results_file(tmp_path, table):
    procedure = Checkerboard()
    procedure.set_parameters({"compliance_table": table, "reference": "50kohm"})
    file = str(tmp_path / "results.csv")
    Results(procedure, file)
    assert Results.load(file).procedure.compliance_table == table


def test_what_the_chip_file_provides_is_filled_in():
    setup, procedure = load_setup(None), Checkerboard()
    assert procedure.reference is None
    procedure.prepare(setup.chip, setup.limit, simulated=True)
    assert procedure.reference == setup.chip.reference
    chosen = Checkerboard()
    chosen.set_parameters({"reference": "42kohm"})
    chosen.prepare(setup.chip, setup.limit, simulated=True)
    assert chosen.reference == 42e3


@pytest.mark.parametrize(
    ("order", "patterns"), [("alternate", [0, 1, 0, 1, 0, 1]), ("blocks", [0, 0, 0, 1, 1, 1])]
)
def test_the_order_of_the_patterns(order, patterns):
    procedure = Checkerboard()
    procedure.set_parameters({"programmings": 3, "order": order})
    assert procedure.patterns() == patterns
