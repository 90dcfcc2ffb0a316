"""The array as models see it: sums and last readings of every bit, from any procedure."""

from __future__ import annotations

import numpy as np
import pytest

from gui.models.array import ArrayModel, Status
from gui.models.cell_text import address_text, cell_lines
from labctl.analysis.maps import NOT_READ, UNDECIDED
from labctl.runs import run
from labctl.store.wear import blocks
from tests.gui.told import absorbed, bits, figures_undrawn, folder, news, ohms
from tests.simulated import request, small_setup

SHAPE = (2, 3)


@pytest.fixture(scope="module")
def checkerboard(tmp_path_factory):
    """A checkerboard run on two rows of eight bits, one of them retired by its record."""
    path = tmp_path_factory.mktemp("checkerboard")
    asked = request(small_setup(path, rows=2), path, die="a", seed=5, programmings=3)
    with figures_undrawn():
        return run(asked)


def picture_of(*told, retired=(), shape=SHAPE):
    model, of = ArrayModel(), folder(*shape, retired=retired)
    for one in told:
        model.absorb(of, one)
    return model.picture


def same(first, second):
    for name, value in vars(first).items():
        other = getattr(second, name)
        if name == "pulses":
            assert value.keys() == other.keys()
            for kind in value:
                np.testing.assert_array_equal(value[kind], other[kind])
        else:
            np.testing.assert_array_equal(value, other)


def test_a_run_gives_what_its_arrays_hold(checkerboard):
    picture = absorbed(ArrayModel(), checkerboard.path)
    pattern, sensed = checkerboard.array("pattern"), checkerboard.array("sensed")
    assert picture.shape == (2, 8)
    np.testing.assert_array_equal(picture.written, pattern[-1])
    np.testing.assert_array_equal(picture.sensed, sensed[-1])
    np.testing.assert_array_equal(picture.ohm, checkerboard.array("resistance")[-1])
    np.testing.assert_array_equal(picture.trials, (sensed != NOT_READ).sum(axis=0))
    wrong = (sensed != pattern) & (sensed != NOT_READ)
    np.testing.assert_array_equal(picture.errors, wrong.sum(axis=0))
    np.testing.assert_array_equal(picture.wrong_reads, picture.errors)
    np.testing.assert_array_equal(picture.forming_v, checkerboard.array("forming_voltage"))
    assert set(picture.status.ravel().tolist()) <= {Status.USED, Status.UNFORMED}
    # Bit 0: BL in LRS.
    expected = np.where(
        picture.written == 0,
        picture.ohm[..., 1] / picture.ohm[..., 0],
        picture.ohm[..., 0] / picture.ohm[..., 1],
    )
    np.testing.assert_allclose(picture.ratio, expected)


def test_pulses_are_those_of_the_journal(checkerboard):
    picture = absorbed(ArrayModel(), checkerboard.path)
    booked = {}
    for block in blocks(checkerboard.events()):
        for one in block.bookings:
            booked[one.kind] = booked.get(one.kind, 0) + one.counts.astype(np.int64)
    assert picture.pulses.keys() == booked.keys()
    for kind, counts in booked.items():
        np.testing.assert_array_equal(picture.pulses[kind], counts)
    np.testing.assert_array_equal(picture.cycles, np.maximum(booked["set"], booked["reset"]))


def test_it_does_not_matter_in_how_many_pieces_a_run_is_told(checkerboard):
    at_once = absorbed(ArrayModel(), checkerboard.path)
    in_pieces = absorbed(ArrayModel(), checkerboard.path, most_bytes=100)
    same(at_once, in_pieces)


def test_before_any_news_there_is_no_picture():
    assert ArrayModel().picture is None


def test_news_of_no_cell_change_nothing():
    model, of = ArrayModel(), folder()
    assert model.absorb(of, news())
    assert not model.absorb(of, news(rows={"Step": np.array([1.0])}))
    assert model.absorb(of, news(pulses={"set": np.ones((2, 3, 2), np.int64)}))


def test_a_picture_stays_as_it_is():
    model, of = ArrayModel(), folder()
    model.absorb(
        of, news(pattern=[bits([0, 0, 0], [0, 0, 0])], sensed=[bits([0, 1, 0], [0, 0, 0])])
    )
    before = model.picture
    model.absorb(
        of, news(pattern=[bits([1, 1, 1], [1, 1, 1])], sensed=[bits([0, 0, 0], [0, 0, 0])])
    )
    assert before.errors.sum() == 1
    assert model.picture.errors.sum() == 7
    with pytest.raises(ValueError, match="read-only"):
        before.errors[0, 0] = 5


