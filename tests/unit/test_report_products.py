"""What a run leaves for other runs: the measured compliance table, as the chip takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instruments.testchip.compliance import ComplianceTable
from labctl.report import summarise, write_products
from labctl.store.folder import RunFolder
from tests.unit.planted_runs import (
    checkerboard_arrays,
    compliance_arrays,
    forming_arrays,
    write_run,
)


def measured(root: Path, arrays: dict[str, Any] | None = None, **changes: Any) -> RunFolder:
    return write_run(root, "compliance", arrays or compliance_arrays(), **changes)


def test_the_chip_accepts_the_measured_table(tmp_path: Path) -> None:
    run = measured(tmp_path)
    (path,) = write_products(run)
    assert path == run.path / "set_compliance.toml"
    assert summarise(run)["compliance_table"] == str(path)
    table = ComplianceTable.from_file(path)
    arrays = compliance_arrays()
    medians = np.nanmedian(arrays["set_current"], axis=0)
    assert np.array(table.set_compliance) == pytest.approx(
        np.column_stack([arrays["gate_voltage"][0], medians]), rel=1e-6
    )
    assert table.set_compliance_voltage == 2.1
    assert table.set_compliance_simulated is True
    assert table.set_compliance_origin == f"SIMULATED die planted, 8 devices, run {run.id}"


def test_a_table_of_a_real_die_is_not_called_simulated(tmp_path: Path) -> None:
    run = measured(tmp_path, simulated=False, die={"name": "w1-03"})
    table = ComplianceTable.from_file(write_products(run)[0])
    assert table.set_compliance_simulated is False
    assert table.set_compliance_origin == f"die w1-03, 8 devices, run {run.id}"


def test_a_fresh_die_is_named_by_its_seed(tmp_path: Path) -> None:
    run = measured(tmp_path, die={"name": None, "seed": 7, "origin": "fresh"})
    table = ComplianceTable.from_file(write_products(run)[0])
    assert table.set_compliance_origin == f"SIMULATED die seed 7, 8 devices, run {run.id}"


@pytest.mark.parametrize("name", ['w"1"', "a\\b", "ä\n]", "[x]\ty"])
def test_any_name_of_a_die_is_kept_as_it_is(tmp_path: Path, name: str) -> None:
    run = measured(tmp_path, die={"name": name})
    table = ComplianceTable.from_file(write_products(run)[0])
    assert table.set_compliance_origin == f"SIMULATED die {name}, 8 devices, run {run.id}"


def test_a_device_without_any_reading_is_not_counted(tmp_path: Path) -> None:
    arrays = compliance_arrays()
    arrays["set_current"][3] = np.nan
    table = ComplianceTable.from_file(write_products(measured(tmp_path, arrays))[0])
    assert ", 7 devices, " in table.set_compliance_origin


def test_leading_noise_is_left_out(tmp_path: Path) -> None:
    arrays = compliance_arrays()
    arrays["set_current"][:, :3] = [2e-9, 1e-9, -1e-9]
    table = ComplianceTable.from_file(write_products(measured(tmp_path, arrays))[0])
    assert [volts for volts, _ in table.set_compliance] == pytest.approx([1.2, 1.3, 1.4, 1.5, 1.6])


@pytest.mark.parametrize("valid", [0, 1])
def test_fewer_than_two_points_are_no_file(tmp_path: Path, valid: int) -> None:
    arrays = compliance_arrays()
    arrays["set_current"][:, : 8 - valid] = -1e-9
    run = measured(tmp_path, arrays)
    assert write_products(run) == []
    assert not (run.path / "set_compliance.toml").exists()


@pytest.mark.parametrize("status", ["failed", "aborted"])
def test_a_run_without_success_leaves_no_product(tmp_path: Path, status: str) -> None:
    run = measured(tmp_path, status=status, reason="stopped")
    assert write_products(run) == []
    assert summarise(run)["compliance_table"] is None


def test_other_procedures_leave_none(tmp_path: Path) -> None:
    assert write_products(write_run(tmp_path / "f", "forming", forming_arrays())) == []
    assert write_products(write_run(tmp_path / "c", "checkerboard", checkerboard_arrays(1))) == []
    assert write_products(write_run(tmp_path / "e", "endurance")) == []
