"""Whether the numbers come from a device or from a simulation: the widest thing in the window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.theme import Theme, current_theme

if TYPE_CHECKING:
    from gui.run_status import RunStatus

SIMULATED, REAL, REPLAY, UNKNOWN = "SIMULATED", "REAL", "REPLAY", "UNKNOWN"

_WORDS = {
    SIMULATED: ("SIMULATED BENCH", "no real device is touched"),
    REAL: ("REAL BENCH", "pulses reach the die and cannot be taken back"),
    REPLAY: ("REPLAY OF A RECORDING", "no instrument takes part"),
    UNKNOWN: ("NO BENCH", ""),
}
_MARGIN, _PADDING = 40.0, 10.0
_STRIPE = 14.0
_DOT = 9.0


@dataclass(frozen=True)
class Origin:
    """Where numbers come from: ``kind`` is one of this module's words, ``detail`` a sentence."""

    kind: str
    detail: str

    @property
    def title(self) -> str:
        """The words that must not be missed."""
        return _WORDS[self.kind][0]

    @property
    def sentence(self) -> str:
        """What that means, and the detail."""
        return ". ".join(part for part in (_WORDS[self.kind][1], self.detail) if part)


def origin_of_run(status: RunStatus) -> Origin:
    """What the banner says of a run."""
    on = f" on die {status.die}" if status.die else ""
    return Origin(status.kind, f"{status.procedure}{on}, run {status.run}")


def origin_of_bench(simulated: bool, name: str) -> Origin:
    """What the banner says of the bench that Start would use."""
    kind = "simulated" if simulated else "real"
    return Origin(SIMULATED if simulated else REAL, f"the bench {name!r} is {kind}")


def no_bench(why: str) -> Origin:
    """What the banner says of a bench file that cannot be used."""
    return Origin(UNKNOWN, why)


def told_origins(
    status: RunStatus | None, bench: Origin, going_on: Origin | None = None
) -> tuple[Origin, ...]:
    """What is to be said of the run in front, and of where pulses go now or would go next.

    ``bench`` is the one that Start would use; it is told beside the run where it is of another
    kind, so that nobody takes the picture of an old simulated run for it. ``going_on`` is the run
    of this window while another one is in front.
    """
    if status is None or status.kind not in (REAL, SIMULATED, REPLAY):
        return (going_on or replace(bench, detail=f"no run yet: {bench.detail}"),)
    shown = origin_of_run(status)
    behind = replace(shown, detail=f"shown: {shown.detail}")
    if going_on is not None:
        return behind, replace(going_on, detail=f"going on: {going_on.detail}")
    if status.status == "running" or bench.kind in (status.kind, UNKNOWN):
        return (shown,)
    return behind, replace(bench, detail=f"the next run: {bench.detail}")


class Banner(QWidget):
    """Told apart by words, by pattern (stripes, plain, dots, outline) and by colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._origins: tuple[Origin, ...] = ()
        self.show_origins(no_bench("the bench file is being read"))

    def show_origins(self, *origins: Origin) -> None:
        """Say where the numbers come from: one origin, or several side by side.

        Two are shown where the run in front and what Start would do are not of one kind.
        """
        if origins == self._origins:
            return
        self._origins = origins
        self.setAccessibleName(self.text)
        self.setToolTip(self.text)
        self.update()

    @property
    def text(self) -> str:
        """All that the banner says."""
        return " | ".join(f"{origin.title}: {origin.sentence}" for origin in self._origins)

    def sizeHint(self) -> QSize:
        """As high as two lines of text."""
        return QSize(400, 2 * self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """Narrow enough for any window; the sentences are cut off first."""
        return QSize(200, self.sizeHint().height())

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        """A section for each origin, all of one width."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide = self.width() / len(self._origins)
        for number, origin in enumerate(self._origins):
            area = QRectF(number * wide, 0, wide, self.height())
            painter.setClipRect(area)
            # Side by side there is room for what differs only.
            sentence = origin.sentence if len(self._origins) == 1 else origin.detail
            self._paint(painter, origin, sentence, area)

    def _paint(self, painter: QPainter, origin: Origin, sentence: str, area: QRectF) -> None:
        """Ground with its pattern, and on it the words on plain plates."""
        theme = current_theme()
        ground, ink = _colours(origin.kind, theme)
        painter.fillRect(area, ground)
        _paint_pattern(painter, origin.kind, area, theme)
        bold = QFont(self.font())
        bold.setBold(True)
        bold.setPointSizeF(1.35 * self.font().pointSizeF())
        left = area.left() + _MARGIN
        for font, text in ((bold, origin.title), (self.font(), sentence)):
            painter.setFont(font)
            metrics = painter.fontMetrics()
            room = int(area.right() - left - 2 * _PADDING)
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(room, 0))
            if not shown:
                continue
            wide = metrics.horizontalAdvance(shown) + 2 * _PADDING
            plate = QRectF(left, area.top(), wide, area.height())
            painter.fillRect(plate, ground)
            painter.setPen(ink)
            painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, shown)
            left = plate.right() + _PADDING


def _colours(kind: str, theme: Theme) -> tuple[QColor, QColor]:
    """Background and letters."""
    return {
        SIMULATED: (theme.simulated, QColor("#1a1a1a")),
        REAL: (theme.real, QColor("#ffffff")),
        REPLAY: (theme.replay, QColor("#ffffff") if theme.dark else QColor("#1a1a1a")),
        UNKNOWN: (theme.window, theme.foreground),
    }[kind]


def _paint_pattern(painter: QPainter, kind: str, area: QRectF, theme: Theme) -> None:
    if kind == SIMULATED:
        painter.setPen(QPen(theme.simulated_stripe, _STRIPE / 2))
        x = area.left() - area.height()
        while x < area.right():
            painter.drawLine(int(x), int(area.bottom()), int(x + area.height()), int(area.top()))
            x += _STRIPE
    elif kind == REPLAY:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.replay_dot)
        x = area.left()
        while x < area.right():
            for y in (0.25, 0.75):
                painter.drawEllipse(QRectF(x, area.top() + y * area.height() - 2, 4, 4))
            x += _DOT
    elif kind == UNKNOWN:
        painter.setPen(QPen(theme.foreground, 2, Qt.PenStyle.DashLine))
        painter.drawRect(area.adjusted(1, 1, -1, -1))
