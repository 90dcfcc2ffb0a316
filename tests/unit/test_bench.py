"""From a bench file to a bench: roles, modules, limits; and the benches that ship."""

from __future__ import annotations

import pytest

from instruments.b1500.mainframe import ModuleMismatchError
from instruments.limits import LimitError
from instruments.sim import clock
from instruments.testchip.pads import DRIVEN_PADS, METERS
from labctl import bench as bench_module
from labctl.bench import Bench, BenchError, DieChoice, DieError, RealInstruments, die_file
from labctl.benchfile import BenchFileError, BenchSetup, example_file, load_setup
from tests.simulated import assert_outputs_safe, bent_setup, die_of, station_of

SEED = 5_530_817


@pytest.fixture
def fresh(tmp_path):
    return DieChoice(None, SEED, tmp_path)


# --- the files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["simulated", "b1500"])
def test_an_example_is_complete_from_wherever_it_is_copied(tmp_path, name):
    copy = tmp_path / "mybench.toml"
    copy.write_text(example_file(name).read_text(encoding="utf-8"), encoding="utf-8")
    setup = load_setup(copy)
    assert setup.simulated == (name == "simulated")
    assert setup.chip.geometry.rows == setup.chip.geometry.columns == 32
    assert setup.text == copy.read_text(encoding="utf-8")


