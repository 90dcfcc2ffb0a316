"""The sentence under a plot: what is drawn, and what the marks mean."""

from __future__ import annotations

from PyQt6.QtWidgets import QLabel

from gui.theme import Mark, mark


def caption(name: str) -> QLabel:
    """An empty caption for the view of that name."""
    label = QLabel()
    label.setObjectName(f"{name}_caption")
    label.setWordWrap(True)
    label.setContentsMargins(6, 0, 6, 2)
    mark(label, Mark.HINT)
    return label
