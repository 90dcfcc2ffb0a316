"""Every fault that the tests inject, tried once and counted; the result is kept in docs/."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.torture.durability import keep

ROOT = Path(__file__).resolve().parents[2]
CAMPAIGNS = {
    "tests/faults/test_storage.py": "around a run that goes on: disk, ledger, log, terminal, clock",
    "tests/faults/test_storage_damaged.py": "what a crash, another program or a bad disk left",
    "tests/faults/test_stopping.py": "stops and errors in every procedure",
    "tests/faults/test_campaign.py": "instruments and pads",
    "tests/faults/test_power_down.py": "the way down",
    "tests/faults/test_interrupts.py": "Ctrl-C in a script, also on the way down",
    "tests/faults/test_resynchronise.py": "answers out of step",
    "tests/campaigns/test_rechecking.py": "another die, other instruments",
    "tests/slow/test_full_disk.py": "a file size limit",
    "tests/slow/test_signals.py": "signals",
}


def test_the_campaigns_are_there():
    """Files that are moved take their place here with them."""
    assert [file for file in CAMPAIGNS if not (ROOT / file).is_file()] == []


@pytest.mark.torture
@pytest.mark.timeout(7200)
def test_every_fault_is_survived(tmp_path):
    report, begin = tmp_path / "report.xml", time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not torture", f"--junitxml={report}"]
    subprocess.run([*command, *CAMPAIGNS], cwd=ROOT, capture_output=True, check=False)
    counts = {what: {"tried": 0, "survived": 0} for what in CAMPAIGNS.values()}
    failures = []
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        file = case.attrib["classname"].replace(".", "/") + ".py"
        counts[CAMPAIGNS[file]]["tried"] += 1
        if case.find("failure") is None and case.find("error") is None:
            counts[CAMPAIGNS[file]]["survived"] += 1
        else:
            failures.append(case.attrib["name"])
    tried = sum(count["tried"] for count in counts.values())
    keep(
        "faults",
        time.monotonic() - begin,
        {"tried": tried, "survived": tried - len(failures), "failures": failures, "by": counts},
    )
    assert failures == []
    assert all(count["tried"] for count in counts.values())