def test_reading_the_same_state_again_is_no_new_trial():
    pattern = bits([0, 1, 0], [NOT_READ, NOT_READ, NOT_READ])
    sensed = bits([0, 0, 0], [1, 1, 1])
    picture = picture_of(
        news(pattern=[pattern], sensed=[sensed]), news(sensed=[sensed]), news(sensed=[sensed])
    )
    assert picture.trials[0].tolist() == [1, 1, 1]
    assert picture.errors[0].tolist() == [0, 1, 0]
    assert picture.reads[0].tolist() == [3, 3, 3]
    assert picture.wrong_reads[0].tolist() == [0, 3, 0]
    # Nothing is known of what the second row should hold.
    assert picture.trials[1].tolist() == [0, 0, 0]
    assert picture.sensed[1].tolist() == [1, 1, 1]


def test_an_undecided_bit_is_wrong_and_one_not_read_is_no_trial():
    picture = picture_of(
        news(
            pattern=[bits([0, 1, 0], [0, 1, 0])],
            sensed=[bits([UNDECIDED, 1, NOT_READ], [0, 1, 0])],
        )
    )
    assert picture.errors[0].tolist() == [1, 0, 0]
    assert picture.trials[0].tolist() == [1, 1, 0]


def test_several_senses_of_one_programming_are_one_trial():
    senses = np.stack([bits([0, 0, 0], [0, 0, 0]), bits([1, 0, 0], [0, 0, 0])])
    picture = picture_of(news(pattern=[bits([1, 0, 0], [0, 0, 0])], sensed=[senses]))
    assert picture.trials[0, 0] == 1
    assert (picture.reads[0, 0], picture.wrong_reads[0, 0]) == (2, 1)
    assert picture.sensed[0, 0] == 1


def test_several_readings_of_one_record_leave_the_last():
    readings = np.stack([ohms(SHAPE, 1e4), ohms(SHAPE, 2e4)])
    picture = picture_of(news(resistance=[readings]))
    assert (picture.ohm == 2e4).all()


def test_without_a_pattern_the_ratio_is_larger_over_smaller():
    ohm = ohms(SHAPE, 1e4)
    ohm[0, 0, 1] = ohm[0, 1, 0] = 5e4
    picture = picture_of(news(resistance=[ohm]))
    assert picture.ratio[0].tolist() == [5.0, 5.0, 1.0]


def test_what_states_a_cell_is_in():
    ohm = ohms(SHAPE, 1e4)
    ohm[0, 1, 1] = np.nan
    ohm[1] = np.nan
    unformed = np.zeros((3, 2), np.uint8)
    unformed[2, 0] = 1
    picture = picture_of(
        news(forming_voltage=[np.full((3, 2), np.nan)], unformed=[unformed]),
        news(resistance=[ohm], sensed=[bits([0, 0, NOT_READ], [NOT_READ] * 3)]),
        retired=[(1, 0)],
    )
    assert [Status(value) for value in picture.status.ravel()] == [
        Status.USED,
        Status.UNREADABLE,
        Status.UNFORMED,
        Status.RETIRED,
        Status.NO_DATA,
        Status.NO_DATA,
    ]


def test_a_device_that_can_be_read_again_is_in_use():
    lost = ohms(SHAPE, 1e4)
    lost[0, 0, 0] = np.nan
    picture = picture_of(news(resistance=[lost]), news(resistance=[ohms(SHAPE, 1e4)]))
    assert (picture.status == Status.USED).all()


def test_rows_of_a_forming_run_go_where_they_belong():
    """A forming run may begin anywhere, and names the row of each record."""
    volts = np.array([[2.5, 2.6], [np.nan, np.nan], [2.7, np.nan]])
    none = np.zeros((3, 2), np.uint8)
    before = none.copy()
    before[1] = 1
    picture = picture_of(
        news(row=[np.array(1)], forming_voltage=[volts], unformed=[none], formed_before=[before])
    )
    np.testing.assert_array_equal(picture.forming_v[1], volts)
    assert np.isnan(picture.forming_v[0]).all()
    assert picture.status[1].tolist() == [Status.NO_DATA, Status.USED, Status.NO_DATA]


