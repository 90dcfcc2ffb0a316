"""What every cell has been through: kept in bounded memory, drawn for the selected cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PyQt6.QtWidgets import QApplication

from gui.contract import RunStyle
from gui.models.array import ArrayModel
from gui.models.cell_history import BLOCK, COUNTS, GROUPS, CellHistoryModel
from gui.models.thinned import Thinned
from gui.plots.export import FileKind
from gui.views.cell_history import CELLS_SHOWN, CellHistoryView
from labctl.analysis.maps import NOT_READ, UNDECIDED
from labctl.runs import run
from tests.gui.seen import outside
from tests.gui.told import absorbed, bits, figures_undrawn, folder, news, ohms
from tests.simulated import request, small_setup

FRONT = RunStyle("first", 0)


@pytest.fixture(scope="module")
def checkerboard(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkerboard")
    asked = request(small_setup(path, rows=2), path, die="a", seed=5, programmings=3)
    with figures_undrawn():
        return run(asked)


@pytest.fixture(scope="module")
def endurance(tmp_path_factory):
    path = tmp_path_factory.mktemp("endurance")
    values = {"cycles": 400, "pairs": 2, "windows": 2, "window_cycles": 100}
    asked = request(
        small_setup(path, rows=2), path, "endurance", seed=5, resistance_cycles=40, **values
    )
    with figures_undrawn():
        return run(asked)


def picture_of(*told, most_bytes=1 << 25, shape=(2, 3)):
    model, of = CellHistoryModel(most_bytes), folder(*shape)
    for one in told:
        model.absorb(of, one)
    return model.picture


def one_read(bit, sensed, ohm=1e4):
    return news(
        pattern=[bits([bit] * 3, [bit] * 3)],
        sensed=[bits([sensed] * 3, [bit] * 3)],
        resistance=[ohms((2, 3), ohm)],
    )


# --- the model ---------------------------------------------------------------------------------


def test_a_run_gives_what_its_arrays_hold(checkerboard):
    picture = absorbed(CellHistoryModel(), checkerboard.path)
    assert (picture.reads, picture.kept) == (6, 6)
    for cell in ((0, 0), (1, 7)):
        reads = picture.cell(cell)
        assert reads.number.tolist() == [1, 2, 3, 4, 5, 6]
        for name, values in (("pattern", reads.written), ("sensed", reads.sensed)):
            np.testing.assert_array_equal(values, checkerboard.array(name)[:, *cell])
        stored = checkerboard.array("resistance")[:, *cell]
        np.testing.assert_allclose(reads.ohm, stored, rtol=1e-6)


def test_only_the_latest_reads_are_kept_and_the_picture_says_so():
    one = 6 * (1 + 1 + 2 * 4)
    model, of = CellHistoryModel(3 * BLOCK * one), folder()
    for number in range(10 * BLOCK + 5):
        model.absorb(of, one_read(number % 2, number % 2, ohm=float(number)))
    picture = model.picture
    assert picture.reads == 10 * BLOCK + 5
    assert 3 * BLOCK <= picture.kept <= 4 * BLOCK
    reads = picture.cell((0, 0))
    assert reads.number[-1] == picture.reads
    assert reads.ohm[:, 0].tolist() == (reads.number - 1.0).tolist()


def test_a_picture_stays_as_it_is():
    model, of = CellHistoryModel(), folder()
    model.absorb(of, one_read(0, 0))
    before = model.picture
    model.absorb(of, one_read(1, 1))
    assert before.cell((0, 0)).written.tolist() == [0]
    assert model.picture.cell((0, 0)).written.tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        model.picture.blocks[0].ohm[0] = 1.0


def test_a_run_that_was_cut_back_is_begun_anew():
    picture = picture_of(one_read(0, 0), news(restarted=True), one_read(1, 1))
    assert picture.cell((0, 0)).written.tolist() == [1]


def test_before_any_read_there_is_nothing():
    assert CellHistoryModel().picture is None
    picture = picture_of(news())
    assert (picture.reads, picture.kept) == (0, 0)
    assert picture.cell((0, 0)).ohm.shape == (0, 2)


def test_cycled_pairs_give_their_readings_and_counts(endurance):
    picture = absorbed(CellHistoryModel(), endurance.path)
    places = [tuple(pair[1:]) for pair in endurance.array("pairs").tolist()]
    assert list(picture.pairs) == places
    of = endurance.array("resistance_of")
    for number, place in enumerate(places):
        history = picture.pairs[place]
        for bit, groups in history.after.items():
            asked = (of[:, 0] == number) & (of[:, 2] == bit)
            assert sum(asked) > 0
            stored = endurance.array("resistance")[asked]
            assert groups.cycle[0] == of[asked][0, 3]
            known = stored[~np.isnan(stored)]
            assert np.nanmin(groups.low) <= known.min()
            assert np.nanmax(groups.high) >= known.max()
        counts = [c for c in endurance.array("window_counts").tolist() if c[0] == number]
        assert [list(vars(count).values()) for count in history.counts] == counts
    # The map of the array shows the same last reading.
    last = absorbed(ArrayModel(), endurance.path).ohm[places[0]]
    groups = picture.pairs[places[0]].after[1]
    assert (groups.low[-1] <= last).all()
    assert (last <= groups.high[-1]).all()


def test_pairs_take_bounded_memory():
    model, of = CellHistoryModel(), folder()
    model.absorb(of, news(pairs=[np.array([0, 1, 1])]))
    for window in range(700):
        counts = np.array([0, window, window * 10 + 1, window * 10 + 10, 10, 0, 0, 0])
        model.absorb(
            of,
            news(
                window_counts=[counts],
                resistance=[np.full((5, 2), 1e4, np.float32)],
                censored=[np.zeros((5, 2), np.int8)],
                resistance_of=[np.array([0, window, 1, window * 10 + 2, 5])],
                resistance_range=[np.array([[1e3, 1e6], [1e3, 1e6]])],
            ),
        )
    history = model.picture.pairs[1, 1]
    assert len(history.counts) == COUNTS
    assert history.counts[-1].window == 699
    assert GROUPS // 2 <= len(history.after[1].cycle) <= GROUPS + 1


def test_groups_hold_every_extreme_however_the_readings_come():
    rng = np.random.default_rng(3)
    values = rng.lognormal(10, 1, (12_345, 2))
    values[rng.integers(0, len(values), 40), 0] = np.nan
    values[7_777, 1] = 1e12
    cycles = np.arange(1.0, len(values) + 1)
    whole, pieces = Thinned(64), Thinned(64)
    whole.add(cycles, values)
    begin = 0
    while begin < len(values):
        end = begin + int(rng.integers(1, 300))
        pieces.add(cycles[begin:end], values[begin:end])
        begin = end
    for groups in (whole.groups, pieces.groups):
        assert len(groups.cycle) <= 65
        assert groups.high.max() == 1e12
        np.testing.assert_array_equal(np.nanmin(groups.low, axis=0), np.nanmin(values, axis=0))
        each = groups.readings
        for number, first in enumerate(groups.cycle.astype(int) - 1):
            part = values[first : first + each]
            np.testing.assert_array_equal(groups.low[number], np.nanmin(part, axis=0))
            np.testing.assert_array_equal(groups.high[number], np.nanmax(part, axis=0))
    np.testing.assert_array_equal(whole.groups.cycle, pieces.groups.cycle)


def test_few_readings_are_kept_one_by_one():
    thinned = Thinned(4)
    thinned.add(np.array([1.0, 3.0]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    groups = thinned.groups
    assert groups.readings == 1
    np.testing.assert_array_equal(groups.low, groups.high)


# --- the view ----------------------------------------------------------------------------------


@pytest.fixture
def view(qtbot):
    shown = CellHistoryView()
    qtbot.addWidget(shown)
    shown.resize(520, 260)
    shown.show()
    qtbot.waitExposed(shown)
    return shown


def drawn(view, place, device):
    return view._lines[place].devices[device].values


def test_it_draws_the_selected_cells_of_the_run_in_front(view):
    view.show_run("r", picture_of(one_read(0, 0, 1e4), one_read(1, 1, 2e4)), FRONT)
    assert drawn(view, 0, 0).y.size == 0
    assert view.words.text() == "Select cells on the map."
    view.set_selection(frozenset({(0, 1)}))
    assert drawn(view, 0, 0).x.tolist() == [1, 2]
    assert drawn(view, 0, 1).y.tolist() == [1e4, 2e4]
    assert view.figure.legend.names == ["row 0 column 1, BL", "BLb"]
    view.show_run("r", picture_of(one_read(0, 0, 3e4)), FRONT)
    assert drawn(view, 0, 0).y.tolist() == [3e4]
    view.show_run("other", picture_of(one_read(0, 0, 9e4)), RunStyle("second", 1))
    assert drawn(view, 0, 0).y.tolist() == [3e4]
    view.forget_run("r")
    np.testing.assert_allclose(drawn(view, 0, 0).y, [9e4])
    view.forget_run("other")
    assert drawn(view, 0, 0).y.size == 0


def test_the_same_cell_of_other_runs_is_drawn_beside(view):
    told = picture_of(one_read(0, 0, 1e4), one_read(1, 1, 2e4))
    view.show_run("r", told, FRONT)
    view.show_run("other", picture_of(one_read(0, 0, 9e4)), RunStyle("second", 1))
    view.show_run("small", picture_of(one_read(0, 0, 7e4)), RunStyle("third", 2))
    view.set_selection(frozenset({(0, 1), (1, 2)}))

    assert drawn(view, 0, 0).y.tolist() == [1e4, 2e4]
    np.testing.assert_allclose(view._overlaid[1].devices[0].values.y, [9e4])
    np.testing.assert_allclose(view._overlaid[2].devices[1].values.y, [7e4])
    # Of several runs the first selected cell alone.
    assert drawn(view, 1, 0).y.size == 0
    assert view.words.text() == "1 of 2 selected"
    assert view.figure.legend.names == [
        "front: row 0 column 1, BL",
        "BLb",
        "1: second",
        "2: third",
    ]
    looks = [lines.points[0].look for lines in (view._lines[0], *view._overlaid.values())]
    assert len({look.symbol for look in looks}) == len({look.colour.rgb() for look in looks}) == 3

    view.forget_run("other")
    view.forget_run("small")
    assert drawn(view, 1, 0).y.size == 2
    assert view._overlaid[1].devices[0].values.y.size == 0


def test_a_run_that_does_not_have_the_cell_is_named_as_missing(view, endurance):
    cycled = absorbed(CellHistoryModel(), endurance.path)
    place = next(iter(cycled.pairs))
    view.show_run("r", cycled, FRONT)
    view.show_run("again", cycled, RunStyle("again", 1))
    view.show_run("reads", picture_of(one_read(0, 0), shape=(2, 3)), RunStyle("reads", 2))
    view.show_run("nothing", None, RunStyle("nothing", 3))
    view.set_selection(frozenset({place}))

    assert view._overlaid[1].points[0].values.x.size == view._lines[0].points[0].values.x.size
    assert list(view._overlaid) == [1]
    assert view.words.text().startswith("2 overlaid runs without it")

    # The other way round: cycles are no reads.
    view.forget_run("r")
    view.forget_run("again")
    view.show_run("reads", picture_of(one_read(0, 0)), FRONT)
    view.show_run("again", cycled, RunStyle("again", 1))
    view.set_selection(frozenset({(0, 1)}))
    assert drawn(view, 0, 0).y.size == 1
    assert "overlaid runs without it" in view.words.text()


def test_wrong_reads_stand_where_they_were_read(view):
    told = [one_read(0, 0), one_read(0, 1), one_read(1, UNDECIDED), one_read(1, NOT_READ)]
    view.show_run("r", picture_of(*told), FRONT)
    view.set_selection(frozenset({(0, 0)}))
    lines = view._lines[0]
    assert lines.written.values.y.tolist() == [0, 0, 1, 1]
    assert lines.wrong.values.x.tolist() == [2, 3]
    assert lines.wrong.values.y.tolist() == [1.0, 0.5]


def test_it_says_how_many_cells_it_leaves_out(view):
    view.show_run("r", picture_of(one_read(0, 0)), FRONT)
    view.set_selection(frozenset((row, column) for row in (0, 1) for column in (0, 1, 2)))
    assert view.words.text() == f"{CELLS_SHOWN} of 6 selected"
    assert drawn(view, CELLS_SHOWN - 1, 0).y.size == 1


def test_cells_that_the_array_does_not_have_are_left_out(view):
    view.show_run("r", picture_of(one_read(0, 0)), FRONT)
    view.set_selection(frozenset({(0, 0), (31, 31)}))
    assert drawn(view, 0, 0).y.size == 1
    assert view.words.text() == "1 of 2 selected"


def test_it_says_how_many_reads_it_leaves_out(view):
    told = [one_read(0, 0) for _ in range(3 * BLOCK)]
    view.show_run("r", picture_of(*told, most_bytes=1), FRONT)
    view.set_selection(frozenset({(0, 0)}))
    assert view.words.text() == f"the latest {2 * BLOCK} of {3 * BLOCK} reads"


def test_pairs_are_drawn_over_their_cycles(view, endurance):
    picture = absorbed(CellHistoryModel(), endurance.path)
    place = next(iter(picture.pairs))
    view.show_run("r", picture, FRONT)
    view.set_selection(frozenset({place}))
    values = view._lines[0].points[0].values
    assert (np.diff(values.x) >= 0).all()
    assert values.x[-1] <= 400
    assert view.ohms.x.text.name == "Cycle"
    assert view.ohms.x.text.log
    counts = view._lines[0].counts.values
    assert counts.y.tolist() == [
        count.zero_as_one + count.one_as_zero for count in picture.pairs[place].counts
    ]
    view.show_run("again", picture, RunStyle("again", 1))
    QApplication.processEvents()
    view.figure.graphics.grab()
    assert outside(view) == []
    view.forget_run("again")
    # A cell of the same run that was not cycled has nothing to show.
    view.set_selection(frozenset({place, (1, 7)}))
    assert view.words.text().startswith("1 of 2 selected")
    view.set_selection(frozenset({(1, 7)}))
    assert view.words.text() == "the run has not read the array so far"


def exported(view, folder, qtbot):
    with qtbot.waitSignal(view.figure.told):
        view.figure.save(FileKind.CSV, folder / "cell.csv")
    return pd.read_csv(folder / "cell.csv", comment="#")


def test_the_run_in_front_is_drawn_above_the_overlaid_ones(view):
    view.show_run("r", picture_of(one_read(0, 0)), FRONT)
    view.show_run("other", picture_of(one_read(0, 0)), RunStyle("second", 1))
    view.set_selection(frozenset({(0, 0)}))
    front, other = view._lines[0], view._overlaid[1]

    def heights(lines):
        return {item.zValue() for series in lines.all for item in series.items}

    assert min(heights(front)) > max(heights(other))


def test_bits_are_exported_as_they_were_and_every_reading_once(view, tmp_path, qtbot):
    view.show_run("r", picture_of(one_read(0, 0), one_read(1, 0)), FRONT)
    view.show_run("other", picture_of(one_read(1, 1, 9e4)), RunStyle("second", 1))
    view.set_selection(frozenset({(0, 0)}))

    table = exported(view, tmp_path, qtbot)
    assert not table.duplicated().any()
    assert set(table["row"]) == set(table["column"]) == {0}
    told = {key: part["y"].tolist() for key, part in table.groupby(["run", "series"])}
    assert told["first", "BL"] == told["first", "BLb"] == [1e4, 1e4]
    assert told["first", "written"] == [0, 1]
    assert told["first", "read wrong"] == [0]
    assert told["second", "BL"] == [9e4]
    # Drawn in a lane below.
    assert told["second", "written"] == [1]


def test_cycles_of_a_pair_are_exported_with_their_trials(view, endurance, tmp_path, qtbot):
    picture = absorbed(CellHistoryModel(), endurance.path)
    place, history = next(iter(picture.pairs.items()))
    view.show_run("r", picture, FRONT)
    view.set_selection(frozenset({place}))

    table = exported(view, tmp_path, qtbot)
    assert set(zip(table["row"], table["column"], strict=True)) == {place}
    counts = table[table["series"] == "wrong"]
    assert counts["trials"].tolist() == [each.sensed for each in history.counts]
    assert counts["x last"].tolist() == [each.last for each in history.counts]
    resistance = table[table["series"] == "BL"]
    assert len(resistance) == sum(len(each.cycle) for each in history.after.values())


def test_a_run_without_news_is_empty(view):
    view.show_run("r", None, FRONT)
    view.set_selection(frozenset({(0, 0)}))
    assert drawn(view, 0, 0).y.size == 0
    view.grab()
