"""Forming by ramp and by ladder, of a part of the die, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from instruments.limits import LimitError
from instruments.sim.chip.array import Chip
from instruments.sim.chip.device import Kind
from instruments.sim.chip.die import Die
from labctl.report import summarise
from labctl.runs import run
from labctl.store.ledger import LEDGER, Ledger
from tests.simulated import bent_setup, request, small_setup

ROWS, COLUMNS, SEED = 2, 8, 5150
REGION = "0:2,2:4"
INSIDE = np.s_[:ROWS, 2:4]


@pytest.fixture
def small(tmp_path):
    return small_setup(tmp_path / "bench", rows=ROWS)


def die_of_run(tmp_path, name):
    return Die.load(tmp_path / "dies" / f"{name}.npz")


def booked(tmp_path, die):
    ledger = Ledger(tmp_path / "runs" / LEDGER)
    totals = ledger.totals(die)
    ledger.close()
    return totals


def keep_die(tmp_path, name, **changes):
    """A fresh die with some devices' forming voltages changed: (row, column, device) to V."""
    die = Die.fresh(SEED)
    for where, volts in changes["forming_volts"].items():
        die.forming_volts[where] = volts
    (tmp_path / "dies").mkdir()
    die.save(tmp_path / "dies" / f"{name}.npz")


def test_a_ladder_stops_at_each_device_when_it_has_formed(tmp_path, small):
    made = run(request(small, tmp_path, "forming", die="a", seed=SEED, mode="ladder"))
    assert made.status == "success"
    die = die_of_run(tmp_path, "a")
    assert (die.kind[:ROWS, :COLUMNS] == Kind.LRS).all()
    assert (die.n_set[:ROWS, :COLUMNS] == 1).all()
    tops = np.round(1.4 + 0.1 * np.arange(20), 6)
    volts, pulses = made.array("forming_voltage"), made.array("forming_pulses")
    assert np.isin(np.round(volts, 6), tops).all()
    # One pulse a top, up to the one that formed it; all of them booked.
    assert (np.round(tops[pulses - 1], 6) == np.round(volts, 6)).all()
    assert (booked(tmp_path, "a")["form"] == pulses).all()
    assert (made.array("highest_voltage") == volts).all()
    summary = summarise(made)
    assert summary["forming_pulses"] == pulses.sum()
    assert summary["formed_here"] == 2 * ROWS * COLUMNS
    assert 2.3 < summary["forming_voltage"]["median_v"] < 2.9


def test_a_ladder_forms_about_where_the_ramp_does(tmp_path, small):
    """Closed form for the default width of 100 us: at V the rate is exp((V - Vf)/0.11 V)/110 us.

    All tops up to the one that forms add up: a top of Vf + x leaves exp(x/0.11 V) (100/110) of the
    dose, and each one below it 0.40 of the next.
    """
    made = run(request(small, tmp_path, "forming", die="a", seed=SEED, mode="ladder"))
    needed = die_of_run(tmp_path, "a").forming_volts[:ROWS, :COLUMNS]
    tops = 1.4 + 0.1 * np.arange(20)
    doses = np.exp((tops - needed[..., None]) / 0.11) * 100 / 110
    first = (np.cumsum(doses, axis=-1) >= 1).argmax(axis=-1)
    # Edges of 30 ns and the last bit of a dose may move a device by a top, no more.
    np.testing.assert_allclose(made.array("forming_voltage"), tops[first], atol=0.101)
    assert (np.abs(made.array("forming_voltage") - tops[first]) < 0.01).mean() > 0.9


def test_a_device_that_never_forms_is_censored_and_named(tmp_path, small):
    keep_die(tmp_path, "odd", forming_volts={(1, 3, 0): 9.0})
    made = run(request(small, tmp_path, "forming", die="odd", mode="ladder", ladder_stop=3.0))
    assert made.status == "success"
    assert np.argwhere(made.array("unformed")).tolist() == [[1, 3, 0]]
    assert np.isnan(made.array("forming_voltage")[1, 3, 0])
    assert made.array("highest_voltage")[1, 3, 0] == 3.0
    assert made.array("forming_pulses")[1, 3, 0] == 17
    summary = summarise(made)
    assert summary["not_formed"]["errors"] == summary["weibull"]["censored"] == 1
    assert summary["weibull"]["switched"] == 2 * ROWS * COLUMNS - 1
    assert any("row 1 column 3 BL" in note for note in made.record["notes"])


