"""Pattern vectors a second: full memory of all channels, built and loaded by the driver.

The driver checks grid, memory and limits and hands 2,048 vectors a channel to the library; beside
it the bare `WGFMU_createPattern` and `WGFMU_setVectors` with C arrays that are ready. Downloading
and playing them on the chip is a third number, for information.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from instruments.wgfmu.driver import Channel, Pattern, Repeat, Wgfmu
from instruments.wgfmu.library import OperationMode, WgfmuLibrary
from instruments.wgfmu.limits import GRID_S, MAX_VECTORS
from tests.benchmarks.result import Goal, Result
from tests.benchmarks.simulated import fresh_bench
from tests.benchmarks.timing import interleaved

REPEATS = 9

Floats = NDArray[np.float64]


def measure() -> list[Result]:
    """Rates of the driver, of the library alone, and of a whole execution."""
    rng = np.random.default_rng(1)
    times = np.asarray(np.arange(MAX_VECTORS + 1) * 10 * GRID_S, dtype=np.float64)
    with TemporaryDirectory() as folder, fresh_bench(Path(folder)) as bench:
        wgfmu = bench.chip.connections.wgfmu
        library = bench.instruments.library
        channels = list(bench.chip.connections.channels.values())
        for channel in channels:
            channel.configure(OperationMode.FASTIV)
        # Far below anything that would change a device.
        volts: dict[Channel, Floats] = {
            channel: rng.uniform(0, 0.1, len(times)) for channel in channels
        }
        ready = [_c_arrays(times, values) for values in volts.values()]
        seconds = interleaved(
            REPEATS,
            {
                "driver": lambda: _load(wgfmu, times, volts),
                "library": lambda: _set_vectors(library, ready),
                "loaded and executed": lambda: _execute(wgfmu, times, volts),
            },
        )
    total = MAX_VECTORS * len(channels)
    rates = {side: [total / s for s in spent] for side, spent in seconds.items()}
    medians = {side: median(values) for side, values in rates.items()}
    return [
        Result(
            name="vectors",
            value=medians["driver"],
            unit="vectors/s",
            reference=medians["library"],
            compared_with="the library's own calls, arrays ready",
            goal=Goal("value", ">=", 100_000),
            raw=rates,
        ),
        Result(
            name="vectors_executed",
            value=medians["loaded and executed"],
            unit="vectors/s",
            reference=medians["driver"],
            compared_with="loading alone",
            raw=rates,
        ),
    ]


def _load(wgfmu: Wgfmu, times: Floats, volts: dict[Channel, Floats]) -> None:
    wgfmu.load(
        {
            channel: [Repeat(Pattern(f"p{channel.id}", times, values))]
            for channel, values in volts.items()
        }
    )


def _execute(wgfmu: Wgfmu, times: Floats, volts: dict[Channel, Floats]) -> None:
    _load(wgfmu, times, volts)
    wgfmu.execute()
    wgfmu.wait()


def _c_arrays(times: Floats, volts: Floats) -> tuple[ctypes.Array[ctypes.c_double], ...]:
    as_doubles = ctypes.c_double * MAX_VECTORS
    return as_doubles(*times[1:]), as_doubles(*volts[1:])


def _set_vectors(
    library: WgfmuLibrary, ready: list[tuple[ctypes.Array[ctypes.c_double], ...]]
) -> None:
    codes = [library.WGFMU_clear()]
    for number, (times, volts) in enumerate(ready):
        name = f"p{number}".encode()
        codes.append(library.WGFMU_createPattern(name, 0.0))
        codes.append(library.WGFMU_setVectors(name, times, volts, MAX_VECTORS))
    if any(codes):
        raise RuntimeError(f"the library refused: return codes {codes}")
