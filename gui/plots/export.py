"""Figures and their data as files: PNG, SVG, PDF and CSV.

Painting needs the interface thread and goes into memory; encoding and writing do not.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from PyQt6.QtCore import QBuffer, QIODevice, QMarginsF, QRect, QRectF, QSize, QSizeF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPageSize, QPainter, QPdfWriter
from PyQt6.QtSvg import QSvgGenerator
from PyQt6.QtWidgets import QGraphicsView

from labctl.store import files

_SHARPER = 3.0
"""Pixels of a PNG for one on the screen."""
_DPI = 96
_HEADING_PIXELS, _MARGIN = 12, 6
_NO_LIMIT = 1e4
"""Height of the room for a heading, pixels: more than it takes."""
_HEADING_FLAGS = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
_PAPER, _INK = QColor("white"), QColor("black")

Row = Sequence[object]


class FileKind(StrEnum):
    """What a figure may be exported as; the value is the file's ending."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"
    CSV = "csv"


def pen_scale(kind: FileKind) -> float:
    """How much wider pens have to be: they are in pixels of the file, not of the screen."""
    return _SHARPER if kind is FileKind.PNG else 1.0


def painted(
    view: QGraphicsView, kind: FileKind, origins: Sequence[str] = ()
) -> Callable[[], bytes]:
    """Paint what a view shows, now; the function given back makes a file's bytes of it.

    ``origins`` stand above it, one below the other: where the numbers come from.
    """
    heading = _Heading(origins, view)
    width, height = view.width(), view.height() + heading.height
    if kind is FileKind.PNG:
        size = QSize(width, height) * _SHARPER
        image = QImage(size, QImage.Format.Format_ARGB32)
        image.setDevicePixelRatio(_SHARPER)
        _paint(view, image, heading)
        return lambda: _encoded(image)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if kind is FileKind.SVG:
        svg = QSvgGenerator()
        svg.setOutputDevice(buffer)
        svg.setSize(QSize(width, height))
        svg.setViewBox(QRect(0, 0, width, height))
        svg.setResolution(_DPI)
        _paint(view, svg, heading)
    else:
        pdf = QPdfWriter(buffer)
        pdf.setResolution(_DPI)
        points = QSizeF(width, height) * 72 / _DPI
        pdf.setPageSize(QPageSize(points, QPageSize.Unit.Point))
        pdf.setPageMargins(QMarginsF(0, 0, 0, 0))
        _paint(view, pdf, heading)
    buffer.close()
    return lambda: bytes(buffer.data().data())


def write(path: Path, content: Callable[[], bytes]) -> Path:
    """Write a new file as a whole; raises OSError, FileExistsError if there is one already."""
    if path.exists():
        raise FileExistsError(f"there is a file {path} already; choose another name")
    files.replace(path, content())
    return path


def table(header: Row, rows: Iterable[Row], comments: Sequence[str] = ()) -> bytes:
    """A CSV file, ``comments`` on top of it; what is no number stays empty.

    >>> table(["x", "y"], [(1.0, float("nan"))], ["SIMULATED"])
    b'# SIMULATED\\nx,y\\n1.0,\\n'
    """
    text = io.StringIO()
    text.writelines(f"# {' '.join(comment.split())}\n" for comment in comments)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8")


def _cell(value: object) -> object:
    return "" if isinstance(value, float) and math.isnan(value) else value


def _encoded(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data().data())


class _Heading:
    """Lines above a figure, broken where they are wider than it."""

    def __init__(self, lines: Sequence[str], view: QGraphicsView) -> None:
        self._text = "\n".join(lines)
        self._font = QFont(view.font())
        # As the rest of the file: a size in points would depend on what is painted on.
        self._font.setPixelSize(_HEADING_PIXELS)
        self._room = QRectF(_MARGIN, _MARGIN, view.width() - 2 * _MARGIN, _NO_LIMIT)
        metrics = QFontMetricsF(self._font)
        found = metrics.boundingRect(self._room, _HEADING_FLAGS, self._text) if lines else QRectF()
        self.height = math.ceil(found.height() + 2 * _MARGIN) if lines else 0

    def paint(self, painter: QPainter) -> None:
        """On white, in black."""
        painter.fillRect(QRectF(0, 0, self._room.right() + _MARGIN, self.height), _PAPER)
        painter.setFont(self._font)
        painter.setPen(_INK)
        painter.drawText(self._room, _HEADING_FLAGS, self._text)


def _paint(view: QGraphicsView, on: QImage | QSvgGenerator | QPdfWriter, heading: _Heading) -> None:
    painter = QPainter(on)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    heading.paint(painter)
    with _symbols_as_paths(view, painter):
        target = QRectF(0, heading.height, view.width(), view.height())
        view.render(painter, target, QRect(0, 0, view.width(), view.height()))
    painter.end()


@contextmanager
def _symbols_as_paths(view: QGraphicsView, painter: QPainter) -> Iterator[None]:
    """Have pyqtgraph draw symbols as paths instead of pixels."""
    scene = view.scene()
    items = [i for i in (scene.items() if scene else []) if hasattr(i, "setExportMode")]
    for item in items:
        item.setExportMode(True, {"antialias": True, "painter": painter, "resolutionScale": 1.0})
    try:
        yield
    finally:
        for item in items:
            item.setExportMode(False)
