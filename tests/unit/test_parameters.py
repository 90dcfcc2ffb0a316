"""Parameters that hold several quantities, and counts typed with a power of ten."""

from __future__ import annotations

import numpy as np
import pytest
from pymeasure.experiment import Procedure, Results

from procedures.parameters import CyclesParameter, QuantityListParameter


class Typed(Procedure):
    """What a procedure with such parameters looks like to PyMeasure."""

    DATA_COLUMNS = ("Step",)
    compliances = QuantityListParameter("Compliances", "A", 20e-6, 200e-6, "28uA,55uA")
    cycles = CyclesParameter("Cycles", minimum=1, maximum=50_000_000_000, default="7e8")


def compliances(value):
    procedure = Typed()
    procedure.set_parameters({"compliances": value})
    return procedure.compliances


def test_the_default_is_converted():
    assert Typed().compliances == pytest.approx([28e-6, 55e-6], rel=1e-12)
    assert Typed().cycles == 700_000_000


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("28uA,55uA", [28e-6, 55e-6]),
        ("55uA, 28uA ,", [55e-6, 28e-6]),
        ("0.2 mA", [200e-6]),
        ("2.8e-05,5.5e-05", [28e-6, 55e-6]),
        ([28e-6, "55µA"], [28e-6, 55e-6]),
        (np.array([28e-6, 55e-6]), [28e-6, 55e-6]),
        (55e-6, [55e-6]),
    ],
)
def test_lists_as_people_type_them(typed, values):
    converted = compliances(typed)
    assert isinstance(converted, list)
    assert all(type(one) is float for one in converted)
    assert converted == pytest.approx(values, rel=1e-12)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Compliances has no value: one or more of 20uA to 200uA, with commas between"),
        (" , ", "has no value"),
        ([], "has no value"),
        ("28uA,19uA", "Compliances: 19uA is not allowed: 20uA to 200uA"),
        ("28uA;55uA", "is not a quantity in A"),
        ("28uA,55V", "is not a quantity in A"),
        ([float("nan")], "must be a number"),
    ],
)
def test_a_wrong_list_is_one_sentence(typed, says):
    with pytest.raises(ValueError, match=says):
        compliances(typed)


@pytest.mark.parametrize(
    ("typed", "value"), [("7e8", 700_000_000), ("50000000000", 50_000_000_000), (3, 3), ("1e0", 1)]
)
def test_cycles_as_people_type_them(typed, value):
    procedure = Typed()
    procedure.set_parameters({"cycles": typed})
    assert procedure.cycles == value
    assert type(procedure.cycles) is int


@pytest.mark.parametrize("typed", ["7.5", "0", "5.1e10", "1e99", "inf", "nan", "many", "", None])
def test_wrong_cycles_are_one_sentence(typed):
    with pytest.raises(ValueError, match=r"is not allowed: a whole number, 1 to 5e\+10"):
        Typed().set_parameters({"cycles": typed})


def test_both_survive_a_results_file_exactly(tmp_path):
    procedure = Typed()
    procedure.set_parameters({"compliances": [20e-6 * (1 + 2**-52), 1e-4 / 3], "cycles": "12345"})
    Results(procedure, str(tmp_path / "results.csv"))
    loaded = Results.load(str(tmp_path / "results.csv"), procedure_class=Typed).procedure
    assert loaded.parameter_values() == procedure.parameter_values()