def test_a_file_from_a_windows_editor_is_read(tmp_path):
    file = tmp_path / "bench.toml"
    text = example_file("simulated").read_text(encoding="utf-8").replace("\n", "\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode("utf-8"))
    assert BenchSetup(file).content.bench.name == "simulated"


def test_a_chip_file_beside_the_bench_file_counts_first(tmp_path):
    shipped = example_file("simulated").parent.parent / "chips" / "hfo2-2t2r-1kb.toml"
    own = tmp_path / "chips" / "hfo2-2t2r-1kb.toml"
    own.parent.mkdir()
    own.write_text(
        shipped.read_text(encoding="utf-8").replace("reference = 50e3", "reference = 40e3"),
        encoding="utf-8",
    )
    assert bent_setup(tmp_path).chip.reference == 40e3


def test_every_mistake_is_in_one_error(tmp_path):
    with pytest.raises(BenchFileError) as caught:
        bent_setup(
            tmp_path,
            ('SL = "wgfmu.101"', 'SL = "wgfmu.901"'),
            ('VDD = "smu.8"', 'VDD = "smu.1"'),
            ("lines = [1, 2,", "lines = [2, 2,"),
            ("[simulation]", "[limits.WL]\nvolts = [0.0, 9.0]\n[simulation]"),
        )
    message = str(caught.value)
    assert "4 mistakes" in message
    for where in ("roles.SL", "roles.VDD", "address.lines", "limits.WL"):
        assert where in message


def test_limits_are_the_chips_tightened_by_the_bench_file(tmp_path):
    setup = bent_setup(tmp_path, ("[simulation]", "[limits.SL]\nvolts = [0.0, 3.0]\n[simulation]"))
    for pad in DRIVEN_PADS:
        limit, rating = setup.limit(pad), setup.chip.limit(pad)
        if pad == "SL":
            assert (limit.low, limit.high) == (0.0, 3.0)
        else:
            assert (limit.low, limit.high) == (rating.low, rating.high)


# --- binding ------------------------------------------------------------------------------------


def test_roles_are_bound_by_slot(setup, fresh):
    with Bench(setup, fresh) as bench:
        at = bench.chip.connections
        for role, binding in setup.content.roles.items():
            kind, _, number = binding.partition(".")
            if kind == "wgfmu":
                assert at.channels[role].id == int(number)
                assert at.channels[role].limit == setup.limit(role)
            elif role in METERS:
                assert at.meters[METERS[role]].slot == int(number)
                assert at.meters[METERS[role]].limit == setup.limit(METERS[role])
            elif kind == "smu":
                assert at.supplies[role].slot == int(number)
                assert at.supplies[role].limit == setup.limit(role)


def test_another_binding_reaches_another_slot(tmp_path, fresh):
    setup = bent_setup(tmp_path, ('VDD = "smu.8"\nVDDH = "smu.9"', 'VDD = "smu.9"\nVDDH = "board"'))
    with Bench(setup, fresh) as bench:
        assert {pad: smu.slot for pad, smu in bench.chip.connections.supplies.items()} == {"VDD": 9}
        assert station_of(bench).smu_volts[9] == setup.chip.supplies.vdd
        assert station_of(bench).smu_volts[8] is None


def test_a_tightened_limit_holds_on_the_open_bench(tmp_path, fresh):
    setup = bent_setup(tmp_path, ("[simulation]", "[limits.BL]\nvolts = [0.0, 1.0]\n[simulation]"))
    with Bench(setup, fresh) as bench:
        for force in (
            bench.chip.connections.channels["BL"].force,
            lambda volts: bench.chip.connections.meters["BL"].force_voltage(volts, 1e-3),
        ):
            with pytest.raises(LimitError, match=r"1\.2 V on pad BL is not allowed: 0 V to 1 V"):
                force(1.2)


def test_an_open_bench_is_powered_and_idle(bench, setup):
    station = station_of(bench)
    volts = {pad: station.channel_volts[setup.channel(pad)[1]] for pad in ("WL", "SL", "BL", "BLB")}
    assert set(volts.values()) == {0.0}
    assert station.smu_volts[9] == pytest.approx(3.3)
    assert station.smu_volts[8] == pytest.approx(1.2)
    assert station.channel_volts[302] == pytest.approx(1.2)
    assert bench.chip.connections.now() == 0.0


def test_every_module_that_differs_is_in_one_error(setup, fresh):
    bench = Bench(setup, fresh)
    modules = station_of(bench).modules
    modules[6] = "B1511A"
    del modules[9]
    modules[10] = "B1510A"
    with pytest.raises(ModuleMismatchError) as caught, bench:
        pass
    message = str(caught.value)
    assert "slot 6: bench file B1517A, mainframe B1511A" in message
    assert "slot 9: bench file B1517A, mainframe empty" in message
    # Modules that the bench file does not use do no harm.
    assert "slot 10" not in message
    assert set(station_of(bench).smu_volts.values()) == {None}


def test_auto_calibration_is_off_on_an_open_bench(setup, fresh):
    bench = Bench(setup, fresh)
    mainframe = bench.instruments.adapter.mainframe
    mainframe.write("CM 1")
    assert mainframe.auto_calibration
    with bench:
        assert not mainframe.auto_calibration


def test_a_bench_with_errors_left_over_opens_and_one_left_with_volts_is_zeroed_first(setup, fresh):
    bench = Bench(setup, fresh)
    mainframe = bench.instruments.adapter.mainframe
    for line in ("XYZ", "CN 5", "DV 5,0,1.5,1e-3"):
        mainframe.write(line)
    station = station_of(bench)
    assert station.smu_volts[5] == 1.5
    with bench:
        assert station.smu_volts[5] == 0.0
    assert_outputs_safe(bench)


# --- dies ---------------------------------------------------------------------------------------


def test_the_same_seed_is_the_same_die(setup, tmp_path):
    dies = [die_of(Bench(setup, DieChoice(None, seed, tmp_path))) for seed in (1, 1, 2)]
    assert (dies[0].forming_volts == dies[1].forming_volts).all()
    assert (dies[0].forming_volts != dies[2].forming_volts).any()


def test_a_kept_die_comes_back(setup, tmp_path):
    choice = DieChoice("w1", SEED, tmp_path / "dies")
    with Bench(setup, choice) as bench:
        assert bench.die["origin"] == "new file"
        bench.chip.form(bench.chip.one_device(2, 3, 1))
    assert bench.die_file == die_file(tmp_path / "dies", "w1")
    bench.save_die(bench.die_file)
    again = Bench(setup, DieChoice("w1", None, tmp_path / "dies"))
    assert (again.die["origin"], again.die["seed"]) == ("file", SEED)
    assert die_of(again).formed_at[2, 3, 1] > 0
    assert die_of(again).clock_s == bench.now()
    assert (die_of(again).n_set.sum(), die_of(bench).n_set.sum()) == (1, 1)


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a\\b", "..", "a b", "a:b", "a\0b", "a\nb"])
def test_a_die_name_is_no_path(tmp_path, name):
    with pytest.raises(DieError, match="cannot name a die"):
        die_file(tmp_path, name)


def test_a_bench_that_is_not_there_says_what_to_do(tmp_path):
    text = example_file("b1500").read_text(encoding="utf-8")
    file = tmp_path / "lab.toml"
    file.write_text(text.replace(r"C:\Windows\System32\wgfmu.dll", "nowhere.dll"), encoding="utf-8")
    with pytest.raises(BenchError, match=r"b1500-lab.*nowhere\.dll.*labctl doctor --bench"):
        Bench(load_setup(file), DieChoice("d", None, tmp_path))


def test_a_real_benchs_clock_goes_on_over_a_restart_of_the_computer(monkeypatch):
    wall, since_start = [1e9], [500.0]
    monkeypatch.setattr(bench_module.time, "time", lambda: wall[0])
    monkeypatch.setattr(bench_module.time, "monotonic", lambda: since_start[0])
    before = RealInstruments(None, None, None)
    programmed_at = before.now()
    # While a run goes on, nobody sets its clock back.
    wall[0] -= 3600
    since_start[0] += 10
    assert before.now() - programmed_at == pytest.approx(10)
    wall[0], since_start[0] = 1e9 + 86_400, 20.0
    assert RealInstruments(None, None, None).now() - programmed_at == pytest.approx(86_400)


def test_a_paced_bench_takes_its_time(tmp_path, fresh, monkeypatch):
    setup, slept = bent_setup(tmp_path, ("pace = 0", "pace = 20")), []
    with Bench(setup, fresh) as bench, monkeypatch.context() as patch:
        patch.setattr(clock.time, "sleep", slept.append)
        begin = bench.now()
        for _ in range(20):
            bench.chip.measure(bench.chip.one_device(0, 0, 0)[..., 0])
        virtual, slept = bench.now() - begin, sum(slept)
    assert virtual > 2
    # Less than a hundredth of a second is slept later.
    assert slept == pytest.approx(virtual / 20, abs=0.011)
