"""A campaign small enough to be run under every fault, and what it must leave behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from instruments.sim.faults.when import Switch
from instruments.sim.station import SMU_BEHIND_RSU, SMU_PADS, WGFMU_PADS
from instruments.testchip.chip import NOT_READ, UNDECIDED
from instruments.testchip.conditions import ProgramConditions
from labctl.bench import Bench, DieChoice
from labctl.runs import run
from labctl.store.folder import FINAL, RunFolder
from procedures.base import BenchProcedure, Planned, Step
from tests.simulated import devices, die_of, request, some_bits, station_of

UP, FORM, PROGRAM, MEASURE, SENSE, DOWN = MOMENTS = (
    *("power-up", "forming", "programming"),
    *("measuring", "sensing", "power-down"),
)
ROWS, COLUMNS = 2, 4
SEED = 4_110_529
LONGEST_S = 110.0
"""Bench time that a campaign takes at most: 4 s, and one time-out of the WGFMU of 100 s."""
CONDITIONS = ProgramConditions()
TRANSISTOR_OHM = 2.5e3
"""On-resistance with the word line fully on; read noise and two-level noise come on top."""


def pattern(shape):
    """Bits of (rows, columns) that differ between any two addresses that one line tells apart."""
    ones = [
        [(row.bit_count() + column.bit_count()) % 2 for column in range(shape[1])]
        for row in range(shape[0])
    ]
    return np.array(ones, dtype=np.uint8)


class Moments:
    """Switches for `When`: one is on while the campaign is in the moment of that name."""

    def __init__(self):
        self._switches = {name: Switch(name == UP) for name in MOMENTS}

    def __getitem__(self, name):
        return self._switches[name]

    def begin(self, name):
        for moment, switch in self._switches.items():
            switch.on = moment == name


class SmallCampaign(BenchProcedure):
    """Forms 2 x 4 bits; then programs, measures and senses a pattern, and once more its inverse.

    Beside what it measures it keeps what is true of the simulated die at that moment.
    """

    DATA_COLUMNS: ClassVar[list[str]] = ["Step", "Kind", "Bits read", "Wrong bits"]

    moments: Moments
    look: Callable

    def pulses(self):
        return Planned([])

    def steps(self):
        self.corner = some_bits(self.chip, ROWS, COLUMNS)
        self.moments.begin("between")
        return [
            Step(0, "form", 1.0, self._form),
            Step(1, "pattern", 1.0, partial(self._program_and_read, 1)),
            Step(2, "inverse pattern", 1.0, partial(self._program_and_read, 2)),
        ]

    def _form(self):
        self.moments.begin(FORM)
        voltages = self.chip.form(devices(self.corner))
        self.array("forming_voltage", voltages[self.corner])
        self.array("true_forming_voltage", self.look().formed_at[self.corner])
        self.row(Step=0, Kind="form")
        self.moments.begin("between")

    def _program_and_read(self, step):
        bits = pattern(self.chip.shape) ^ np.uint8(step % 2)
        self.moments.begin(PROGRAM)
        self.chip.program(bits, self.corner, CONDITIONS)
        self.moments.begin(MEASURE)
        self.array("true_x", self.look().x[self.corner])
        self.array("resistance", self.chip.measure(self.corner)[self.corner])
        self.moments.begin(SENSE)
        sensed = self.chip.sense(self.corner)[self.corner]
        self.array("sensed", sensed)
        read = sensed != NOT_READ
        wrong = int(np.count_nonzero((sensed != bits[self.corner]) & read))
        self.row(Step=step, Kind="read", **{"Bits read": int(read.sum()), "Wrong bits": wrong})
        self.moments.begin(DOWN if step == 2 else "between")


@dataclass
class Outcome:
    """A run that has ended, and the bench it was on."""

    folder: RunFolder
    bench: Bench

    @property
    def reason(self):
        return self.folder.record["reason"]

    def array(self, name):
        return self.folder.array(name)

    @property
    def wrong_bits(self):
        rows = self.folder.results()
        return int(rows.loc[rows["Kind"] == "read", "Wrong bits"].sum())


def run_campaign(setup, folder: Path, build) -> Outcome:
    """Run the small campaign on a bench with the faults that ``build(moments)`` gives."""
    moments = Moments()
    procedure = SmallCampaign()
    procedure.moments = moments
    asked = request(setup, folder, procedure, seed=SEED)
    bench = Bench(setup, DieChoice(None, SEED, folder), faults=build(moments))
    procedure.look = lambda: die_of(bench)
    left = run(asked, bench=bench)
    return Outcome(RunFolder(left.path), bench)


def assert_closed(outcome: Outcome) -> None:
    """The folder is closed with a status, one sentence if it failed, and readable."""
    record = outcome.folder.record
    assert record["status"] in FINAL
    assert record["ended"]
    if record["status"] == "failed":
        assert record["reason"]
        assert "\n" not in record["reason"]
    assert len(outcome.folder.results()) == record["steps_done"]
    for name in ("forming_voltage", "resistance", "sensed"):
        outcome.array(name)
    assert record["bench_time_s"]["total"] < LONGEST_S


def energised(bench: Bench) -> set[str]:
    """Pads that an instrument still holds at a voltage, and SMUs that are still on."""
    station = station_of(bench)
    pads = {
        WGFMU_PADS[channel]
        for channel, path in station.channel_path.items()
        if path.value == "wgfmu" and station.channel_volts[channel] != 0.0
    }
    for slot, volts in station.smu_volts.items():
        if volts is not None:
            pads.add(SMU_PADS.get(slot) or WGFMU_PADS[SMU_BEHIND_RSU[slot]])
    return pads


def assert_safe_or_named(outcome: Outcome) -> None:
    """Everything is at 0 V and open, or is named as what may not be."""
    bench, notes = outcome.bench, " ".join(outcome.folder.record["notes"])
    for pad in energised(bench):
        assert any(pad in problem.split(":")[0].split() for problem in bench.problems), pad
    for problem in bench.problems:
        assert problem in notes
    if bench.problems:
        assert outcome.folder.status == "failed"
        return
    station = station_of(bench)
    assert set(station.channel_volts.values()) == {0.0}
    assert {path.value for path in station.channel_path.values()} == {"open"}
    assert set(station.smu_volts.values()) == {None}


def assert_true(outcome: Outcome) -> None:
    """Whatever is stored as a value is what was true of the die; the rest is NaN or not read."""
    voltages, resistances = outcome.array("forming_voltage"), outcome.array("resistance")
    sensed = outcome.array("sensed")
    if len(voltages):
        formed = ~np.isnan(voltages)
        late = voltages[formed] - outcome.array("true_forming_voltage")[formed]
        assert (np.abs(late) < 0.02).all()
    if len(resistances):
        true_x = outcome.array("true_x")
        valid = ~np.isnan(resistances)
        expected = np.log10(10 ** true_x[valid] + TRANSISTOR_OHM)
        assert (np.abs(np.log10(resistances[valid]) - expected) < 0.25).all()
    if len(sensed):
        true_bits = (true_x[..., 0] > true_x[..., 1]).astype(np.uint8)
        decided = ~np.isin(sensed, (NOT_READ, UNDECIDED))
        assert (sensed == true_bits)[decided].all()
