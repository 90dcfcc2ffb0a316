"""Figures that are made and not drawn, for tests that do not look at them.

Drawing the figures of a report takes longer than the short run that it reports.
"""

from __future__ import annotations

import base64
from typing import IO, Any

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
"""A PNG image of one pixel."""


def save_a_pixel(figure: Any, file: IO[bytes], **_: Any) -> None:
    """Stands in for matplotlib's ``Figure.savefig``."""
    file.write(PIXEL)