def test_checked_rows_without_a_number_follow_each_other():
    rows = [np.full((3, 2), 2.0), np.full((3, 2), 3.0)]
    none = np.zeros((3, 2), np.uint8)
    told = [news(forming_voltage=[volts], unformed=[none]) for volts in rows]
    assert picture_of(*told).forming_v[:, 0, 0].tolist() == [2.0, 3.0]


def test_a_checked_region_is_told_by_whole_arrays():
    volts, marks = ohms(SHAPE), np.zeros((*SHAPE, 2), np.uint8)
    volts[1, 2, 1], marks[0, 0, 0] = 2.9, 1
    picture = picture_of(news(forming_voltage=[volts], unformed=[marks]))
    assert picture.forming_v[1, 2, 1] == 2.9
    assert picture.status[0, 0] == Status.UNFORMED


def cycled(pair=0, bit=1, readings=2, ohm=((1e4, 2e5), (1.1e4, 1.9e5)), code=((0, 0), (0, 0))):
    """Arrays of one record of readings of a cycled pair, padded to three."""
    padded = np.full((3, 2), np.nan, np.float32)
    padded[:2] = ohm
    codes = np.zeros((3, 2), np.int8)
    codes[:2] = code
    return {
        "resistance": [padded],
        "censored": [codes],
        "resistance_of": [np.array([pair, 0, bit, 101, readings])],
        "resistance_range": [np.array([[1e3, 1e6], [2e3, 2e6]])],
    }


PAIR = {
    "pairs": [np.array([0, 1, 2])],
    "pair_forming_voltage": [np.array([2.5, np.nan])],
    "pair_unusable": [np.array([0, 0], np.uint8)],
}


def test_a_cycled_pair_shows_its_last_reading_and_all_its_trials():
    counts = np.array([0, 0, 1, 1000, 990, 10, 2, 1])
    wrong = np.full((1000, 2), -1)
    wrong[:3] = [[11, 0], [21, 0], [1000, 1]]
    picture = picture_of(
        news(**PAIR), news(**cycled(), window_counts=[counts], wrong_cycles=[wrong])
    )
    np.testing.assert_allclose(picture.ohm[1, 2], [1.1e4, 1.9e5])
    assert picture.ratio[1, 2] == pytest.approx(1.1e4 / 1.9e5)
    assert (picture.errors[1, 2], picture.trials[1, 2]) == (3, 990)
    assert picture.status[1, 2] == Status.USED
    assert (picture.status == Status.NO_DATA).sum() == 5
    # Some cycles were not read: the last one may be among them.
    assert picture.sensed[1, 2] == NOT_READ


@pytest.mark.parametrize(
    ("wrong_ones", "last"), [([], 1), ([[1000, 1]], 0), ([[999, 0]], 1)], ids=str
)
def test_the_last_cycle_writes_one(wrong_ones, last):
    counts = np.array([0, 0, 1, 1000, 1000, 0, 0, len(wrong_ones)])
    wrong = np.full((1000, 2), -1)
    wrong[: len(wrong_ones)] = np.array(wrong_ones).reshape(-1, 2)
    picture = picture_of(news(**PAIR), news(window_counts=[counts], wrong_cycles=[wrong]))
    assert (picture.written[1, 2], picture.sensed[1, 2]) == (1, last)


def test_a_censored_reading_shows_the_end_of_the_range():
    picture = picture_of(news(**PAIR), news(**cycled(code=((0, 0), (-1, 1)))))
    assert picture.ohm[1, 2].tolist() == [1e3, 2e6]
    assert picture.beyond[1, 2].tolist() == [-1, 1]
    assert "BL below 1 kΩ, BLb above 2 MΩ" in cell_lines(picture, (1, 2))[1]


def test_a_run_that_cycles_pairs_may_also_program_the_array():
    picture = picture_of(
        news(
            **PAIR,
            **cycled(),
            array_pattern=[bits([0, 0, 0], [0, 0, 0])],
            array_resistance=[ohms(SHAPE, 3e4)],
            array_sensed=[bits([0, 0, 1], [0, 0, 0])],
        )
    )
    assert picture.errors.sum() == 1
    assert picture.ohm[0, 0].tolist() == [3e4, 3e4]
    np.testing.assert_allclose(picture.ohm[1, 2], [1.1e4, 1.9e5])


