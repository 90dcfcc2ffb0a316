"""Where things are in the window: splitters and tabs, and what of them is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QSplitter, QTabWidget, QWidget

from gui.settings import packed, unpacked


def splitter(
    name: str, orientation: Qt.Orientation, parts: Sequence[QWidget], sizes: Sequence[int]
) -> QSplitter:
    """Parts side by side or one above the other, with their first sizes in pixels."""
    made = QSplitter(orientation)
    made.setObjectName(name)
    made.setChildrenCollapsible(False)
    made.setHandleWidth(6)
    for part in parts:
        made.addWidget(part)
    made.setSizes(list(sizes))
    for index, size in enumerate(sizes):
        made.setStretchFactor(index, size)
    return made


def tabs(name: str, pages: Mapping[str, QWidget], accessible: str) -> QTabWidget:
    """Pages by title, in order."""
    made = QTabWidget()
    made.setObjectName(name)
    made.setAccessibleName(accessible)
    made.setDocumentMode(True)
    for title, page in pages.items():
        made.addTab(page, title)
    return made


def splitter_states(root: QWidget) -> dict[str, str]:
    """State of every splitter within a widget, by name."""
    return {s.objectName(): packed(s.saveState()) for s in root.findChildren(QSplitter)}


def restore_splitters(root: QWidget, states: Mapping[str, str]) -> None:
    """Put splitters back where they were; one that is not known stays where it is."""
    for found in root.findChildren(QSplitter):
        if found.objectName() in states:
            found.restoreState(unpacked(states[found.objectName()]))


def chosen_tabs(root: QWidget) -> dict[str, int]:
    """Index of the page shown by every set of tabs, by name."""
    return {t.objectName(): t.currentIndex() for t in root.findChildren(QTabWidget)}


def restore_tabs(root: QWidget, chosen: Mapping[str, int]) -> None:
    """Show the pages that were shown."""
    for found in root.findChildren(QTabWidget):
        index = chosen.get(found.objectName(), -1)
        if 0 <= index < found.count() and found.isTabVisible(index):
            found.setCurrentIndex(index)
