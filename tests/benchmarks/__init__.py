"""Benchmarks: how fast, beside what, measured in one run; `make bench` runs them.

Each module compares one thing and has one function, ``measure() -> list[Result]``.
"""

from __future__ import annotations

BENCHMARKS = {
    "help": "`labctl --help` beside a bare typer program",
    "array": "bench time of programming one array, beside the plain way and the bound",
    "checkerboard": "wall time of the default run and of the one that `make demo` starts",
    "recording": "what writing costs a run, and rows a second beside PyMeasure's recorder",
    "flex": "FLEX queries a second, in process",
    "socket": "FLEX queries a second over the socket, beside an echo server",
    "vectors": "pattern vectors a second through the WGFMU driver",
    "loops": "cycles a second of sequencer loops, beside the real chip and another model",
    "memory": "peak memory of an endurance run of 1e8 sensed cycles, beside shorter ones",
    "outputs_off": "wall time from a fault to outputs off, the bench in real time",
    "report": "writing the report of a stored default run",
    "window": "refresh, memory and stalls of the window, beside PyMeasure's ManagedWindow",
}
"""Name, which is also the module's, to what it compares."""
