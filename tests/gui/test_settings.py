"""What the window remembers."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import QByteArray

from gui.settings import (
    SETTINGS_VARIABLE,
    Settings,
    packed,
    read_settings,
    settings_file,
    unpacked,
    write_settings,
)
from gui.theme import ThemeChoice


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "new" / "window.json"
    kept = Settings(
        geometry=packed(QByteArray(b"\x00\x01\xff")),
        splitters={"main": "AAAA"},
        tabs={"plots": 2},
        procedure="endurance",
        theme=ThemeChoice.DARK,
        ticked=("a", "b"),
    )
    write_settings(file, kept)
    assert read_settings(file) == kept
    assert unpacked(kept.geometry).data() == b"\x00\x01\xff"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"theme": "pink"}', '{"tabs": {"plots": "two"}}', '{"ticked": 3}']
)
def test_what_cannot_be_read_is_forgotten(tmp_path: Path, content: str) -> None:
    file = tmp_path / "window.json"
    file.write_text(content, encoding="utf-8")
    assert read_settings(file) == Settings()
    assert read_settings(tmp_path / "none.json") == Settings()


def test_no_geometry_is_no_geometry() -> None:
    assert unpacked("not base64!").isEmpty()


def test_another_file_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTINGS_VARIABLE, str(tmp_path / "mine.json"))
    assert settings_file() == tmp_path / "mine.json"
    monkeypatch.delenv(SETTINGS_VARIABLE)
    assert settings_file().parts[-2:] == ("labctl", "window.json")
