"""The HTML report: self-contained, honest about what is missing, safe against hostile text."""

from __future__ import annotations

import base64
import doctest
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labctl.report import text as report_text
from labctl.report import write_report
from labctl.report.text import duration, ohms
from tests.unit.planted_runs import (
    checkerboard_arrays,
    compliance_arrays,
    forming_arrays,
    write_run,
)


def report(root: Path, procedure: str, *arguments: Any, **changes: Any) -> str:
    return write_report(write_run(root, procedure, *arguments, **changes)).read_text("utf-8")


def images(html: str) -> list[bytes]:
    return [
        base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    ]


class Outside(HTMLParser):
    """Collects every address that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "action")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def checkerboard(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("runs")
    return report(root, "checkerboard", checkerboard_arrays(24, unformed=[(3, 7, 1)]))


def test_four_figures_inside_one_well_formed_file(checkerboard: str) -> None:
    pictures = images(checkerboard)
    assert len(pictures) == 4
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert len(set(pictures)) == 4
    page = Outside()
    page.feed(checkerboard)
    assert page.open == []
    assert all(address.startswith("data:image/png;base64,") for address in page.found)
    assert len(checkerboard) < 2_000_000


def test_every_condition_a_reader_needs(checkerboard: str) -> None:
    for text in (
        "SL wgfmu.101, BL wgfmu.102",
        "B1530A in slot 1; B1517A in slot 5",
        "planted chip",
        "SIMULATED: planted dies; 2 points, 30 µA (WL 0.8 V) to 150 µA (WL 1.4 V), "
        "at a SET voltage of 2 V",
        "<td>2.1 V</td>",
        "<td>40 kΩ</td>",
        "QB is not read",
        "SIMULATED",
        "compliance 55 µA requested, 54.6 µA applied",
        "fixed reference 40 kΩ",
        "Clopper-Pearson",
        "Not measured",
        "planted",
        "benches/simulated.toml",
        "B1530A",
        "0123abc",
        "Seed",
        "row 3 column 7 BLb",
        "chosen on the same readings",
        "every programming switches every device",
        "A note of the run.",
    ):
        assert text in checkerboard, text


def test_what_the_page_leaves_out(checkerboard: str) -> None:
    for text in ("text of the bench file", "text of the chip file", "did not end", "undecided ("):
        assert text not in checkerboard, text


@pytest.mark.usefixtures("undrawn")
def test_undecided_bits_are_counted_where_qb_was_read(tmp_path: Path) -> None:
    arrays = checkerboard_arrays(2)
    arrays["sensed"][0, 0, :3] = 2
    html = report(tmp_path, "checkerboard", arrays)
    assert "3 of them undecided (Q = QB)" in html
    assert "QB is not read" not in html


@pytest.mark.usefixtures("undrawn")
def test_a_real_bench_is_never_called_simulated(tmp_path: Path) -> None:
    html = report(tmp_path, "checkerboard", checkerboard_arrays(2), simulated=False)
    assert "REAL bench" in html
    assert "SIMULATED" not in html
    assert "simulated chip" not in html


@pytest.mark.usefixtures("undrawn")
def test_blocks_order_is_warned_about(tmp_path: Path) -> None:
    parameters = {"reference": 40e3, "order": "blocks"}
    html = report(tmp_path, "checkerboard", checkerboard_arrays(1), parameters=parameters)
    assert "The trials are dependent" in html
    assert "every programming switches every device" not in html


@pytest.mark.parametrize("programmings", [0, 1])
def test_an_aborted_run_says_so(tmp_path: Path, programmings: int) -> None:
    arrays = checkerboard_arrays(programmings)
    html = report(tmp_path, "checkerboard", arrays, status="aborted", reason="stopped by Ctrl-C")
    stated = html.index("did not end as planned (aborted: stopped by Ctrl-C)")
    assert html.index("<strong>ABORTED.</strong>") < stated < html.index("<h1>")
    assert len(images(html)) == (4 if programmings else 0)
    assert ("No usable bit was programmed and measured" in html) == (programmings == 0)


def test_an_array_without_one_usable_bit(tmp_path: Path) -> None:
    arrays = checkerboard_arrays(2)
    arrays["unformed"][:] = 1
    html = report(tmp_path, "checkerboard", arrays)
    assert "No usable bit" in html
    assert "and 2036 more" in html


def test_resistances_without_a_single_sense(tmp_path: Path) -> None:
    arrays = checkerboard_arrays(2)
    arrays["sensed"][:] = 255
    html = report(tmp_path, "checkerboard", arrays)
    assert len(images(html)) == 1
    assert "no trials" in html


def test_sense_without_a_single_resistance(tmp_path: Path) -> None:
    arrays = checkerboard_arrays(2)
    arrays["resistance"][:] = np.nan
    assert len(images(report(tmp_path, "checkerboard", arrays))) == 2


@pytest.mark.usefixtures("undrawn")
def test_dead_cells_are_named(tmp_path: Path) -> None:
    arrays = checkerboard_arrays(20)
    arrays["sensed"][:, 1, 2] = 1
    assert "of a pattern): row 1 column 2." in report(tmp_path, "checkerboard", arrays)


def test_text_of_the_record_cannot_become_markup(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    html = report(
        tmp_path,
        "checkerboard",
        status="failed",
        reason=evil,
        die={"name": evil},
        headline=evil,
        roles={evil: evil},
        notes=[evil],
        conditions={evil: evil},
    )
    assert "<script" not in html


def test_forming_and_compliance_have_their_figure(tmp_path: Path) -> None:
    forming = report(tmp_path / "f", "forming", forming_arrays())
    assert len(images(forming)) == 2
    assert "2047 formed, 1 censored" in forming
    assert "Still unformed: row 3 column 7 BLb." in forming
    compliance = report(tmp_path / "c", "compliance", compliance_arrays())
    assert len(images(compliance)) == 1
    assert "SET current" in compliance
    assert ">Median (µA)<" in compliance
    assert ">Devices<" in compliance
    assert "16 % to 84 %: " in forming
    for page in (forming, compliance):
        assert "standard deviation" not in page.lower()
    assert "Mean" not in compliance
    assert "none: only a run that succeeded leaves one" in compliance


def test_the_report_writes_no_product(tmp_path: Path) -> None:
    run = write_run(tmp_path, "compliance", compliance_arrays())
    write_report(run)
    assert not list(run.path.glob("*.toml"))


def test_forming_and_compliance_with_nothing_stored(tmp_path: Path) -> None:
    forming = report(tmp_path / "f", "forming", status="failed")
    assert "No row of the array was formed" in forming
    assert "No SET current was measured" in report(tmp_path / "c", "compliance", status="failed")


def test_a_table_that_does_not_rise_is_called_unusable(tmp_path: Path) -> None:
    arrays = compliance_arrays()
    arrays["set_current"] = arrays["set_current"][:, ::-1]
    assert "no table to set a compliance with" in report(tmp_path, "compliance", arrays)


def test_any_other_procedure_shows_its_rows(tmp_path: Path) -> None:
    rows = "#Procedure: <ReadNoise>\nCycle,R (ohm)\n1,12345.6\n2,nan"
    html = report(tmp_path, "read_noise", rows=rows)
    assert "no figures for the procedure read_noise" in html
    assert "R (ohm)" in html
    assert "12345.6" in html


def test_a_new_report_replaces_the_old_one(tmp_path: Path) -> None:
    run = write_run(tmp_path, "compliance", compliance_arrays())
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert sorted(p.name for p in run.path.glob("report*")) == ["report.html"]


def test_importing_the_report_loads_nothing_heavy() -> None:
    heavy = "{'matplotlib', 'jinja2', 'pandas', 'scipy', 'rich'}"
    code = f"import sys, labctl.report; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("value", "text"), [(999.9e3, "1 MΩ"), (999.4, "999 Ω"), (1e3, "1 kΩ"), (47_012.0, "47 kΩ")]
)
def test_resistances_keep_three_digits(value: float, text: str) -> None:
    assert ohms(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(59.96, "1 min 0 s"), (3599.6, "1 h 0 min"), (0.04, "0.0 s")]
)
def test_durations_carry_over(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_examples_of_number_formats() -> None:
    result = doctest.testmod(report_text)
    assert result.failed == 0
    assert result.attempted > 0