@pytest.mark.parametrize("mode", ["ramp", "ladder"])
def test_only_the_region_is_formed(tmp_path, small, mode):
    made = run(request(small, tmp_path, "forming", die="a", seed=SEED, region=REGION, mode=mode))
    formed = die_of_run(tmp_path, "a").kind != Kind.PRISTINE
    asked = np.zeros((32, 32, 2), dtype=bool)
    asked[INSIDE] = True
    assert (formed == asked).all()
    assert summarise(made)["devices"] == summarise(made)["formed_here"] == asked.sum()


def test_the_map_of_a_region_lies_where_the_region_is(tmp_path, small):
    made = run(request(small, tmp_path, "forming", die="a", seed=SEED, region="1,5"))
    assert made.array("row").tolist() == [1]
    volts = made.array("forming_voltage")
    assert np.argwhere(np.isfinite(volts)).tolist() == [[0, 5, 0], [0, 5, 1]]
    assert summarise(made)["formed_here"] == 2


def test_formed_devices_get_no_pulse_and_that_is_said(tmp_path, small, monkeypatch):
    run(request(small, tmp_path, "forming", die="a", seed=SEED, region=REGION))
    before = die_of_run(tmp_path, "a")
    again = run(request(small, tmp_path, "forming", die="a", region="0,all"))
    assert again.status == "success"
    after = die_of_run(tmp_path, "a")
    np.testing.assert_array_equal(after.x[INSIDE], before.x[INSIDE])
    assert (booked(tmp_path, "a")["form"][0, :COLUMNS] == 1).all()
    (note,) = again.record["notes"]
    assert note.startswith("Row 0: 4 of 16 devices read as formed and got no pulse")
    summary = summarise(again)
    assert (summary["formed_before"], summary["formed_here"]) == (4, 12)

    def no_pulse(*_, **__):
        pytest.fail("a pulse was sent")

    monkeypatch.setattr(Chip, "play", no_pulse)
    whole = run(request(small, tmp_path, "forming", die="a", region="0,all"))
    assert whole.status == "success"
    assert summarise(whole)["formed_before"] == 2 * COLUMNS


@pytest.mark.parametrize("mode", ["ramp", "ladder"])
def test_formed_devices_are_formed_again_only_if_told(tmp_path, small, mode):
    run(request(small, tmp_path, "forming", die="a", seed=SEED, region=REGION))
    again = run(
        request(small, tmp_path, "forming", die="a", region="0:2,2:5", formed="again", mode=mode)
    )
    summary = summarise(again)
    assert (summary["formed_again"], summary["formed_before"], summary["formed_here"]) == (8, 0, 4)
    pulses = booked(tmp_path, "a")["form"]
    assert (pulses[INSIDE] == 2).all()
    # A device that was formed before has no forming voltage any more.
    assert np.isnan(again.array("forming_voltage")[:, 2:4]).all()
    assert np.isfinite(again.array("forming_voltage")[:, 4]).all()
    assert summary["weibull"]["switched"] == 4


def test_a_ladder_beyond_a_limit_is_refused_before_anything_is_sent(tmp_path):
    setup = bent_setup(
        tmp_path, ("[simulation]", "[limits.SL]\nvolts = [0.0, 3.0]\n\n[simulation]")
    )
    with pytest.raises(LimitError, match=r"3\.3 V on pad SL is not allowed"):
        run(request(setup, tmp_path, "forming", mode="ladder"))
    with pytest.raises(LimitError, match="stops at or above its start"):
        run(request(setup, tmp_path, "forming", mode="ladder", ladder_stop=1.0))
    with pytest.raises(ValueError, match="this chip has rows 0 to 31"):
        run(request(setup, tmp_path, "forming", mode="ladder", ladder_stop=3.0, region="40,0"))
    assert not (tmp_path / "runs").exists()
