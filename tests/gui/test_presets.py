"""Named sets of parameters and the files that hold one's own."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui import presets as module
from gui.presets import Presets, Typed, shipped, user_folder
from gui.settings import SETTINGS_VARIABLE
from procedures import PROCEDURES, load_procedure


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_every_shipped_preset_is_taken_by_its_procedure(procedure: str) -> None:
    for typed in shipped(procedure).values():
        load_procedure(procedure)().set_parameters(dict(typed))


def test_the_papers_conditions_are_there() -> None:
    assert set(shipped("endurance")) > set(shipped("checkerboard")) > {"Defaults"}
    assert list(shipped("contact")) == ["Defaults"]
    table_1 = [typed for name, typed in shipped("program").items() if name.startswith("Table 1")]
    assert [(t["reset_voltage"], t["pulse_width"]) for t in table_1] == [
        ("2.5V", "1us"),
        ("1.5V", "1us"),
        ("2V", "100ns"),
    ]


def test_presets_come_back_from_their_file(qtbot: QtBot, tmp_path: Path) -> None:
    presets = Presets(tmp_path / "new")
    with qtbot.waitSignal(presets.changed) as saved:
        presets.save("endurance", "50 µA", {"set_compliance": "50uA"})
    assert saved.args == ["endurance"]
    with qtbot.waitSignal(presets.changed):
        presets.save("endurance", "short", {"cycles": "1e4"})
    again = Presets(tmp_path / "new")
    assert again.of("endurance") == {}
    with qtbot.waitSignal(again.changed):
        again.read("endurance")
    assert again.of("endurance") == {
        "50 µA": {"set_compliance": "50uA"},
        "short": {"cycles": "1e4"},
    }
    with qtbot.waitSignal(again.changed):
        again.delete("endurance", "short")
    kept = json.loads((tmp_path / "new" / "endurance.json").read_text(encoding="utf-8"))
    assert kept == {"50 µA": {"set_compliance": "50uA"}}


def test_reading_writes_nothing(qtbot: QtBot, tmp_path: Path) -> None:
    presets = Presets(tmp_path / "new")
    with qtbot.waitSignal(presets.changed):
        presets.read("read")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("content", ["{", "[1, 2]", '{"a": {"cycles": 3}}', '{"a": "b"}'])
def test_a_file_that_holds_no_presets_is_named_and_left_alone(
    qtbot: QtBot, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "read.json"
    file.write_text(content, encoding="utf-8")
    presets = Presets(tmp_path)
    with qtbot.waitSignal(presets.failed) as said:
        presets.save("read", "mine", {"repeats": "3"})
    assert said.args == [f"{file} holds no presets: mend it, or take it away"]
    assert file.read_text(encoding="utf-8") == content


def test_files_are_opened_in_other_threads(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    read = module._read

    def noted(path: Path) -> dict[str, Typed]:
        threads.append(threading.current_thread())
        return read(path)

    monkeypatch.setattr(module, "_read", noted)
    presets = Presets(tmp_path)
    with qtbot.waitSignal(presets.changed):
        presets.save("read", "mine", {"repeats": "3"})
    assert len(threads) == 1
    assert threading.main_thread() not in threads


def test_ones_own_stand_beside_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTINGS_VARIABLE, str(tmp_path / "window.json"))
    assert user_folder() == tmp_path / "presets"
