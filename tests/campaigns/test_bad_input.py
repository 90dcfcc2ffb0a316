"""Wrong input: one clear sentence, exit status 2, nothing applied, nothing overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl.benchfile import example_file
from labctl.cli import app

RUN = ["run", "checkerboard"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with files that are wrong in one way each."""
    monkeypatch.chdir(tmp_path)
    for name in ("LABCTL_RUNS", "LABCTL_DIES", "LABCTL_BENCH"):
        monkeypatch.delenv(name, raising=False)
    good = example_file("simulated").read_text(encoding="utf-8")
    files = {
        "not.toml": "[bench\nname = ",
        "empty.toml": "",
        "key.toml": good.replace("[roles]", "[roles]\nXL = 'wgfmu.101'"),
        "section.toml": good + "\n[colour]\nred = 1\n",
        "missing.toml": good.replace('BLB = "wgfmu.201"\n', ""),
        "channel.toml": good.replace("wgfmu.402", "wgfmu.502"),
        "twice.toml": good.replace("wgfmu.402", "wgfmu.401"),
        "smu.toml": good.replace('"smu.9"', '"smu.4"'),
        "slot.toml": good.replace("9 = ", "19 = "),
        "model.toml": good.replace('9 = "B1517A"', '9 = "B9999A"'),
        "chip.toml": good.replace("hfo2-2t2r-1kb", "other"),
        "lines.toml": good.replace("8, 9, 10]", "8, 9, 9]"),
        "few.toml": good.replace(", 10]", "]"),
        "line.toml": good.replace("9, 10]", "9, 17]"),
        "wide.toml": good + "\n[limits.SL]\nvolts = [0.0, 5.0]\n",
        "zero.toml": good + "\n[limits.SL]\nvolts = [0.5, 3.0]\n",
        "pad.toml": good + "\n[limits.XX]\nvolts = [0.0, 3.0]\n",
        "nan.toml": good + "\n[limits.SL]\nvolts = [nan, 3.0]\n",
        "pace.toml": good.replace("pace = 0", "pace = -1"),
        "half.toml": good.replace('visa = "sim"', 'visa = "GPIB0::17::INSTR"'),
        "tight.toml": good + "\n[limits.SL]\nvolts = [0.0, 1.0]\n",
        "table.toml": "set_compliance = [[0.7, 2e-5], [0.6, 3e-5]]",
        "short.toml": "set_compliance = [[0.7, 2e-5]]",
        "narrow.toml": "set_compliance = [[0.7, 2e-5], [0.8, 3e-5]]",
        "words.toml": "set_compliance = 'yes'",
        "other.toml": "compliance = 3",
        "noboard.toml": good.replace("mainframe.digital_io", "board.address"),
        "bothgiven.toml": good + '\n[board]\nvisa = "sim"\n',
        "noaddress.toml": good.replace("[address]", "[board]").replace("lines", "visa = 'sim' #"),
        "boardpins.toml": good.replace("mainframe.digital_io", "board.pins"),
        "realboard.toml": good.replace("mainframe.digital_io", "board.address")
        + '\n[board]\nvisa = "ASRL3::INSTR"\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "latin.toml").write_bytes("name = '\xb5'".encode("latin-1"))
    dies = tmp_path / "dies"
    dies.mkdir()
    (dies / "torn.npz").write_bytes(b"PK\x03\x04 not really")
    (dies / "text.npz").write_text("a die", encoding="utf-8")
    np.savez(dies / "foreign.npz", x=np.zeros(3))
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    return tmp_path


CASES = {
    "unknown command": (["fly"], "fly"),
    "unknown procedure": (["run", "chequerboard"], "there are checkerboard, forming"),
    "unknown procedure to plan": (["plan", "chequerboard"], "there are checkerboard, forming"),
    "unknown option": ([*RUN, "--programings", "3"], "--programings"),
    "not a number": ([*RUN, "--programmings", "many"], "whole number, 1 to 100000"),
    "zero programmings": ([*RUN, "--programmings", "0"], "whole number, 1 to 100000"),
    "half a programming": ([*RUN, "--programmings", "2.5"], "whole number"),
    "compliance too high": ([*RUN, "--set-compliance", "500uA"], "20uA to 200uA"),
    "compliance too low": ([*RUN, "--set-compliance", "1nA"], "20uA to 200uA"),
    "bare number taken as ampere": ([*RUN, "--set-compliance", "55"], "20uA to 200uA"),
    "wrong unit": ([*RUN, "--set-compliance", "55uV"], "not a quantity in A"),
    "nonsense quantity": ([*RUN, "--set-compliance", "a lot"], "type for example 55uA"),
    "not a number at all": ([*RUN, "--reset-voltage", "nan"], "not a number"),
    "decimal comma": ([*RUN, "--pulse-width", "1,5us"], "type for example 1us"),
    "two numbers": ([*RUN, "--pulse-width", "5us 3"], "type for example 1us"),
    "voltage beyond the pad": ([*RUN, "--reset-voltage", "12V"], "1V to 3.3V"),
    "negative voltage": ([*RUN, "--reset-voltage=-2V"], "1V to 3.3V"),
    "pulse too short": ([*RUN, "--pulse-width", "10ns"], "100ns to 100us"),
    "pulse off the grid": (
        [*RUN, "--pulse-width", "123ns"],
        "123ns is not allowed: 100ns to 100us",
    ),
    "unknown order": ([*RUN, "--order", "random"], "alternate or blocks"),
    "reference out of range": ([*RUN, "--reference", "1ohm"], "1kohm to 10Mohm"),
    "negative seed": ([*RUN, "--seed", "-1"], "--seed"),
    "seed that is no number": ([*RUN, "--seed", "x"], "--seed"),
    "die name with a path": ([*RUN, "--die", "../../etc/passwd"], "cannot name a die"),
    "empty die name": ([*RUN, "--die", ""], "cannot name a die"),
    "torn die file": ([*RUN, "--die", "torn"], "torn.npz"),
    "die file that is text": ([*RUN, "--die", "text"], "text.npz"),
    "somebody else's die file": ([*RUN, "--die", "foreign"], "foreign.npz"),
    "runs is a file": ([*RUN, "--runs", "file", "--programmings", "1"], "file"),
    "dies is a file": ([*RUN, "--die", "d", "--dies", "file"], "'file' is a file"),
    "list of a file": (["list", "runs", "--runs", "file"], "'file' is a file"),
    "plan drawn into a folder": (["plan", "contact", "--png", "dies"], "name a file with --png"),
    "recipe not UTF-8": (["queue", "latin.toml"], "save it as UTF-8"),
    "bench file missing": ([*RUN, "--bench", "nowhere.toml"], "cannot be read"),
    "bench file is a folder": ([*RUN, "--bench", "dies"], "cannot be read"),
    "bench file not TOML": ([*RUN, "--bench", "not.toml"], "not valid TOML"),
    "bench file not UTF-8": ([*RUN, "--bench", "latin.toml"], "not a UTF-8 text file"),
    "bench file empty": (["bench", "check", "empty.toml"], "roles: missing"),
    "unknown role": (["bench", "check", "key.toml"], "unknown role; the roles are SL"),
    "unknown section": (["bench", "check", "section.toml"], "colour: unknown key; known here"),
    "role missing": (["bench", "check", "missing.toml"], "roles.BLB: missing"),
    "channel that is not there": (["bench", "check", "channel.toml"], "there are wgfmu.101"),
    "channel used twice": (["bench", "check", "twice.toml"], "already used by Q"),
    "SMU that is not there": (["bench", "check", "smu.toml"], "there are smu.5"),
    "slot that does not exist": (["bench", "check", "slot.toml"], "modules.19"),
    "unknown module": (["bench", "check", "model.toml"], "B9999A"),
    "chip file missing": (["bench", "check", "chip.toml"], "chips/hfo2-2t2r-1kb.toml"),
    "address line twice": (["bench", "check", "lines.toml"], "ten different DIO numbers"),
    "nine address lines": (["bench", "check", "few.toml"], "address.lines"),
    "line 17": (["bench", "check", "line.toml"], "address.lines"),
    "limit wider than the chip's": (["bench", "check", "wide.toml"], "absolute maximum rating"),
    "limit without 0 V": (["bench", "check", "zero.toml"], "0 V must be allowed"),
    "limit of an unknown pad": (["bench", "check", "pad.toml"], "unknown pad; the pads are SL"),
    "limit that is no number": (["bench", "check", "nan.toml"], "limits.SL.volts"),
    "negative pace": (["bench", "check", "pace.toml"], "simulation.pace"),
    "half simulated": (["bench", "check", "half.toml"], "both be 'sim', or neither"),
    "beyond a limit of the bench": (
        [*RUN, "--bench", "tight.toml"],
        "SL is not allowed: 0 V to 1 V",
    ),
    "unknown example": (["bench", "example", "mine"], "there are b1500, simulated"),
    "table missing": ([*RUN, "--compliance-table", "none.toml"], "cannot be read"),
    "table that falls": ([*RUN, "--compliance-table", "table.toml"], "must rise"),
    "table of one point": ([*RUN, "--compliance-table", "short.toml"], "at least two"),
    "table too narrow": ([*RUN, "--compliance-table", "narrow.toml"], "20 uA to 30 uA"),
    "table of words": ([*RUN, "--compliance-table", "words.toml"], "words.toml"),
    "no table in the file": ([*RUN, "--compliance-table", "other.toml"], "no set_compliance"),
    "no cells": (["run", "compliance", "--cells", "0"], "1 to 1024"),
    "gate range upside down": (["run", "compliance", "--gate-stop", "0.6V"], "must be above"),
    "a single gate voltage": (
        ["run", "compliance", "--gate-step", "0.5V", "--gate-stop", "0.75V"],
        "a single gate voltage",
    ),
    "ladder of a ramp": (["plan", "forming", "--ladder-stop", "3V"], "only with --mode ladder"),
    "forming top of a SET": (
        ["plan", "iv", "--sweep", "set", "--forming-top", "3V"],
        "only with --sweep forming",
    ),
    "devices beside a region": (
        ["plan", "iv", "--region", "0:2,0:2", "--devices", "5"],
        "--devices would change nothing here: only with --region all",
    ),
    "senses of a held voltage": (
        ["plan", "disturb", "--stress", "hold", "--count", "10"],
        "only with --stress sense",
    ),
    "held bits of senses": (["plan", "disturb", "--held-bits", "4"], "only with --stress hold"),
    "supplies without a ternary reading": (
        ["plan", "sense", "--ternary-programmings", "0", "--vdd", "0.6V"],
        "only with --ternary-programmings",
    ),
    "cycled pairs without cycles": (
        ["plan", "energy", "--cycles", "0", "--cycled-pairs", "2"],
        "only with --cycles above 0",
    ),
    "seed of an order that is not random": (
        ["plan", "conditions", "--order-seed", "3"],
        "only with --order random",
    ),
    "pairs of array points": (
        ["plan", "differential", "--points", "array", "--pairs", "3", "--cycles", "1e6"],
        "--pairs, --cycles would change nothing here: only with --points pairs",
    ),
    "no such run": (["show", "yesterday"], "no run 'yesterday'"),
    "report of no run": (["report", "yesterday"], "there are no runs yet"),
    "list of what": (["list", "cats"], "procedures or runs"),
    "board that is not described": (["bench", "check", "noboard.toml"], "board: missing"),
    "board that nothing uses": (["bench", "check", "bothgiven.toml"], "board: not used"),
    "lines that nothing uses": (["bench", "check", "noboard.toml"], "address: not used"),
    "lines missing": (["bench", "check", "noaddress.toml"], "address: missing"),
    "address of the board misspelt": (
        ["bench", "check", "boardpins.toml"],
        "there are mainframe.digital_io, board.address",
    ),
    "real board, simulated bench": (["bench", "check", "realboard.toml"], "board: its visa and"),
}


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(("arguments", "says"), CASES.values(), ids=CASES.keys())
def test_wrong_input_is_refused_in_one_sentence(place, arguments, says):
    before = everything(place)
    result = CliRunner().invoke(app, arguments, prog_name="labctl", env={"COLUMNS": "300"})
    assert result.exit_code == 2, result.output
    said = " ".join(result.stderr.replace("│", " ").split())
    assert says in said
    assert "Traceback" not in result.output
    assert everything(place) == before
