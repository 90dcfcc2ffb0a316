"""Runs of program, read and weights on the simulated bench, 4 x 8 bits."""

from __future__ import annotations

import numpy as np
import pytest

from instruments.testchip.chip import NOT_READ
from labctl.observing import Observer, StopRequest
from labctl.report import summarise, write_report
from labctl.resuming import resume
from labctl.runs import run
from labctl.store.folder import ARRAYS
from labctl.store.wear import blocks
from procedures.patterns import Region, pattern_bits
from tests.simulated import request, small_setup

SEED = 88_172_645
SHAPE = (4, 8)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Setup of a small bench, and a folder with a die that program has formed and written."""
    folder = tmp_path_factory.mktemp("bits")
    setup = small_setup(folder / "bench", SHAPE[0])

    def measure(name, **parameters):
        return run(request(setup, folder, name, die="bits", seed=SEED, **parameters))

    return measure


def booked(folder, kind):
    """Pulses of one kind that were booked for each device, (rows, columns, 2)."""
    bookings = [one for block in blocks(folder.events()) for one in block.bookings]
    return sum((b.counts for b in bookings if b.kind == kind), np.zeros((*SHAPE, 2), dtype=int))


@pytest.fixture(scope="module")
def written(bench):
    """A random pattern at a low compliance, so that some bits have to be repeated."""
    parameters = {"pattern": "random:7", "set_compliance": "25uA", "verify_limit": 20}
    return bench("program", **parameters)


def test_a_pattern_is_written_and_wrong_bits_are_repeated(written):
    assert written.status == "success"
    summary = summarise(written)
    assert (summary["bits"], summary["still_wrong"]["errors"]) == (32, 0)
    assert summary["ber_2t2r"]["trials"] == 32
    rounds = written.array("programmed")
    assert len(rounds) > 1, "no bit was repeated: the test shows nothing"
    sensed, pattern = written.array("sensed"), written.array("pattern")[0]
    np.testing.assert_array_equal(pattern, pattern_bits("random:7", SHAPE, Region()))
    # What failed in a round is what the next one repeats.
    for before, after, read in zip(rounds, rounds[1:], sensed, strict=False):
        failed = (before > 0) & (read != pattern)
        np.testing.assert_array_equal(after > 0, failed)
        assert set(np.unique(after)) <= {0, 2}
    assert (sensed[rounds == 0] == NOT_READ).all()


def test_all_pulses_of_a_program_run_are_counted_as_booked(written):
    summary = summarise(written)
    assert booked(written, "set").sum() == summary["set_pulses"]
    assert booked(written, "reset").sum() == summary["reset_pulses"]
    assert booked(written, "form").sum() == 64
    rows = written.results()
    assert rows["SET pulses"].sum() == summary["set_pulses"]


def test_a_read_finds_the_pattern_and_pulses_nothing(bench, written):
    read = bench("read", expect="random:7", repeats=3)
    summary = summarise(read)
    assert read.status == "success"
    assert not list(blocks(read.events()))
    assert summary["wrong_bits"]["trials"] == 32
    # The die was read right 32 times a moment ago: only read noise of weak bits differs.
    assert summary["wrong_bits"]["errors"] <= 4
    assert summary["changed_bits"]["trials"] == 32
    assert summary["wrong_devices"]["trials"] == 64
    assert read.array("resistance").shape == (3, *SHAPE, 2)


def test_a_region_leaves_the_other_bits_alone(bench, written):
    before = bench("read", read_by="smu").array("resistance")[0]
    program = bench("program", pattern="ones", region="1:3,2:6")
    after = bench("read", read_by="smu").array("resistance")[0]
    inside = np.zeros(SHAPE, dtype=bool)
    inside[1:3, 2:6] = True
    pattern = program.array("pattern")[0]
    assert (pattern[inside] == 1).all()
    assert (pattern[~inside] == NOT_READ).all()
    for kind in ("form", "set", "reset"):
        assert not booked(program, kind)[~inside].any()
    changed = np.abs(np.log10(after / before))
    assert changed[inside].max() > 0.5
    # Read noise of an HRS is 0.05 decades; 0.4 is eight of them.
    assert changed[~inside].max() < 0.4
    # Only the two rows of the region are checked.
    assert program.array("unformed").shape == (2, *SHAPE, 2)


@pytest.mark.parametrize(
    ("read_by", "sensed", "measured"), [("pcsa", True, False), ("smu", False, True)]
)
def test_only_what_is_asked_for_reads(bench, written, read_by, sensed, measured):
    for name in ("program", "weights"):
        extra = {"tiles": "0", "programmings": 1} if name == "weights" else {}
        made = bench(name, read_by=read_by, **extra)
        summary = summarise(made)
        assert made.status == "success"
        assert (made.record["bench_time_s"]["sense"] > 0) == sensed
        assert (made.array("sensed") != NOT_READ).any() == sensed
        assert np.isfinite(made.array("resistance")).any() == measured
        assert bool(summary["ber_2t2r"]["trials"]) == sensed
        assert bool(summary["ber_1t1r_fixed"]["trials"]) == measured
        write_report(made)


def test_weights_alternate_with_their_inverse_tile_by_tile(bench, written, tmp_path):
    matrix = np.random.default_rng(SEED).integers(0, 2, (3, 15)) * 2 - 1
    np.save(tmp_path / "mine.npy", matrix)
    made = bench("weights", weights=str(tmp_path / "mine.npy"), programmings=2, set_voltage="2.1V")
    assert made.status == "success"
    assert made.array("programming").tolist() == [[t, i] for t in (0, 1) for i in (0, 1) * 2]
    pattern, tiling = made.array("pattern"), made.array("tiling")[0]
    stored = made.array("weights")[0]
    np.testing.assert_array_equal(stored, matrix > 0)
    for (tile, inverse), bits in zip(made.array("programming"), pattern, strict=True):
        holds = tiling[tile] >= 0
        np.testing.assert_array_equal(bits[holds], stored.ravel()[tiling[tile][holds]] ^ inverse)
        assert (bits[~holds] == NOT_READ).all()
    # 45 weights, each programmed in an extra, two as they are, two inverted: one SET in each.
    assert booked(made, "set").sum() == booked(made, "reset").sum() == 45 * 5
    summary = summarise(made)
    assert [one["weights"] for one in summary["tiles"]] == [32, 13]
    assert summary["ber_2t2r"]["trials"] == 45 * 4
    assert summary["network"] is None
    assert any("SET voltage of 2 V, not 2.1 V" in note for note in made.record["notes"])


def test_the_shipped_layer_gives_the_network_s_answers(bench, written):
    made = bench("weights", tiles="0:2", programmings=1)
    network = summarise(made)["network"]
    assert network["test_images"] == 450
    assert len(network["right_measured"]) == 1
    assert network["weights_taken_as_ideal"] == 10 * 1024 - 64
    text = write_report(made).read_text(encoding="utf-8")
    assert "Right answers of the network" in text


class StopWithin(Observer):
    """Asks to stop within step ``number``."""

    def __init__(self, number):
        self.stop, self.number = StopRequest(), number

    def progress(self, progress):
        if progress.step == self.number and not self.stop.asked:
            self.stop.ask()
            self.stop.ask()


@pytest.mark.parametrize("name", ["program", "weights"])
def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not(name, tmp_path):
    parameters = {"program": {"verify_limit": 3, "set_compliance": "25uA"}}.get(
        name, {"tiles": "0", "programmings": 1}
    )

    def asked(folder):
        setup = small_setup(tmp_path / "bench", 2)
        return request(setup, folder, name, seed=SEED, **parameters)

    whole = run(asked(tmp_path / "whole"))
    observer = StopWithin(3)
    cut = run(asked(tmp_path / "cut"), observer, observer.stop)
    assert cut.status == "aborted"
    again = resume(cut)
    assert again.status == whole.status == "success"
    for file in (whole.path / ARRAYS).iterdir():
        assert (again.path / ARRAYS / file.name).read_bytes() == file.read_bytes()


def test_an_unformed_region_without_forming_fails_in_one_sentence(tmp_path):
    setup = small_setup(tmp_path / "bench", SHAPE[0])
    fresh = run(request(setup, tmp_path, "program", seed=SEED, form_first="no", region="0:1,0:2"))
    assert fresh.status == "failed"
    assert "no bit of the region is formed" in fresh.record["reason"]
    assert summarise(fresh)["bits"] == 0
    read = run(request(setup, tmp_path, "read", seed=SEED, region="0:1,0:2"))
    assert read.status == "success"
    assert "4 devices are above 5 MΩ: unformed." in read.record["notes"][0]
