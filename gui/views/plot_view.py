"""What views with one figure share: runs by name, a legend of runs, a caption."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import Generic, TypeVar

from PyQt6.QtWidgets import QVBoxLayout, QWidget

from gui.contract import RunStyle, View
from gui.plots.caption import caption
from gui.plots.figure import Figure, Panel
from gui.plots.legend import Entry
from gui.plots.run_looks import named_run
from gui.plots.series import Band, Looks, Series
from gui.theme import Theme

Picture = TypeVar("Picture")


class Drawn(Generic[Picture]):
    """One run in a plot: its picture and the series that show it."""

    def __init__(self, style: RunStyle, picture: Picture) -> None:
        self.style = style
        self.picture = picture
        self._series: dict[Hashable, tuple[Panel, Series]] = {}
        self._bands: dict[Hashable, tuple[Panel, Band]] = {}

    def series(self, key: Hashable, panel: Panel, name: str, looks: Looks) -> Series:
        """The series of that key, made at its first use."""
        if key not in self._series:
            self._series[key] = panel, panel.series(name, looks, self.style)
        return self._series[key][1]

    def band(self, key: Hashable, panel: Panel, name: str, looks: Looks) -> Band:
        """The band of that key, made at its first use."""
        if key not in self._bands:
            self._bands[key] = panel, panel.band(name, looks)
        return self._bands[key][1]

    def clear_others(self, keys: Collection[Hashable]) -> None:
        """Show nothing in the series that have none of these keys."""
        for key, (_, series) in self._series.items():
            if key not in keys:
                series.clear()

    def restyle(self, theme: Theme) -> None:
        """Look anew, as the looks have changed."""
        for _, series in self._series.values():
            series.restyle(theme)

    def remove(self) -> None:
        """Take everything out of the plot."""
        for panel, series in self._series.values():
            panel.remove(series)
        for panel, band in self._bands.values():
            panel.remove(band)
        self._series.clear()
        self._bands.clear()


class PlotView(View, Generic[Picture]):
    """A figure with a caption; a view of one kind says how a run is drawn."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs: dict[str, Drawn[Picture]] = {}
        self.figure = Figure(name)
        self.caption = caption(name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.figure, 1)
        column.addWidget(self.caption)
        self.figure.name_in_legend(self.legend)

    @property
    def front(self) -> Drawn[Picture] | None:
        """The run in front: the one of the lowest index."""
        return min(self.runs.values(), key=lambda run: run.style.index, default=None)

    def show_run(self, run: str, picture: Picture, style: RunStyle) -> None:
        """Draw the picture of a run in place of its last one."""
        shown = self.runs.get(run)
        if shown is None or shown.style != style:
            self.forget_run(run)
            shown = self.runs[run] = Drawn(style, picture)
        shown.picture = picture
        self.draw(shown)
        self._tell()

    def forget_run(self, run: str) -> None:
        """Take a run out."""
        shown = self.runs.pop(run, None)
        if shown is not None:
            shown.remove()
            self._tell()

    def tell_origins(self, lines: Sequence[str]) -> None:
        """Where the numbers come from, for what is exported."""
        self.figure.origins = lines

    def promise(self, sentence: str) -> None:
        """What there will be, told while there is nothing."""
        self.figure.promise(sentence)

    def draw(self, run: Drawn[Picture]) -> None:
        """Show a run's picture."""
        raise NotImplementedError

    def legend(self) -> Sequence[Entry]:
        """What the legend names."""
        raise NotImplementedError

    def told(self, run: Drawn[Picture]) -> str:
        """The caption, when that run is in front."""
        raise NotImplementedError

    def named_runs(self) -> Sequence[Entry]:
        """Entries of the runs, if there are several and symbols do not tell them apart."""
        if len(self.runs) < 2:
            return ()
        styles = sorted((run.style for run in self.runs.values()), key=lambda style: style.index)
        return [named_run(style, self.figure.theme) for style in styles]

    def redraw(self) -> None:
        """Draw all runs anew, as what is wanted of them has changed."""
        for run in self.runs.values():
            self.draw(run)
        self._tell()

    def _tell(self) -> None:
        front = self.front
        self.caption.setText("" if front is None else self.told(front))
        self.figure.name_in_legend(self.legend)
        self.figure.show_promise()
