from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from instruments.sim.chip.array import Chip
from instruments.sim.chip.device import Kind
from instruments.sim.chip.die import DEVICES, Die, DieFileError
from tests.unit.sim_pads import form_row, powered_chip, program_row


def test_a_fresh_die_is_unformed_and_its_own() -> None:
    die, same, other = Die.fresh(5), Die.fresh(5), Die.fresh(6)
    assert (die.kind == Kind.PRISTINE).all()
    assert ((die.x >= 7) & (die.x <= 9)).all()
    assert np.array_equal(die.forming_volts, same.forming_volts)
    assert not np.array_equal(die.forming_volts, other.forming_volts)
    assert die.transistor_gain != other.transistor_gain


def test_a_saved_die_goes_on_as_if_it_had_never_been_saved(tmp_path: Path) -> None:
    chip, die, clock = powered_chip(31)
    form_row(chip, 2)
    clock.advance(12.5)
    chip.rest()
    die.save(tmp_path / "a.die")

    again = Die.load(tmp_path / "a.die")
    assert again.clock_s == 12.5
    resumed = Chip(again, clock)
    for pad, volts in {"VDDH": 5.0, "VDD": 1.2, "BYP": 1.2, "SL": 0.0}.items():
        resumed.hold(pad, volts)
    program_row(chip, 2, 1)
    program_row(resumed, 2, 1)
    assert np.array_equal(die.x, again.x)
    assert np.array_equal(die.n_set, again.n_set)


def test_saving_replaces_the_file_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.die"
    Die.fresh(1).save(path)
    Die.fresh(2).save(path)
    assert Die.load(path).seed == 2
    assert [p.name for p in tmp_path.iterdir()] == ["a.die"]


def _rewrite(path: Path, about: dict[str, object] | None = None, **arrays: object) -> None:
    with np.load(path) as stored:
        content = {name: stored[name] for name in stored.files}
    described = json.loads(str(content["about"])) | (about or {})
    content["about"] = np.array(json.dumps(described))
    for name, array in arrays.items():
        if array is None:
            del content[name]
        else:
            content[name] = np.asarray(array)
    with path.open("wb") as file:
        np.savez(file, **content)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DieFileError, match="does not exist"):
        Die.load(tmp_path / "none.die")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 not really a zip file"])
def test_not_a_die_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.die"
    path.write_bytes(content)
    with pytest.raises(DieFileError, match="damaged or not a die file"):
        Die.load(path)


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.die"
    Die.fresh(1).save(path)
    whole = path.read_bytes()
    for part in (0.1, 0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(DieFileError):
            Die.load(path)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.die"
    Die.fresh(1).save(path)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    path.write_bytes(bytes(damaged))
    with pytest.raises(DieFileError):
        Die.load(path)


@pytest.mark.parametrize(
    ("about", "arrays", "message"),
    [
        ({"mark": "something else"}, {}, "is not a die file"),
        ({"format": 99}, {}, "newer"),
        ({"format": "1"}, {}, "newer"),
        ({"seed": "one"}, {}, "seed is 'one'"),
        ({"clock_s": None}, {}, "clock_s is None"),
        ({"clock_s": float("nan")}, {}, "clock_s is nan"),
        ({"seed": -1}, {}, "seed is -1"),
        ({}, {"x": None}, "x is missing"),
        ({}, {"x": np.zeros((2, 2))}, "x is missing or misshapen"),
        ({}, {"n_set": np.zeros(DEVICES)}, "n_set is missing or misshapen"),
        ({}, {"x": np.full(DEVICES, np.nan)}, "x is not finite"),
        ({}, {"kind": np.full(DEVICES, 3, np.int8)}, "kind holds unknown states"),
        ({}, {"extra": np.zeros(3)}, "unknown array extra"),
    ],
)
def test_a_damaged_die_file_says_what_is_wrong(
    tmp_path: Path, about: dict[str, object], arrays: dict[str, object], message: str
) -> None:
    path = tmp_path / "a.die"
    Die.fresh(1).save(path)
    _rewrite(path, about, **arrays)
    with pytest.raises(DieFileError, match=message):
        Die.load(path)


def test_a_file_of_pickles_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.die"
    with path.open("wb") as file:
        np.savez(file, about=np.array([{"mark": "x"}], dtype=object))
    with pytest.raises(DieFileError):
        Die.load(path)
