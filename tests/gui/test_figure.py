"""Figures: axes, series, cross-hair, legend, themes, and what is exported."""

from __future__ import annotations

import doctest
import importlib
import math
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PyQt6 import sip
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QAction, QColor, QImage
from PyQt6.QtSvg import QSvgRenderer
from PyQt6.QtWidgets import QApplication, QFileDialog, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot

import gui.plots
from gui.contract import RunStyle
from gui.plots.axes import AxisText, Numbers, log_ticks
from gui.plots.data import COLUMNS
from gui.plots.export import FileKind
from gui.plots.figure import Figure, Panel
from gui.plots.rates import set_rates
from gui.plots.run_looks import HRS, LRS, part_look, run_look
from gui.plots.series import Look
from gui.theme import Theme
from labctl.analysis.error_rates import error_rate

CYCLES = AxisText("Cycles", "", Numbers.POWER, log=True)
OHMS = AxisText("R", "Ω", Numbers.PREFIX, log=True)
FRONT = RunStyle("a run", 0)

MODULES = sorted(module.name for module in pkgutil.iter_modules(gui.plots.__path__, "gui.plots."))


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


@pytest.fixture
def figure(qtbot: QtBot) -> Figure:
    figure = Figure("test")
    qtbot.addWidget(figure)
    figure.resize(600, 400)
    figure.show()
    return figure


@pytest.fixture
def panel(figure: Figure) -> Panel:
    return figure.panel(0, 0, CYCLES, OHMS, "BL device")


def items(figure: Figure) -> int:
    scene = figure.graphics.scene()
    assert scene is not None
    return len(scene.items())


def test_ticks_of_few_decades_name_numbers_between_them() -> None:
    (named,) = log_ticks(0.0, 0.5, 5, lambda low, high: [0.0, 1.0, 2.0, 3.0])

    assert named[1] == [0.0, math.log10(2), math.log10(3)]


def test_logarithmic_axes_draw_logarithms_and_leave_out_what_has_none(panel: Panel) -> None:
    series = panel.series("R", run_look(FRONT))
    series.set([1.0, 10.0, 100.0], [1e3, 0.0, 1e5])

    x, y = series._points.getData()

    assert x.tolist() == [0.0, 2.0]
    assert y.tolist() == [3.0, 5.0]
    assert series.values.y.tolist() == [1e3, 0.0, 1e5]


def test_other_scales_draw_the_same_values_anew(panel: Panel) -> None:
    series = panel.series("R", run_look(FRONT))
    series.set([1.0, 10.0], [1e3, 1e5])

    panel.show_axes(AxisText("Cycles"), AxisText("R", "Ω"))

    assert series._points.getData()[1].tolist() == [1e3, 1e5]


def test_rates_without_an_error_are_open_bounds_with_arrows(panel: Panel) -> None:
    series = panel.series("BER", run_look(FRONT))
    rates = [error_rate(5, 1000), error_rate(0, 1000), error_rate(0, 0)]
    set_rates(series, [10.0, 100.0, 1000.0], rates)

    assert series._points.getData()[0].tolist() == [1.0]
    assert series._arrows.getData()[0].tolist() == [2.0]
    assert series._bounds.getData()[1] == pytest.approx([math.log10(rates[1].high or 0)])
    bars = series._bars.getData()[1]
    assert 10 ** bars[:2] == pytest.approx([rates[0].low, rates[0].high])
    line = series._line.getData()[1]
    assert np.isfinite(line).tolist() == [True, False]


def test_a_panel_that_comes_late_gets_the_room_of_the_figure(figure: Figure) -> None:
    QApplication.processEvents()
    late = figure.panel(0, 0, CYCLES, OHMS)
    QApplication.processEvents()

    assert late.plot.size().height() > 0.8 * figure.graphics.height()


def test_a_refresh_makes_no_items(figure: Figure, panel: Panel) -> None:
    series, band = panel.series("R", run_look(FRONT)), panel.band("band", run_look(FRONT))
    counts = set()
    for number in range(2, 6):
        x = np.arange(1.0, number)
        series.set(x, x, low=x / 2, high=2 * x)
        band.set(x, x / 2, x * 2)
        counts.add(items(figure))

    assert len(counts) == 1


