"""Summaries are JSON, and the terminal table says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from labctl.report import summarise, terminal_table, write_report
from tests.unit.planted_runs import (
    checkerboard_arrays,
    compliance_arrays,
    forming_arrays,
    write_run,
)


def as_json(summary: dict[str, Any]) -> dict[str, Any]:
    """Through JSON and back; NaN and infinity are not JSON."""
    loaded: dict[str, Any] = json.loads(json.dumps(summary, allow_nan=False))
    return loaded


def printed(summary: dict[str, Any]) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(terminal_table(summary))
    return capture.get()


def test_checkerboard_summary_has_what_scripts_rely_on(tmp_path: Path) -> None:
    run = write_run(tmp_path, "checkerboard", checkerboard_arrays(20, unformed=[(3, 7, 1)]))
    summary = as_json(summarise(run))
    assert (summary["run"], summary["status"], summary["simulated"]) == (
        run.path.name,
        "success",
        True,
    )
    for name in ("ber_1t1r", "ber_1t1r_fixed", "ber_2t2r"):
        assert summary[name].keys() == {"errors", "trials", "value", "low", "high"}
        assert 0 < summary[name]["low"] < summary[name]["value"] < summary[name]["high"]
    assert summary["dead_cells"] == []
    assert summary["unformed"] == [{"row": 3, "column": 7, "device": "BLb"}]
    assert summary["fixed_reference_ohm"] == 40e3
    assert (summary["wall_time_s"], summary["bench_time_s"]) == (161.2, 21000.0)
    assert summary["bench_time_parts_s"] == {"form": 180.0, "program": 8000.0, "measure": 9000.0}


def test_dead_cells_are_null_below_ten_programmings(tmp_path: Path) -> None:
    arrays = checkerboard_arrays(20)
    arrays["sensed"][:, 1, 2] = 1
    dead = summarise(write_run(tmp_path / "a", "checkerboard", arrays))
    assert dead["dead_cells"] == [[1, 2]]
    few = {name: records[:18] for name, records in arrays.items()} | {
        "unformed": arrays["unformed"]
    }
    assert summarise(write_run(tmp_path / "b", "checkerboard", few))["dead_cells"] is None


@pytest.mark.usefixtures("undrawn")
def test_report_is_named_once_it_is_written(tmp_path: Path) -> None:
    run = write_run(tmp_path, "checkerboard", checkerboard_arrays(2))
    assert summarise(run)["report"] is None
    path = write_report(run)
    assert summarise(run)["report"] == str(path)


@pytest.mark.parametrize("programmings", [0, 1])
def test_hardly_anything_measured_is_still_json(tmp_path: Path, programmings: int) -> None:
    run = write_run(
        tmp_path, "checkerboard", checkerboard_arrays(programmings), status="aborted", reason="^C"
    )
    summary = as_json(summarise(run))
    assert summary["programmings"] == programmings
    assert summary["ber_2t2r"]["trials"] == programmings * 1024
    assert "^C" in printed(summary)


def test_swapped_bit_lines_and_constant_readings_are_still_json(tmp_path: Path) -> None:
    arrays = checkerboard_arrays(10)
    is_hrs = np.stack([arrays["pattern"] == 1, arrays["pattern"] == 0], axis=-1)
    arrays["resistance"] = np.where(is_hrs, 1e4, 2e5)
    summary = as_json(summarise(write_run(tmp_path, "checkerboard", arrays)))
    assert summary["window"]["separation"] is None
    assert summary["ber_1t1r_fixed"]["value"] == 1.0


def test_a_programming_that_was_not_sensed_is_left_out(tmp_path: Path) -> None:
    arrays = checkerboard_arrays(4)
    arrays["sensed"] = arrays["sensed"][:3]
    summary = summarise(write_run(tmp_path, "checkerboard", arrays, status="aborted"))
    assert (summary["programmings"], summary["ber_1t1r"]["trials"]) == (3, 3 * 2048)


def test_terminal_table_of_a_checkerboard(tmp_path: Path) -> None:
    arrays = checkerboard_arrays(20, unformed=[(3, 7, 1)])
    summary = summarise(write_run(tmp_path, "checkerboard", arrays))
    text = printed(summary)
    rate = summary["ber_2t2r"]
    assert f"{rate['errors']} of {rate['trials']}" in text
    assert "SIMULATED" in text
    assert "row 3 column 7 BLb" in text
    assert "5 h 50 min (form 3 min 0 s, program 2 h 13 min, measure 2 h 30 min)" in text


def test_square_brackets_in_names_are_printed_as_they_are(tmp_path: Path) -> None:
    run = write_run(tmp_path, "checkerboard", status="failed", reason="[red]lost[/red]")
    assert "[red]lost[/red]" in printed(summarise(run))


def test_forming_summary(tmp_path: Path) -> None:
    summary = as_json(summarise(write_run(tmp_path, "forming", forming_arrays())))
    assert (summary["devices"], summary["formed_here"]) == (2048, 2047)
    assert summary["yield"] == pytest.approx(2047 / 2048)
    assert summary["forming_voltage"]["median_v"] == pytest.approx(2.55, abs=0.02)
    volts = summary["forming_voltage"]
    assert volts["q16_v"] < volts["median_v"] < volts["q84_v"]
    assert "2047 of 2048" in printed(summary)


def test_forming_of_some_rows_counts_those_rows(tmp_path: Path) -> None:
    summary = summarise(write_run(tmp_path, "forming", forming_arrays(rows=2), status="aborted"))
    assert (summary["devices"], summary["unformed"]) == (128, [])


def test_compliance_summary(tmp_path: Path) -> None:
    summary = as_json(summarise(write_run(tmp_path, "compliance", compliance_arrays())))
    assert summary["is_monotone"] is True
    assert [row["devices"] for row in summary["set_current"]] == [8, 8, 8, 8, 7, 8, 8, 8]
    assert summary["devices"] == 8
    assert summary["compliance_table"] is None
    for row in summary["set_current"]:
        assert row["q16_a"] < row["median_a"] < row["q84_a"]
    assert "median of 7 devices" in printed(summary)
    assert "cell" not in printed(summary)


def test_a_table_that_begins_above_the_threshold_says_where(tmp_path: Path) -> None:
    arrays = compliance_arrays()
    arrays["set_current"][:, 0] = -1e-9
    summary = as_json(summarise(write_run(tmp_path, "compliance", arrays)))
    assert summary["is_monotone"] is False
    assert [point[0] for point in summary["set_compliance"]] == pytest.approx(
        list(np.linspace(1.0, 1.6, 7))
    )
    assert "from 1.00 V on" in printed(summary)
    assert "│ 0.0 µA" in printed(summary)


def test_conditions_come_first(tmp_path: Path) -> None:
    run = write_run(tmp_path, "checkerboard", checkerboard_arrays(1))
    summary = as_json(summarise(run))
    assert summary["conditions"] == run.record["conditions"]
    assert summary["parameters"] == run.record["parameters"]
    first = printed(summary).splitlines()[2]
    assert "Conditions" in first
    assert "SET 55 µA (WL 1.0300 V), RESET 2.5 V, 1 µs" in first


def test_an_older_record_without_a_headline_has_no_conditions_row(tmp_path: Path) -> None:
    run = write_run(tmp_path, "checkerboard", checkerboard_arrays(1), headline=None)
    assert "Conditions" not in printed(summarise(run))


@pytest.mark.parametrize("rows", [0, 2, 5])
def test_forming_of_a_small_chip(tmp_path: Path, rows: int) -> None:
    arrays = forming_arrays(rows=rows, columns=8)
    summary = as_json(summarise(write_run(tmp_path, "forming", arrays)))
    assert summary["devices"] == rows * 8 * 2
    assert summary["formed_here"] == rows * 8 * 2 - (rows > 3)
    assert [d["row"] for d in summary["unformed"]] == [3] * (rows > 3)


def test_a_checkerboard_of_a_small_chip_stopped_early(tmp_path: Path) -> None:
    arrays = {"unformed": checkerboard_arrays(1, unformed=[(3, 7, 1)])["unformed"][:5, :8]}
    run = write_run(tmp_path / "a", "checkerboard", arrays, status="aborted")
    summary = as_json(summarise(run))
    assert summary["programmings"] == 0
    assert summary["unformed"] == [{"row": 3, "column": 7, "device": "BLb"}]
    assert write_report(run).is_file()
    nothing = summarise(write_run(tmp_path / "b", "checkerboard", status="failed"))
    assert (nothing["programmings"], nothing["unformed"]) == (0, [])


def test_any_other_procedure_has_the_common_part(tmp_path: Path) -> None:
    summary = as_json(summarise(write_run(tmp_path, "read_noise")))
    assert summary["procedure"] == "read_noise"
    assert "ber_2t2r" not in summary
