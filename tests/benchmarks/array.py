"""Bench time of programming one whole array: what the real bench would need.

`TestChip.program` downloads two waveforms an array, and each bit costs one address, one execute,
one wait. The plain way makes an operation of its own of every device: build, download, execute,
wait, pads back to idle. A leaner plain way leaves out the idle pads: unsafe between operations, but
it shows how much of the gain is the download. Both are done through the drivers on some bits and
scaled to the array. The bound is one FLEX transaction and two library calls a bit. All of it is
virtual time, so one measurement says it all.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from instruments.sim.clock import BenchTimes
from instruments.testchip.chip import TestChip
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.waveforms import Scheme
from tests.benchmarks.result import Goal, Result
from tests.benchmarks.simulated import fresh_bench

PLAIN_BITS = 32


def measure() -> list[Result]:
    """Bench seconds of an array: programmed by the driver, the plain ways, the bound."""
    conditions = ProgramConditions()
    with TemporaryDirectory() as folder, fresh_bench(Path(folder)) as bench:
        chip = bench.chip
        # The time is the same whatever the devices do, so they need not be formed.
        bits = np.asarray(np.indices(chip.shape).sum(axis=0) % 2, dtype=np.uint8)
        array_s = _bench_time(chip, lambda: chip.program(bits, chip.all_bits(), conditions))
        plain_s = _bench_time(chip, lambda: _operation_each(chip, bits, conditions))
        lean_s = _bench_time(chip, lambda: _download_each(chip, bits, conditions))
    scale = bits.size / PLAIN_BITS
    times = BenchTimes()
    bound_s = bits.size * (times.flex_transaction + 2 * times.wgfmu_call)
    return [
        Result(
            name="array",
            value=array_s,
            unit="s bench time",
            reference=plain_s * scale,
            compared_with=f"one operation a device, {PLAIN_BITS} bits done and scaled",
            goal=Goal("value", "<=", 48.0),
            raw={"array": [array_s], f"plain, {PLAIN_BITS} bits": [plain_s]},
        ),
        Result(
            name="array_without_idle",
            value=array_s,
            unit="s bench time",
            reference=lean_s * scale,
            compared_with=f"one download a device, no idle pads, {PLAIN_BITS} bits, scaled",
            raw={"array": [array_s], f"plain without idle, {PLAIN_BITS} bits": [lean_s]},
        ),
        Result(
            name="array_bound",
            value=array_s,
            unit="s bench time",
            reference=bound_s,
            compared_with="the bound: address, execute, wait",
            raw={"array": [array_s], "bound": [bound_s]},
        ),
    ]


def _bench_time(chip: TestChip, work: Callable[[], None]) -> float:
    begin = chip.connections.now()
    work()
    return chip.connections.now() - begin


def _operation_each(chip: TestChip, bits: NDArray[np.uint8], conditions: ProgramConditions) -> None:
    """SET one device of each bit and RESET the other, each an operation of its own."""
    for row, column in list(np.ndindex(chip.shape))[:PLAIN_BITS]:
        bit = int(bits[row, column])
        chip.set(chip.one_device(row, column, bit), conditions)
        chip.reset(chip.one_device(row, column, 1 - bit), conditions)


def _download_each(chip: TestChip, bits: NDArray[np.uint8], conditions: ProgramConditions) -> None:
    """The same pulses; between them the pads stay with the pulse generators."""
    schemes = chip.schemes
    gate_v = schemes.table.gate_v(conditions.set_compliance_a)
    for row, column in list(np.ndindex(chip.shape))[:PLAIN_BITS]:
        bit = int(bits[row, column])
        set_one = schemes.set_device(bit, gate_v, conditions.set_v, conditions.width_s)
        _fire(chip, set_one, row, column)
        _fire(chip, schemes.reset_device(1 - bit, conditions), row, column)


def _fire(chip: TestChip, scheme: Scheme, row: int, column: int) -> None:
    at = chip.connections
    chip.load(scheme)
    at.decoder.select(row, column)
    at.wgfmu.execute()
    at.wgfmu.wait()