def test_what_is_removed_leaves_nothing_behind(figure: Figure, panel: Panel) -> None:
    before = items(figure)
    series, band = panel.series("R", run_look(FRONT)), panel.band("band", run_look(FRONT))
    panel.remove(series)
    panel.remove(band)

    assert items(figure) == before
    assert not panel.drawn


def test_zoom_stays_until_the_whole_range_is_asked_for(
    figure: Figure, panel: Panel, qtbot: QtBot
) -> None:
    series = panel.series("R", run_look(FRONT))
    series.set([1.0, 1e4], [1e3, 1e5])
    panel.plot.getViewBox().setRange(xRange=(1, 2), padding=0)
    series.set([1.0, 1e6], [1e3, 1e5])
    panel.plot.getViewBox().updateAutoRange()
    zoomed = panel.plot.viewRange()[0]

    button = figure.findChild(QToolButton, "whole_range_test")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    panel.plot.getViewBox().updateAutoRange()

    assert zoomed == [1, 2]
    assert panel.plot.viewRange()[0][1] >= 6


def ranges(figure: Figure, axis: int) -> list[list[float]]:
    """What each panel shows, once it has been painted."""
    QApplication.processEvents()
    figure.graphics.grab()
    return [panel.plot.viewRange()[axis] for panel in figure.panels]


def beside_each_other(figure: Figure) -> tuple[Panel, Panel]:
    """Two panels with one y and one x."""
    left, right = (figure.panel(0, column, CYCLES, OHMS) for column in (0, 1))
    right.share_y(left)
    right.share_x(left)
    return left, right


def test_panels_that_share_axes_show_what_either_has(figure: Figure) -> None:
    left, right = beside_each_other(figure)
    left.series("R", run_look(FRONT)).set([1.0, 1e2], [1e4, 1e5])
    far = right.series("R", run_look(FRONT))
    far.set([1e1, 1e6], [1e2, 1e4])
    for axis, low, high in ((0, 0, 6), (1, 2, 5)):
        for bottom, top in ranges(figure, axis):
            assert bottom <= low
            assert high <= top

    # What it shows follows new numbers of either, and what is taken out.
    far.set([1e1, 1e6], [1e2, 1e9])
    assert all(top >= 9 for _, top in ranges(figure, 1))
    right.remove(far)
    assert all(top < 6 for _, top in ranges(figure, 1))


def test_zooming_in_one_of_them_zooms_the_other_and_stays(figure: Figure) -> None:
    left, right = beside_each_other(figure)
    near = left.series("R", run_look(FRONT))
    near.set([1.0, 1e2], [1e4, 1e5])
    right.series("R", run_look(FRONT)).set([1.0, 1e2], [1e4, 1e5])
    ranges(figure, 1)
    right.plot.setRange(yRange=(4.2, 4.4), padding=0)
    near.set([1.0, 1e2], [1e4, 1e8])

    assert ranges(figure, 1) == [pytest.approx([4.2, 4.4], abs=0.02)] * 2
    figure.whole_range()
    assert all(top >= 8 for _, top in ranges(figure, 1))


def test_a_panel_that_goes_counts_no_more(figure: Figure) -> None:
    left, right = beside_each_other(figure)
    left.series("R", run_look(FRONT)).set([1.0, 1e2], [1e4, 1e5])
    right.series("R", run_look(FRONT)).set([1.0, 1e2], [1e4, 1e9])
    assert ranges(figure, 1)[0][1] >= 9

    figure.remove_panel(right)
    figure.whole_range()

    assert ranges(figure, 1)[0][1] < 6


def test_crosshair_tells_values_with_units(figure: Figure, panel: Panel, qtbot: QtBot) -> None:
    panel.plot.getViewBox().setRange(xRange=(0, 4), yRange=(3, 5), padding=0)
    button = figure.findChild(QToolButton, "crosshair_test")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    place = panel.plot.getViewBox().mapViewToScene(QPointF(2.0, 4.0))

    figure.crosshair.move_to(place)

    assert figure.readout.text() == "Cycles 100, R 10 kΩ"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    figure.crosshair.move_to(place)
    assert figure.readout.text() == ""


def test_runs_differ_in_colour_symbol_and_dash() -> None:
    theme = Theme(dark=False)
    looks = [run_look(RunStyle(str(n), n))(theme) for n in range(4)]

    assert len({look.colour.name() for look in looks}) == 4
    assert len({look.symbol for look in looks}) == 4
    assert len({look.line for look in looks}) == 4