def test_pairs_of_an_energy_run_are_counted():
    picture = picture_of(
        news(cycled_pairs=[np.array([7, 1, 0, 1])]),
        news(cycled_counts=[np.array([7, 0, 1, 100, 100, 0, 1, 0])]),
    )
    assert (picture.errors[0, 1], picture.trials[0, 1]) == (1, 100)


def test_victims_of_a_disturb_run_are_no_cycled_pairs():
    victims = np.array([[0, 0, 1, 1, 1]])
    picture = picture_of(news(pattern=[bits([0, 0, 0], [0, 0, 0])], pairs=[victims]))
    assert (picture.status == Status.NO_DATA).all()


def test_what_lies_outside_the_region_is_no_missing_data():
    model, of = ArrayModel(), folder(*SHAPE)
    of.record["parameters"] = {"region": "0:2,1:3"}
    model.absorb(of, news(pattern=[bits([0, 0, 0], [0, 0, 0])]))
    assert model.picture.status.tolist() == [
        [Status.LEFT_OUT, Status.NO_DATA, Status.NO_DATA],
        [Status.LEFT_OUT, Status.NO_DATA, Status.NO_DATA],
    ]
    assert "outside the region" in cell_lines(model.picture, (0, 0))[0]
    assert "no data" in cell_lines(model.picture, (0, 1))[0]


def test_a_sweep_leaves_both_devices_as_it_measured_them():
    picture = picture_of(
        news(
            rows={
                "Row": np.array([0.0]),
                "Column": np.array([2.0]),
                "Device": np.array(["BLb"], dtype=object),
                "After (ohm)": np.array([7e3]),
                "Complement after (ohm)": np.array([9e6]),
            }
        )
    )
    assert picture.ohm[0, 2].tolist() == [9e6, 7e3]
    assert picture.status[0, 2] == Status.USED


def test_a_run_that_was_cut_back_is_begun_anew():
    first = news(pattern=[bits([0, 0, 0], [0, 0, 0])], sensed=[bits([1, 1, 1], [0, 0, 0])])
    again = news(
        restarted=True, pattern=[bits([0, 0, 0], [0, 0, 0])], sensed=[bits([0, 0, 0], [0, 0, 0])]
    )
    picture = picture_of(first, again)
    assert (picture.errors.sum(), picture.trials.sum()) == (0, 6)


def test_a_record_without_geometry_is_refused_in_one_sentence():
    of = folder()
    of.record["chip"] = {}
    with pytest.raises(ValueError, match="does not tell the size of the array"):
        ArrayModel().absorb(of, news())


def test_memory_does_not_grow_with_the_run():
    def size(programmings):
        model, of = ArrayModel(), folder()
        for number in range(programmings):
            pattern = bits([number % 2] * 3, [1, 0, 1])
            model.absorb(
                of, news(pattern=[pattern], sensed=[pattern], resistance=[ohms(SHAPE, 1e4)])
            )
        arrays = [value for value in vars(model.picture).values() if hasattr(value, "nbytes")]
        return sum(value.nbytes for value in arrays), vars(model._sums._reads)

    few, many = size(2), size(500)
    assert few[0] == many[0]
    assert len(many[1]["_patterns"]) == 0


def test_a_cell_in_words():
    picture = picture_of(
        news(
            pattern=[bits([0, 0, 0], [0, 0, 0])],
            sensed=[bits([1, 0, 0], [0, 0, 0])],
            resistance=[ohms(SHAPE, 2e4)],
            forming_voltage=[np.full((3, 2), 2.345)],
            unformed=[np.zeros((3, 2), np.uint8)],
            pulses={"set": np.full((2, 3, 2), 4), "form": np.zeros((2, 3, 2), np.int64)},
        )
    )
    where, read, history = cell_lines(picture, (0, 0))
    assert where == "Row 0, column 0 (AR4-0 00000, AC4-0 00000): in use"
    assert read == "bit read 1, written 0 · BL 20 kΩ, BLb 20 kΩ · HRS/LRS 1"
    assert history == (
        "BER 1.0 [2.50e-2, 1.00], 1 of 1 · pulses BL/BLb SET 4/4 · formed at BL 2.35 V, BLb 2.35 V"
    )
    assert address_text((5, 30)) == "Row 5, column 30 (AR4-0 00101, AC4-0 11110)"
