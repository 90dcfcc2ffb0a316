"""Views of the plots: what is drawn of a picture, of overlaid runs, and of a selection."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.contract import RunStyle, View
from gui.models.conditions import ConditionsModel
from gui.models.endurance import MOST_CHOSEN, EnduranceModel
from gui.models.forming import FormingModel
from gui.models.iv import IVModel
from gui.models.rows import RowsModel
from gui.models.sense import SenseModel
from gui.models.sigma import SigmaModel
from gui.plots.export import FileKind
from gui.plots.figure import Panel
from gui.plots.series import Series
from gui.theme import Theme
from gui.views.conditions import ConditionsView
from gui.views.endurance import EnduranceView
from gui.views.forming import FormingView
from gui.views.iv import IVView
from gui.views.rows import RowsView
from gui.views.sense import SenseView
from gui.views.sigma import SigmaView
from labctl.analysis.error_rates import error_rate
from labctl.analysis.maps import NOT_READ
from labctl.report.conditions_figures import errors_text
from tests.gui.planted_news import (
    Arrays,
    absorbed,
    checkerboard,
    conditions_arrays,
    cut,
    endurance_steps,
    iv_steps,
    rows_news,
    run_folder,
)
from tests.gui.seen import outside
from tests.unit.planted_runs import forming_arrays

FRONT, OVERLAID = RunStyle("front run", 0), RunStyle("old run", 1)


def rows_model() -> RowsModel:
    model = RowsModel()
    x = np.arange(1.0, 101.0)
    rows = {"Step": x, "2T2R wrong bits": x % 7, "Median LRS (ohm)": 1e4 + x}
    model.absorb(run_folder(), rows_news(rows))
    return model


VIEWS: dict[type[View], Callable[[], Any]] = {
    EnduranceView: lambda: absorbed(EnduranceModel(), endurance_steps(3, 4)),
    SigmaView: lambda: absorbed(SigmaModel(), cut(checkerboard(), 12)),
    SenseView: lambda: absorbed(SenseModel(), cut(checkerboard(), 12)),
    ConditionsView: lambda: absorbed(ConditionsModel(), cut(conditions_arrays(), 12)),
    IVView: lambda: absorbed(IVModel(), iv_steps(3)),
    FormingView: lambda: absorbed(FormingModel(), cut(forming_arrays(), 32)),
    RowsView: rows_model,
}
EMPTY = {
    EnduranceView: EnduranceModel,
    SigmaView: SigmaModel,
    SenseView: SenseModel,
    ConditionsView: ConditionsModel,
    IVView: IVModel,
    FormingView: FormingModel,
    RowsView: RowsModel,
}
BY_NAME = {"argvalues": list(VIEWS), "ids": lambda view: view.__name__}


@pytest.fixture
def shown(qtbot: QtBot) -> Iterator[Callable[[type[View]], Any]]:
    # Kept until they are closed: a view that nothing refers to is torn down while it is painted.
    views: list[View] = []

    def show(kind: type[View]) -> View:
        view = kind()
        views.append(view)
        qtbot.addWidget(view)
        view.resize(600, 450)
        view.show()
        return view

    yield show
    for view in views:
        view.close()


def pictured(kind: type[View]) -> Any:
    return VIEWS[kind]().picture


def numbers(view: Any) -> int:
    """Finite points drawn in all panels."""
    return sum(
        int(np.isfinite(one.values.x).sum()) for panel in view.figure.panels for one in panel.drawn
    )


def items(view: Any) -> int:
    return len(view.figure.graphics.scene().items())


def series(panel: Panel, name: str, run: str = "front run") -> Series:
    told = (one for one in panel.drawn if isinstance(one, Series))
    (found,) = (one for one in told if (one.name, one.run) == (name, run))
    return found


def exported(view: Any, folder: Path, qtbot: QtBot) -> pd.DataFrame:
    """The data of a figure, as anybody reads them."""
    with qtbot.waitSignal(view.figure.told):
        view.figure.save(FileKind.CSV, folder / "data.csv")
    return pd.read_csv(folder / "data.csv", comment="#")


@pytest.mark.parametrize("kind", **BY_NAME)
def test_exported_rows_are_points_each_once_with_its_run(
    kind: type[View], shown: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    view, picture = shown(kind), pictured(kind)
    view.tell_origins(["SIMULATED bench · run front run", "REAL bench · run old run"])
    view.show_run("a", picture, FRONT)
    view.show_run("b", picture, OVERLAID)

    table = exported(view, tmp_path, qtbot)
    assert table["x"].notna().all()
    assert set(table["run"]) == {"front run", "old run"}
    assert not table.duplicated().any()
    comments = (tmp_path / "data.csv").read_text(encoding="utf-8").splitlines()[:2]
    assert comments == ["# SIMULATED bench · run front run", "# REAL bench · run old run"]


@pytest.mark.parametrize("kind", **BY_NAME)
def test_a_picture_is_drawn_and_forgotten(kind: type[View], shown: Any) -> None:
    view = shown(kind)
    view.show_run("a", pictured(kind), FRONT)
    drawn = numbers(view)

    view.forget_run("a")

    assert drawn > 0
    assert numbers(view) == 0
    assert not any(panel.drawn for panel in view.figure.panels)
    view.forget_run("a run that was never shown")


@pytest.mark.parametrize("kind", **BY_NAME)
def test_a_refresh_makes_no_items(kind: type[View], shown: Any) -> None:
    view, picture = shown(kind), pictured(kind)
    view.show_run("a", picture, FRONT)
    before = items(view)
    for _ in range(3):
        view.show_run("a", picture, FRONT)

    assert items(view) == before


@pytest.mark.parametrize("kind", **BY_NAME)
def test_a_run_that_has_told_nothing_yet_can_be_shown(kind: type[View], shown: Any) -> None:
    view = shown(kind)
    view.show_run("a", EMPTY[kind]().picture, FRONT)
    QApplication.processEvents()

    assert numbers(view) == 0
    view.show_run("a", pictured(kind), FRONT)
    assert numbers(view) > 0


@pytest.mark.parametrize("kind", **BY_NAME)
def test_views_are_painted_in_both_themes(kind: type[View], shown: Any) -> None:
    view = shown(kind)
    view.show_run("a", pictured(kind), FRONT)
    corners = []
    for dark in (False, True):
        view.figure.recolour(Theme(dark))
        QApplication.processEvents()
        image = view.figure.graphics.grab().toImage()
        corners.append(image.pixelColor(2, image.height() - 3))

    assert corners == [Theme(False).background, Theme(True).background]


@pytest.mark.parametrize("kind", **BY_NAME)
def test_the_whole_range_holds_everything_that_was_measured(kind: type[View], shown: Any) -> None:
    view, picture = shown(kind), pictured(kind)
    view.show_run("a", picture, FRONT)
    QApplication.processEvents()
    view.figure.graphics.grab()
    assert outside(view) == []

    for panel in view.figure.panels:
        panel.plot.setRange(xRange=(0.1, 0.2), yRange=(0.1, 0.2), padding=0)
    assert outside(view)
    view.figure.whole_range()
    QApplication.processEvents()
    view.figure.graphics.grab()
    assert outside(view) == []


@pytest.mark.parametrize("kind", **BY_NAME)
def test_empty_axes_give_way_to_what_there_will_be(kind: type[View], shown: Any) -> None:
    view = shown(kind)
    view.promise("Something of this. From: that.")
    assert view.figure.promised == "Something of this. From: that."
    assert not view.figure.graphics.isVisible()

    view.show_run("a", EMPTY[kind]().picture, FRONT)
    assert view.figure.promised
    view.show_run("a", pictured(kind), FRONT)
    assert not view.figure.promised
    assert view.figure.graphics.isVisible()
    view.forget_run("a")
    assert view.figure.promised


@pytest.mark.parametrize("kind", **BY_NAME)
def test_an_overlaid_run_is_drawn_beside_and_named(kind: type[View], shown: Any) -> None:
    view, picture = shown(kind), pictured(kind)
    view.show_run("a", picture, FRONT)
    alone = numbers(view)
    view.show_run("b", picture, OVERLAID)

    assert numbers(view) > alone
    assert any("old run" in name for name in view.figure.legend.names)
    view.forget_run("b")
    assert numbers(view) == alone
    assert not any("old run" in name for name in view.figure.legend.names)


@pytest.mark.parametrize("kind", **BY_NAME)
def test_a_run_that_changes_its_place_changes_its_look(kind: type[View], shown: Any) -> None:
    view, picture = shown(kind), pictured(kind)
    view.show_run("a", picture, FRONT)
    looks = [one._looks(Theme(False)) for one in view.figure.panels[0].drawn]
    view.show_run("a", picture, OVERLAID)
    others = [one._looks(Theme(False)) for one in view.figure.panels[0].drawn]

    assert len(others) <= len(looks)
    assert numbers(view) > 0


# --- endurance ---------------------------------------------------------------------------------


def test_endurance_draws_medians_at_the_middle_and_windows_over_their_cycles(shown: Any) -> None:
    view, picture = shown(EnduranceView), pictured(EnduranceView)
    view.show_run("a", picture, FRONT)

    panel = view.resistance["BL"]
    bands = [span.bands["BL HRS"] for span in picture.pooled]
    medians = series(panel, "BL HRS, median").values
    assert medians.x.tolist() == [span.rates.cycle for span in picture.pooled]
    assert medians.y.tolist() == [band.median_ohm for band in bands]
    windows = series(panel, "BL HRS, windows").values
    first = picture.pooled[0].rates
    assert windows.x[:2].tolist() == [first.first, first.last]
    assert np.isnan(windows.x[2])


def test_endurance_draws_the_selected_pair(shown: Any) -> None:
    view, picture = shown(EnduranceView), pictured(EnduranceView)
    view.show_run("a", picture, FRONT)
    assert "3 pairs together" in view.caption.text()

    view.set_selection(frozenset({(3, 2)}))

    assert view.caption.text().startswith("Row 3 column 2: median and 1 to 99 %")
    bands = [window.bands["BLb LRS"] for window in picture.pairs[1].windows]
    drawn = series(view.resistance["BLb"], "BLb LRS, median").values.y
    assert drawn.tolist() == [band.median_ohm for band in bands]
    view.set_selection(frozenset())
    assert view.caption.text().startswith("3 pairs together")
    view.set_selection(frozenset((row, 31) for row in range(MOST_CHOSEN + 1)))
    assert view.caption.text().startswith("All 3 pairs together (at most 16")


def test_endurance_without_resistances_gives_the_room_to_the_rates(shown: Any) -> None:
    steps: list[Arrays] = [
        {name: step[name] for name in ("pairs", "window_counts") if name in step}
        for step in endurance_steps(2, 3)
    ]
    view = shown(EnduranceView)
    view.show_run("a", absorbed(EnduranceModel(), steps).picture, FRONT)

    assert not view.resistance["BL"].plot.isVisible()
    assert view.figure.legend.names == ["BER, 2T2R sensed"]
    assert "resistances not read" in view.caption.text()


def test_endurance_draws_all_pairs_at_one_reference_with_intervals(shown: Any) -> None:
    view, picture = shown(EnduranceView), pictured(EnduranceView)
    view.show_run("a", picture, FRONT)

    drawn = series(view.rates, "1T1R best reference for all pairs").values
    rates = [span.rates.common for span in picture.pooled]
    assert drawn.y.tolist() == [rate.value for rate in rates]
    assert drawn.low is not None
    assert drawn.low.tolist() == [rate.low for rate in rates]
    assert "BER, 1T1R best reference for all pairs" in view.figure.legend.names
    view.set_selection(frozenset({(3, 2)}))
    (pair,) = picture.of_cells(frozenset({(3, 2)}))
    drawn = series(view.rates, "1T1R best reference for all pairs").values
    assert drawn.y.tolist() == [window.common.rate.value for window in pair.windows]


def test_a_pair_alone_has_no_reference_for_all_pairs(shown: Any) -> None:
    view = shown(EnduranceView)
    view.show_run("a", absorbed(EnduranceModel(), endurance_steps(1, 3)).picture, FRONT)

    assert series(view.rates, "1T1R best reference for all pairs").values.y.size == 0
    assert not any("all pairs" in name for name in view.figure.legend.names)


def test_symbols_tell_what_is_drawn_and_colours_of_which_run(shown: Any) -> None:
    view, picture = shown(EnduranceView), pictured(EnduranceView)
    view.show_run("a", picture, FRONT)
    view.show_run("b", picture, OVERLAID)

    entries = dict(view.figure.legend._entries)
    assert entries["in front: front run"] is None
    old = entries["old run"]
    assert (old.symbol, old.line) == (None, Qt.PenStyle.DashLine)
    for panel in view.figure.panels:
        by_name: dict[str, list[Series]] = {}
        for one in panel.drawn:
            if isinstance(one, Series):
                by_name.setdefault(one.name, []).append(one)
        for mine, other in by_name.values():
            assert (mine.look.symbol, mine.look.filled) == (other.look.symbol, other.look.filled)
            assert other.look.colour.rgb() == old.colour.rgb() != mine.look.colour.rgb()
    marks = [(look.symbol, look.filled) for look in entries.values() if look and look.symbol]
    rates = marks[2:]
    assert len(set(rates)) == len(rates) == 4


def stopped_after(pairs: int, windows: int, steps: list[Arrays]) -> list[Arrays]:
    """Without the last of so many windows, of all pairs from the one of that number on."""

    def is_done(step: Arrays) -> bool:
        pair, window = step["window_counts"][0][:2] if "window_counts" in step else (0, 0)
        return bool(window < windows - 1 or pair < pairs)

    return [step for step in steps if is_done(step)]


def test_the_run_in_front_is_drawn_above_the_overlaid_ones(shown: Any) -> None:
    view, picture = shown(EnduranceView), pictured(EnduranceView)
    view.show_run("a", picture, FRONT)
    view.show_run("b", picture, OVERLAID)

    for panel in view.figure.panels:
        told = [one for one in panel.drawn if isinstance(one, Series)]
        heights = {
            run: {item.zValue() for one in told if one.run == run for item in one.items}
            for run in ("front run", "old run")
        }
        assert min(heights["front run"]) > max(heights["old run"])


def test_windows_of_fewer_pairs_are_told_and_ringed(
    shown: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    view = shown(EnduranceView)
    picture = absorbed(EnduranceModel(), stopped_after(3, 5, endurance_steps(4, 5))).picture
    view.show_run("a", picture, FRONT)

    last = picture.pooled[-1].rates
    assert [span.rates.pairs for span in picture.pooled] == [4, 4, 4, 4, 3]
    assert "4 pairs together (last window: 3 of 4 pairs, ringed)" in view.caption.text()
    assert "window of fewer pairs" in view.figure.legend.names
    for panel in (view.rates, *view.resistance.values()):
        rings = series(panel, "window of fewer pairs")
        assert set(rings.values.x.tolist()) == {last.cycle}
        assert rings._points.opts["brush"].style() is Qt.BrushStyle.NoBrush
    table = exported(view, tmp_path, qtbot)
    told = table[table["series"] == "BL HRS, median"]
    assert told["pairs"].tolist() == [4, 4, 4, 4, 3]

    # The pair that was left behind has all of its own windows.
    view.set_selection(frozenset({(picture.pairs[3].row, picture.pairs[3].column)}))
    assert "ringed" not in view.caption.text()
    assert "window of fewer pairs" not in view.figure.legend.names


def test_endurance_exports_a_row_a_window(shown: Any, tmp_path: Path, qtbot: QtBot) -> None:
    view, picture = shown(EnduranceView), pictured(EnduranceView)
    view.show_run("a", picture, FRONT)

    table = exported(view, tmp_path, qtbot)
    told = table[table["series"] == "BLb LRS, median"]
    assert told["x first"].tolist() == [span.rates.first for span in picture.pooled]
    assert told["x last"].tolist() == [span.rates.last for span in picture.pooled]
    bands = [span.bands["BLb LRS"] for span in picture.pooled]
    assert told["y"].tolist() == [band.median_ohm for band in bands]
    assert told["y low"].tolist() == [band.low_ohm for band in bands]
    assert told["y high"].tolist() == [band.high_ohm for band in bands]
    rates = table[table["series"] == "2T2R"]
    assert rates["errors"].tolist() == [s.rates.ber_2t2r.errors for s in picture.pooled]
    assert rates["trials"].tolist() == [s.rates.ber_2t2r.trials for s in picture.pooled]
    singles = table[table["series"] == "2T2R, single pairs"]
    windows = [(p.row, w.count.first) for p in picture.pairs for w in p.windows]
    assert list(zip(singles["row"], singles["x first"], strict=True)) == windows


# --- the others --------------------------------------------------------------------------------


def test_selected_cells_stand_on_the_sigma_plot(shown: Any) -> None:
    view, arrays = shown(SigmaView), checkerboard()
    view.show_run("a", pictured(SigmaView), FRONT)
    view.set_selection(frozenset({(4, 9)}))

    marked = series(view.panel, "selected cells, last reading").values
    assert sorted(marked.x.tolist()) == sorted(arrays["resistance"][-1, 4, 9].tolist())
    assert (np.abs(marked.y) < 4).all()
    view.set_selection(frozenset())
    assert series(view.panel, "selected cells, last reading").values.x.size == 0


def test_sense_counts_wrong_bits_in_the_lower_panel(shown: Any) -> None:
    view, picture = shown(SenseView), pictured(SenseView)
    view.show_run("a", picture, FRONT)

    (band,) = view.wrong.drawn
    assert band.values.high.sum() / 2 == sum(one.rate.errors for one in picture.errors.bins)


def test_conditions_have_a_panel_for_each_reset_voltage(shown: Any) -> None:
    view, picture = shown(ConditionsView), pictured(ConditionsView)
    view.show_run("a", picture, FRONT)

    assert sorted(view.panels) == [1.5, 2.5]
    point = next(p for p in picture.points if (p.reset_v, p.set_compliance_a) == (1.5, 28e-6))
    drawn = series(view.panels[1.5], "SET 28 µA").values
    assert drawn.y.tolist() == [point.mean]
    assert drawn.high is not None
    assert drawn.high.tolist() == [max(point.per_kilobit)]


def test_the_next_run_has_panels_of_its_own_voltages(shown: Any) -> None:
    arrays = conditions_arrays()
    arrays["condition"][:, 1] = 2.0
    view = shown(ConditionsView)
    view.show_run("a", pictured(ConditionsView), FRONT)
    before = items(view)
    view.forget_run("a")
    QApplication.processEvents()
    view.show_run("b", absorbed(ConditionsModel(), cut(arrays, 12)).picture, FRONT)

    assert list(view.panels) == [2.0]
    assert len(view.figure.panels) == 1
    assert items(view) < before


def clean_conditions() -> Any:
    """Nothing wrong at 28 µA and 1.5 V, nor in the first repetition at 55 µA."""
    arrays = conditions_arrays()
    for number in (0, 1, 2, 6):
        read = arrays["sensed"][number] != NOT_READ
        arrays["sensed"][number][read] = arrays["pattern"][number][read]
    return absorbed(ConditionsModel(), cut(arrays, 12)).picture


FLOOR = 1024 / 23 / 3 / 3
"""A third of one wrong bit in all three repetitions of 23 bits, per kilobit: as in the report."""


def test_a_condition_without_an_error_is_told_as_in_the_report(shown: Any) -> None:
    view, picture = shown(ConditionsView), clean_conditions()
    view.show_run("a", picture, FRONT)
    panel = view.panels[1.5]

    line, clean = series(panel, "SET 28 µA"), series(panel, "SET 28 µA, no error")
    assert line.values.y.tolist() == clean.values.y.tolist() == [pytest.approx(FLOOR)]
    assert not clean.look.filled
    assert series(panel, "SET 55 µA, no error").values.y.size == 0
    place = math.log10(FLOOR)
    levels = panel.y.tickValues(place - 0.1, 3.0, 400)
    named = panel.y.tickStrings(levels[0][1], 1.0, levels[0][0])
    point = next(p for p in picture.points if not p.mean)
    assert named[0] == f"< {point.least_seen:.3g}"
    assert errors_text(point).startswith(named[0])
    assert all(v > place for _, values in levels for v in values if v != levels[0][1][0])
    assert "'<' is what one wrong bit in one repetition would be" in view.caption.text()


def test_the_line_of_no_error_follows_the_repetitions_of_all_runs(shown: Any) -> None:
    arrays = conditions_arrays()
    arrays["condition"][:, 0] = 28e-6
    view = shown(ConditionsView)
    view.show_run("a", clean_conditions(), FRONT)
    view.show_run("b", absorbed(ConditionsModel(), cut(arrays, 12)).picture, OVERLAID)

    clean = series(view.panels[1.5], "SET 28 µA, no error").values.y
    assert clean.tolist() == [pytest.approx(FLOOR / 2)]
    view.forget_run("b")
    clean = series(view.panels[1.5], "SET 28 µA, no error").values.y
    assert clean.tolist() == [pytest.approx(FLOOR)]


def test_conditions_export_where_they_were_measured_and_bounds_as_bounds(
    shown: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    view, picture = shown(ConditionsView), clean_conditions()
    view.show_run("a", picture, FRONT)

    table = exported(view, tmp_path, qtbot)
    assert set(table["x"]) == {1e-6}
    assert len(table) == len(picture.points) == 4
    (clean,) = table[table["errors"] == 0].to_dict("records")
    assert (clean["SET compliance (A)"], clean["RESET voltage (V)"]) == (28e-6, 1.5)
    assert clean["upper bound"]
    assert math.isnan(clean["y"])
    assert clean["y high"] == pytest.approx(1024 * error_rate(0, 3 * 23).high)
    assert not table["upper bound"][table["errors"] > 0].any()


def test_a_bar_reaches_down_where_a_repetition_had_no_error(shown: Any) -> None:
    view, picture = shown(ConditionsView), clean_conditions()
    view.show_run("a", picture, FRONT)

    point = next(p for p in picture.points if (p.reset_v, p.set_compliance_a) == (1.5, 55e-6))
    assert min(point.errors) == 0 < max(point.errors)
    drawn = series(view.panels[1.5], "SET 55 µA")
    assert drawn.values.low is not None
    assert drawn.values.low.tolist() == [pytest.approx(FLOOR)]
    assert np.isfinite(drawn._bars.getData()[1]).sum() == 2


def test_overlaid_conditions_keep_their_symbols_and_take_the_colour_of_their_run(
    shown: Any,
) -> None:
    arrays = conditions_arrays()
    arrays["condition"][:6, 0] = 110e-6
    arrays["condition"][6:, 1] = 2.0
    other = absorbed(ConditionsModel(), cut(arrays, 12)).picture
    view = shown(ConditionsView)
    view.show_run("a", pictured(ConditionsView), FRONT)
    alone = [series(view.panels[1.5], f"SET {n} µA").look for n in (28, 55)]
    view.show_run("b", other, OVERLAID)

    assert sorted(view.panels) == [1.5, 2.0, 2.5]
    mine = [series(view.panels[1.5], f"SET {n} µA").look for n in (28, 55)]
    its = series(view.panels[2.0], "SET 55 µA", "old run").look
    new = series(view.panels[1.5], "SET 110 µA", "old run").look
    assert len({look.colour.rgb() for look in alone}) == 2
    assert len({(look.colour.rgb(), look.line) for look in mine}) == 1
    assert [look.symbol for look in mine] == [look.symbol for look in alone]
    assert its.symbol == mine[1].symbol
    assert len({look.symbol for look in (*mine, new)}) == 3
    assert (its.colour.rgb(), its.line) == (new.colour.rgb(), new.line)
    assert its.line != mine[0].line
    names = view.figure.legend.names
    assert names == ["SET 28 µA", "SET 55 µA", "SET 110 µA", "front run", "old run"]

    view.forget_run("b")
    assert sorted(view.panels) == [1.5, 2.5]
    again = [series(view.panels[1.5], f"SET {n} µA").look for n in (28, 55)]
    assert [look.colour.rgb() for look in again] == [look.colour.rgb() for look in alone]


def test_iv_brings_selected_devices_to_the_front(shown: Any) -> None:
    view = shown(IVView)
    view.show_run("a", pictured(IVView), FRONT)
    assert "In front: row 2 column 0 BLb." in view.caption.text()

    view.set_selection(frozenset({(0, 0)}))

    assert "In front: row 0 column 0 BLb." in view.caption.text()
    assert np.isfinite(series(view.panel, "SET").values.x).sum() == 82


def test_iv_draws_the_same_device_of_an_overlaid_run(shown: Any) -> None:
    view = shown(IVView)
    view.show_run("b", absorbed(IVModel(), iv_steps(5)).picture, OVERLAID)
    view.show_run("a", absorbed(IVModel(), iv_steps(3)).picture, FRONT)

    def places() -> list[set[int]]:
        return [{sweep.row for sweep in view._in_front(view.runs[run])} for run in ("a", "b")]

    # Device 2 was swept last in front; the other run went on to device 4.
    assert places() == [{2}, {2}]
    assert np.isfinite(series(view.panel, "SET", "old run").values.x).sum() == 82
    assert series(view.panel, "earlier sweeps", "old run").values.x.size == 0
    looks = [series(view.panel, "SET", run).look for run in ("front run", "old run")]
    assert looks[0].colour.rgb() != looks[1].colour.rgb()
    assert looks[0].line == looks[1].line

    view.set_selection(frozenset({(0, 0), (4, 0)}))
    assert places() == [{0}, {0}]
    assert view.figure.legend.names[-2:] == ["in front: front run", "old run"]


def test_iv_draws_the_last_device_of_a_run_that_has_not_swept_the_same(shown: Any) -> None:
    view = shown(IVView)
    view.show_run("a", absorbed(IVModel(), iv_steps(5)).picture, FRONT)
    view.show_run("b", absorbed(IVModel(), iv_steps(2)).picture, OVERLAID)

    assert {sweep.row for sweep in view._in_front(view.runs["b"])} == {1}
    assert series(view.panel, "switched", "old run").values.x.size == 2


def test_forming_draws_the_paper_that_is_chosen(shown: Any) -> None:
    view = shown(FormingView)
    view.show_run("a", pictured(FormingView), FRONT)
    weibull = series(view.panel, "Kaplan-Meier").values.y

    view.paper.setCurrentText("Lognormal")

    lognormal = series(view.panel, "Kaplan-Meier").values.y
    assert abs(np.median(lognormal)) < 0.01
    assert np.median(weibull) == pytest.approx(np.log(np.log(2)), abs=0.01)
    assert "2\u202f047 formed, 1 never" in view.figure.legend.names[0]


# --- rows --------------------------------------------------------------------------------------


def test_rows_begin_with_a_column_that_was_measured(shown: Any) -> None:
    view = shown(RowsView)
    view.show_run("a", pictured(RowsView), FRONT)

    assert view.x_chooser.currentText() == "Row of the file"
    assert view.y_chooser.currentText() == "2T2R wrong bits"


def test_rows_draw_the_chosen_columns_with_their_units(shown: Any) -> None:
    view = shown(RowsView)
    view.show_run("a", pictured(RowsView), FRONT)
    view.choose("Step", "Median LRS (ohm)")
    view.log_x.setChecked(True)

    points = view.figure.panels[0].drawn[1].values
    assert points.x == pytest.approx(np.arange(1.0, 101.0))
    assert points.y == pytest.approx(1e4 + np.arange(1.0, 101.0))
    assert view.figure.panels[0].y.text.label == "Median LRS (Ω)"


def test_many_rows_are_drawn_bounded_and_an_outlier_stays(shown: Any, qtbot: QtBot) -> None:
    model, view = RowsModel(), shown(RowsView)
    generator = np.random.default_rng(4)
    values = generator.normal(size=300_000)
    values[123_456] = 99.0
    model.absorb(run_folder(), rows_news({"value": values}))
    view.show_run("a", model.picture, FRONT)
    qtbot.waitUntil(lambda: view.is_caught_up)
    line = view.figure.panels[0].drawn[0]
    before = line.values
    model.absorb(run_folder(), rows_news({"value": [-99.0]}))
    view.show_run("a", model.picture, FRONT)

    assert before.x.size <= 3000
    assert before.y.max() == 99.0
    assert line.values.y.min() == -99.0
    assert line.values.x.max() == 300_000


def test_a_long_run_that_tells_no_more_comes_in_place_of_the_promise(
    shown: Any, qtbot: QtBot
) -> None:
    model, view = RowsModel(), shown(RowsView)
    view.promise("rows")
    model.absorb(run_folder(), rows_news({"value": np.arange(1_000_000.0) % 7}))
    view.show_run("a", model.picture, FRONT)
    assert not view.is_caught_up

    qtbot.waitUntil(lambda: view.is_caught_up)

    assert not view.figure.promised
    assert view.figure.graphics.isVisible()


def test_rows_whose_x_falls_are_drawn_as_points(shown: Any) -> None:
    model, view = RowsModel(), shown(RowsView)
    model.absorb(run_folder(), rows_news({"x": [1.0, 2.0, 3.0], "y": [5.0, 6.0, 7.0]}))
    view.show_run("a", model.picture, FRONT)
    view.choose("x", "y")
    line, points = view.figure.panels[0].drawn
    assert line._joined

    model.absorb(run_folder(), rows_news({"x": [0.0], "y": [8.0]}))
    view.show_run("a", model.picture, FRONT)

    assert not line._joined
    assert points.values.y.tolist() == [5.0, 6.0, 7.0, 8.0]


def test_a_run_without_the_chosen_column_is_left_out(shown: Any) -> None:
    view = shown(RowsView)
    view.show_run("a", pictured(RowsView), FRONT)
    other = RowsModel()
    other.absorb(run_folder(), rows_news({"Step": [1.0], "something else": [2.0]}))
    view.show_run("b", other.picture, OVERLAID)
    view.choose("Step", "2T2R wrong bits")

    assert view._runs["b"].line.values.x.size == 0
    view.choose("Step", "something else")
    assert view._runs["b"].points.values.y.tolist() == [2.0]
    assert view._runs["a"].points.values.y.size == 0


def test_the_exported_data_are_all_rows_not_those_drawn(
    shown: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    model, view = RowsModel(), shown(RowsView)
    model.absorb(run_folder(), rows_news({"V (V)": np.arange(5_000.0)}))
    view.show_run("a", model.picture, FRONT)
    with qtbot.waitSignal(view.figure.told):
        view.figure.save(FileKind.CSV, tmp_path / "rows.csv")

    lines = (tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 5_000
    assert lines[-1] == "front run,,V (V),Row of the file,4999.0,V (V),4999.0,,,False"


def test_zooming_into_a_long_run_shows_every_row_there(shown: Any, qtbot: QtBot) -> None:
    model, view = RowsModel(), shown(RowsView)
    model.absorb(run_folder(), rows_news({"value": np.arange(100_000.0) % 17}))
    view.show_run("a", model.picture, FRONT)
    line = view.figure.panels[0].drawn[0]
    in_sight = (line.values.x >= 50_000) & (line.values.x <= 50_100)
    assert in_sight.sum() < 10

    box = view.figure.panels[0].plot.getViewBox()
    box.setRange(xRange=(50_000, 50_100), padding=0)
    box.sigRangeChangedManually.emit(box.state["mouseEnabled"])
    qtbot.waitUntil(lambda: line.values.x.size < 1000)

    x = line.values.x
    assert x[(x >= 50_000) & (x <= 50_100)].tolist() == list(range(50_000, 50_101))
    view.figure.whole_range()
    qtbot.waitUntil(lambda: view.is_caught_up)
    assert (line.values.x[0], line.values.x[-1]) == (0, 99_999)