def test_states_of_one_run_differ_in_colour_and_symbol_or_filling() -> None:
    theme = Theme(dark=False)
    lrs = part_look(FRONT, LRS, symbol="o", filled=True)(theme)
    hrs = part_look(FRONT, HRS, symbol="d", filled=False)(theme)

    assert lrs.colour != hrs.colour
    assert (lrs.symbol, lrs.filled) != (hrs.symbol, hrs.filled)


def test_the_legend_takes_more_lines_where_it_has_less_room(figure: Figure) -> None:
    look = Look(QColor("red"), "o")
    figure.name_in_legend(lambda: [(f"a long name of series {n}", look) for n in range(6)])
    figure.legend.resize(1200, 20)
    wide = figure.legend.maximumHeight()
    figure.legend.resize(300, 20)

    assert figure.legend.maximumHeight() > wide


def test_another_theme_recolours_everything(figure: Figure, panel: Panel) -> None:
    series = panel.series("R", run_look(FRONT))
    figure.recolour(Theme(dark=True))
    dark = series._line.opts["pen"].color().name()
    figure.recolour(Theme(dark=False))

    assert dark != series._line.opts["pen"].color().name()
    assert figure.graphics.backgroundBrush().color() == Theme(dark=False).background


# --- export ------------------------------------------------------------------------------------


@pytest.fixture
def dialog(figure: Figure, panel: Panel, qtbot: QtBot) -> Iterator[QFileDialog]:
    """Where the CSV file shall go, as asked for from the menu."""
    panel.series("R, LRS", run_look(FRONT)).set([1.0], [1e3])
    action = figure.findChild(QAction, "export_csv")
    assert action is not None
    action.trigger()
    opened = figure.findChild(QFileDialog)
    assert opened is not None
    qtbot.waitUntil(opened.isVisible)
    yield opened
    if not sip.isdeleted(opened):
        opened.close()


def type_name(dialog: QFileDialog, path: Path) -> None:
    name = dialog.findChild(QLineEdit, "fileNameEdit")
    assert name is not None
    name.setText(str(path))


def test_the_window_can_be_used_while_a_file_is_being_chosen(dialog: QFileDialog) -> None:
    assert not dialog.isModal()
    assert QApplication.activeModalWidget() is None
    assert dialog.testOption(QFileDialog.Option.DontUseNativeDialog)


def test_the_chosen_file_is_written_with_its_ending(
    figure: Figure, dialog: QFileDialog, tmp_path: Path, qtbot: QtBot
) -> None:
    type_name(dialog, tmp_path / "mine")
    with qtbot.waitSignal(figure.told) as told:
        dialog.accept()
    assert told.args == [f"written: {tmp_path / 'mine.csv'}"]
    assert (tmp_path / "mine.csv").is_file()


def test_a_file_that_exists_is_not_replaced(
    figure: Figure, dialog: QFileDialog, tmp_path: Path, qtbot: QtBot
) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("older")
    type_name(dialog, file)
    with qtbot.waitSignal(figure.told) as told:
        dialog.accept()
    assert told.args == [f"not written: there is a file {file} already; choose another name"]
    assert file.read_text() == "older"


def exported(figure: Figure, panel: Panel, kind: FileKind, path: Path, qtbot: QtBot) -> Path:
    series = panel.series("R, LRS", run_look(FRONT), FRONT)
    series.set([1.0, np.nan, 100.0], [1e3, np.nan, 1e5], low=[9e2] * 3, high=[2e5] * 3)
    panel.series("nothing yet", run_look(FRONT)).set([np.nan], [np.nan])
    file = path / f"figure.{kind}"
    with qtbot.waitSignal(figure.told) as told:
        figure.save(kind, file)
    assert told.args == [f"written: {file}"]
    return file


def test_png_is_sharp_and_on_white(
    figure: Figure, panel: Panel, tmp_path: Path, qtbot: QtBot
) -> None:
    figure.recolour(Theme(dark=True))
    image = QImage(str(exported(figure, panel, FileKind.PNG, tmp_path, qtbot)))

    assert image.width() == 3 * figure.graphics.width()
    assert image.pixelColor(1, image.height() - 2) == QColor("white")
    colours = {image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, 900, 7)}
    assert len(colours) > 3
    assert figure.theme == Theme(dark=True)


