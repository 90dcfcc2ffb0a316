"""The contact check: what it says of good, open and shorted pads, and that it changes no device."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from instruments.sim.faults.pads import OpenPad, ShortedPad
from instruments.sim.faults.when import always
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.pads import PADS
from labctl.bench import Bench, DieChoice
from labctl.benchfile import BenchSetup, example_file
from labctl.cli import app
from labctl.report import summarise, write_report
from labctl.report.contact import ContactReport
from labctl.runs import run
from labctl.store.wear import blocks
from tests.simulated import (
    assert_outputs_safe,
    bent_setup,
    devices,
    die_of,
    request,
    small_bench_file,
    some_bits,
    station_of,
)

SEED = 5_512_870
TESTABLE = ("VDD", "VDDH", "SL", "BL", "BLB", "Q", "QB")
NOT_TESTABLE = "not testable on this bench"
PATH = ("WL", "SL", "BL", "BLB", "BYP")


def check(setup, folder, faults=(), die=None, **parameters):
    """Run the check; returns its summary and the bench it was on."""
    bench = Bench(setup, DieChoice(die, None if die else SEED, folder / "dies"), faults=faults)
    asked = request(setup, folder, "contact", die=die, seed=SEED, **parameters)
    left = run(asked, bench=bench)
    assert left.status == "success", left.record["reason"]
    assert_outputs_safe(bench)
    return summarise(left), bench


def bad_pads(summary):
    return {pad: text for pad, text in summary["pads"].items() if text not in ("ok", NOT_TESTABLE)}


def finding(summary, pad, quantity):
    (found,) = [
        row for row in summary["findings"] if row["pad"] == pad and row["quantity"] == quantity
    ]
    return found


@pytest.fixture
def small(tmp_path):
    return BenchSetup(small_bench_file(tmp_path, rows=4))


def test_an_unformed_die_in_good_contact(setup, tmp_path):
    summary, _ = check(setup, tmp_path)
    assert summary["verdict"] == "good"
    assert list(summary["pads"]) == [pad.name for pad in PADS]
    for pad, verdict in summary["pads"].items():
        assert verdict == ("ok" if pad in TESTABLE else NOT_TESTABLE)
    for pad in ("WL", "BYP"):
        assert finding(summary, pad, "opens and closes the path")["verdict"] == "works"
    assert finding(summary, "SEN", "sets latches to both levels")["verdict"] == "works"
    # What a pristine device passes at 0.1 V, and what the board's resistors make of 1.2 V.
    assert 0.3e-9 < finding(summary, "BL", "path to the cells")["value_a"] < 20e-9
    high = finding(summary, "QB", "current of its high level")["value_a"]
    assert high == pytest.approx((0.1 - 1.2) / 10e3, rel=0.01)


@pytest.mark.parametrize("formed", [False, True])
def test_no_device_changes_and_no_pad_but_vddh_goes_above_vdd(small, tmp_path, formed, monkeypatch):
    bench = Bench(small, DieChoice("d", SEED, tmp_path / "dies"))
    with bench:
        if formed:
            where = some_bits(bench.chip, 4, 8)
            bits = np.random.default_rng(SEED).integers(0, 2, (4, 8)).astype(np.uint8)
            bench.chip.form(devices(where))
            bench.chip.program(bits, where, ProgramConditions())
    bench.save_die(tmp_path / "dies" / "d.npz")
    before = {name: getattr(die_of(bench), name).copy() for name in ("x", "x_set", "kind", "wear")}

    bench = Bench(small, DieChoice("d", None, tmp_path / "dies"))
    simulated, highest = station_of(bench).chip, {}
    hold, play = simulated.hold, simulated.play

    def look(pad, volts):
        highest[pad] = max(highest.get(pad, 0.0), float(np.max(volts)))

    def held(pad, volts):
        look(pad, 0.0 if volts is None else volts)
        hold(pad, volts)

    def played(waveform, samples=None):
        for pad, volts in waveform.volts.items():
            look(pad, volts)
        return play(waveform, samples)

    monkeypatch.setattr(simulated, "hold", held)
    monkeypatch.setattr(simulated, "play", played)
    left = run(request(small, tmp_path, "contact", die="d"), bench=bench)
    assert summarise(left)["verdict"] == "good"
    die = die_of(bench)
    for name, array in before.items():
        np.testing.assert_array_equal(getattr(die, name), array)
    assert highest.pop("VDDH") == pytest.approx(3.3)
    assert {pad: highest.pop(pad) for pad in ("SL", "BL", "BLB", "Q", "QB")} == pytest.approx(
        dict.fromkeys(("SL", "BL", "BLB", "Q", "QB"), 0.1), abs=1e-4
    )
    assert max(highest.values()) == pytest.approx(1.2, abs=1e-4)
    assert not list(blocks(left.events()))


@pytest.mark.parametrize(
    ("fault", "pad", "bad"),
    [
        (OpenPad, "VDD", {"VDD": "open"}),
        (OpenPad, "VDDH", {"VDDH": "open"}),
        (ShortedPad, "VDD", {"VDD": "short"}),
        (ShortedPad, "VDDH", {"VDDH": "short"}),
        (ShortedPad, "SL", {"SL": "short"}),
        (ShortedPad, "BL", {"BL": "short"}),
        (ShortedPad, "BLB", {"BLB": "short"}),
        (OpenPad, "BL", {"BL": "open"}),
        (OpenPad, "BLB", {"BLB": "open"}),
        (OpenPad, "SL", dict.fromkeys(PATH, "no path")),
        (OpenPad, "WL", dict.fromkeys(PATH, "no path")),
        (ShortedPad, "WL", dict.fromkeys(PATH, "no path")),
        (OpenPad, "BYP", dict.fromkeys(PATH, "no path")),
        (ShortedPad, "BYP", dict.fromkeys(PATH, "no path")),
        (OpenPad, "SEN", {"SEN": "no function", "Q": "one level only", "QB": "one level only"}),
        (ShortedPad, "SEN", {"SEN": "no function", "Q": "one level only", "QB": "one level only"}),
        (OpenPad, "Q", {"Q": "open"}),
        (OpenPad, "QB", {"QB": "open"}),
        (ShortedPad, "Q", {"Q": "short"}),
        (ShortedPad, "QB", {"QB": "short"}),
    ],
)
def test_an_open_or_shorted_pad_is_found(small, tmp_path, fault, pad, bad):
    summary, _ = check(small, tmp_path, [fault(always(), pad)], cells=4)
    assert summary["verdict"] == "bad"
    # What cannot be tried because of it is no finding against another pad.
    found = {p: text for p, text in bad_pads(summary).items() if text != "not tested"}
    assert found == bad
    untestable = {p for p, text in summary["pads"].items() if text == NOT_TESTABLE}
    assert untestable == {p.name for p in PADS} - set(TESTABLE) - set(bad)


def test_what_a_bad_supply_leaves_untested_is_not_called_good(small, tmp_path):
    summary, _ = check(small, tmp_path, [ShortedPad(always(), "VDD")])
    for pad in ("SL", "BL", "BLB", "Q", "QB"):
        assert summary["pads"][pad] == "not tested"


def test_supplies_of_the_board_are_not_testable(tmp_path):
    setup = bent_setup(tmp_path, ('VDD = "smu.8"', 'VDD = "board"'))
    asked = request(setup, tmp_path, "contact", seed=SEED, cells=1)
    # The simulated board supplies nothing, so the outputs stay low.
    pads = summarise(run(asked))["pads"]
    assert pads["VDD"] == NOT_TESTABLE
    assert pads["VDDH"] == "ok"


@pytest.mark.parametrize(
    ("parameters", "bad"),
    [
        ({"supply_lowest": "3uA"}, {"VDD": "open", "VDDH": "open"}),
        ({"supply_highest": "1uA"}, {"VDD": "short"}),
        ({"path_lowest": "1uA"}, dict.fromkeys(PATH, "no path")),
    ],
)
def test_thresholds_decide(small, tmp_path, parameters, bad):
    summary, _ = check(small, tmp_path, **parameters)
    found = {p: text for p, text in bad_pads(summary).items() if text != "not tested"}
    assert found == bad


def test_supply_limits_upside_down_are_refused(small, tmp_path):
    asked = request(small, tmp_path, "contact", supply_lowest="900uA", supply_highest="10uA")
    with pytest.raises(ValueError, match="must be above supply lowest"):
        run(asked)


def test_the_command_ends_with_1_when_a_pad_is_bad(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["run", "contact", "--bench", str(small.file), "--seed", "1", "--json"]
    good = CliRunner().invoke(app, command, prog_name="labctl")
    assert good.exit_code == 0, good.output
    assert json.loads(good.stdout)["verdict"] == "good"
    bad = CliRunner().invoke(app, [*command, "--path-lowest", "1uA"], prog_name="labctl")
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)["verdict"] == "bad"
    assert "verdict is bad" in bad.stderr


def test_the_report_names_verdicts_and_thresholds(small, tmp_path):
    bench = Bench(small, DieChoice(None, SEED, tmp_path), faults=[OpenPad(always(), "BLB")])
    left = run(request(small, tmp_path, "contact", seed=SEED), bench=bench)
    page = write_report(left).read_text(encoding="utf-8")
    for text in ("Bad: BLB (open).", "at most 1 nA, WL at 0 V", NOT_TESTABLE, "500 nA", "200 pA"):
        assert text in page
    assert "Contact is BAD: BLB open." in left.record["notes"]
    summary = summarise(left)
    assert [label for label, _ in ContactReport.rows(summary)] == [
        *("Contact", "Open", "Ok", "Not testable on this bench")
    ]


def test_it_has_no_option_that_it_does_not_use(setup, tmp_path):
    shown = CliRunner().invoke(app, ["run", "contact", "--help"]).output
    assert "--compliance-table" not in shown
    assert "--test-voltage" in shown
    left = run(request(setup, tmp_path, "contact", seed=SEED))
    assert left.record["compliance_table"] == {}
    assert "Compliance table" not in write_report(left).read_text(encoding="utf-8")


def test_on_a_real_bench_it_asks_for_no_name_where_others_do(tmp_path):
    real = tmp_path / "lab.toml"
    text = example_file("b1500").read_text(encoding="utf-8")
    library = r"C:\Windows\System32\wgfmu.dll"
    assert library in text
    real.write_text(text.replace(library, "nowhere.dll"), encoding="utf-8")
    common = ["--bench", str(real), "--runs", str(tmp_path / "runs")]
    named = CliRunner().invoke(app, ["run", "compliance", "--form-first", "no", *common])
    assert (named.exit_code, "a real die needs a name" in named.output) == (2, True)
    unnamed = CliRunner().invoke(app, ["run", "contact", *common])
    assert (unnamed.exit_code, "cannot be reached" in unnamed.output) == (1, True)
    assert not (tmp_path / "runs").exists()
