"""What the window remembers from one day to the next: read at its start, written at its close."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from PyQt6.QtCore import QByteArray, QStandardPaths

from gui.theme import ThemeChoice
from labctl.store import files

SETTINGS_VARIABLE = "LABCTL_WINDOW"
"""Names another file than the user's own."""


class Settings(BaseModel):
    """State of the window; geometries are Qt's own, as base64 text, splitters and tabs by name."""

    model_config = ConfigDict(frozen=True)

    geometry: str = ""
    splitters: dict[str, str] = {}
    tabs: dict[str, int] = {}
    procedure: str = ""
    theme: ThemeChoice = ThemeChoice.SYSTEM
    ticked: tuple[str, ...] = ()
    """Runs that were overlaid."""


def settings_file() -> Path:
    """Where this user's settings are."""
    named = os.environ.get(SETTINGS_VARIABLE)
    if named:
        return Path(named)
    location = QStandardPaths.StandardLocation.GenericConfigLocation
    return Path(QStandardPaths.writableLocation(location)) / "labctl" / "window.json"


def read_settings(file: Path) -> Settings:
    """Settings of a file; the defaults if it is missing, damaged or of another version."""
    try:
        return Settings.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return Settings()


def write_settings(file: Path, settings: Settings) -> None:
    """Keep settings. Raises OSError where nothing can be written."""
    files.replace(file, settings.model_dump_json(indent=2).encode("utf-8"))


def packed(state: QByteArray) -> str:
    """A geometry of Qt as text."""
    return b64encode(state.data()).decode("ascii")


def unpacked(text: str) -> QByteArray:
    """And back; nothing, which Qt ignores, for what is no base64."""
    try:
        return QByteArray(b64decode(text))
    except ValueError:
        return QByteArray()