def test_svg_can_be_read(figure: Figure, panel: Panel, tmp_path: Path, qtbot: QtBot) -> None:
    file = exported(figure, panel, FileKind.SVG, tmp_path, qtbot)

    assert QSvgRenderer(str(file)).isValid()
    text = file.read_text(encoding="utf-8")
    assert "BL device" in text
    assert 'd=""' not in text
    assert "nan" not in text


def test_pdf_is_one_page(figure: Figure, panel: Panel, tmp_path: Path, qtbot: QtBot) -> None:
    content = exported(figure, panel, FileKind.PDF, tmp_path, qtbot).read_bytes()

    assert content.startswith(b"%PDF")
    assert content.rstrip().endswith(b"%%EOF")
    assert content.count(b"/Type /Page\n") == 1


def test_csv_has_the_values_in_their_units(
    figure: Figure, panel: Panel, tmp_path: Path, qtbot: QtBot
) -> None:
    file = exported(figure, panel, FileKind.CSV, tmp_path, qtbot)

    table = pd.read_csv(file, comment="#")
    assert tuple(table.columns) == COLUMNS
    first, last = table.to_dict("records")
    assert first == {
        "run": "a run",
        "panel": "BL device",
        "series": "R, LRS",
        "x name": "Cycles",
        "x": 1.0,
        "y name": "R (Ω)",
        "y": 1000.0,
        "y low": 900.0,
        "y high": 200000.0,
        "upper bound": False,
    }
    assert (last["x"], last["y"]) == (100.0, 1e5)


def test_a_rate_without_an_error_cannot_be_taken_for_a_measured_one(
    figure: Figure, panel: Panel, tmp_path: Path, qtbot: QtBot
) -> None:
    none = error_rate(0, 20_000)
    rates = [error_rate(5, 20_000), none, error_rate(0, 0)]
    set_rates(panel.series("BER", run_look(FRONT), FRONT), [1.0, 2.0, 3.0], rates)
    with qtbot.waitSignal(figure.told):
        figure.save(FileKind.CSV, tmp_path / "rates.csv")

    table = pd.read_csv(tmp_path / "rates.csv", comment="#")
    assert table["upper bound"].tolist() == [False, True]
    assert table["y"].tolist() == pytest.approx([2.5e-4, np.nan], nan_ok=True)
    assert table["y low"].tolist() == [rates[0].low, 0.0]
    assert table["y high"].tolist() == [rates[0].high, none.high]
    assert table["errors"].tolist() == [5, 0]
    assert table["trials"].tolist() == [20_000, 20_000]


ORIGIN = "SIMULATED bench · run first · endurance · die d07 · SET 55 µA"


def test_every_file_says_where_its_numbers_come_from(
    figure: Figure, panel: Panel, tmp_path: Path, qtbot: QtBot
) -> None:
    figure.origins = (ORIGIN, "REAL bench · run second")

    svg = exported(figure, panel, FileKind.SVG, tmp_path, qtbot).read_text(encoding="utf-8")
    assert svg.index(ORIGIN) < svg.index("REAL bench · run second") < svg.index("BL device")
    table = exported(figure, panel, FileKind.CSV, tmp_path, qtbot).read_text(encoding="utf-8")
    assert table.splitlines()[:2] == [f"# {ORIGIN}", "# REAL bench · run second"]


def test_a_picture_is_higher_by_what_stands_above_it(
    figure: Figure, panel: Panel, tmp_path: Path, qtbot: QtBot
) -> None:
    figure.origins = (" ".join([ORIGIN] * 4),)
    image = QImage(str(exported(figure, panel, FileKind.PNG, tmp_path, qtbot)))

    below = 3 * figure.graphics.height()
    above = image.height() - below
    assert above > 3 * 2 * 12
    inked = {image.pixel(x, y) for x in range(0, image.width(), 2) for y in range(0, above, 2)}
    assert len(inked) > 1
    pdf = exported(figure, panel, FileKind.PDF, tmp_path, qtbot).read_bytes()
    assert pdf.count(b"/Type /Page\n") == 1


def test_a_file_that_cannot_be_written_is_told(
    figure: Figure, panel: Panel, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "file").write_text("")
    with qtbot.waitSignal(figure.told) as told:
        figure.save(FileKind.CSV, tmp_path / "file" / "figure.csv")

    assert told.args is not None
    assert told.args[0].startswith("not written: ")
