"""A short program whose outcome is known: form, SET and read one device, with plain commands.

On an instrument that has been cleaned after a fuzz it must do to a fresh die exactly what it does
on a new instrument: then nothing of the fuzz is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from instruments.sim.chip.die import Die
from instruments.sim.station import Path as Switch
from instruments.wgfmu.library import SIGNATURES
from tests.torture.bench import FuzzedBench
from tests.torture.c_calls import Array, Call

DIE_SEED = 20_260_722
GATE_V = 1.3
READ_V = 0.1
PULSED = {"SL": 101, "BL": 102, "BLB": 201, "WL": 202, "SEN": 301, "BYP": 302}
LEARNT = (0, 5, 6, 7, 8, 9, 30, 31, 32, 33, 34, 38, 46, 47, 53, 54, 55, 56, 57, 60, 110)

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Outcome:
    """Settings before the program, the device after it, and what the SMU read, A."""

    settings: dict[str, object]
    kind: list[int]
    x: list[float]
    n_set: list[int]
    amperes: float

    def assert_equal(self, other: Outcome) -> None:
        """The reading has the SMU's and the device's noise; all else must be the same."""
        assert self.settings == other.settings
        assert (self.kind, self.n_set) == (other.kind, other.n_set)
        np.testing.assert_allclose(self.x, other.x, rtol=1e-12)
        np.testing.assert_allclose(self.amperes, other.amperes, rtol=0.05)


def run(bench: FuzzedBench) -> Outcome:
    """Clean up, check that all is off, put a fresh die in, form, SET, read."""
    bench.clean()
    assert set(bench.station.channel_volts.values()) == {0.0}
    assert set(bench.station.channel_path.values()) == {Switch.OPEN}
    assert set(bench.station.smu_volts.values()) == {None}
    assert bench.read() is None
    settings = _settings(bench)
    die = Die.fresh(DIE_SEED)
    bench.pads.change_die(die)
    _power_up(bench)
    top = 3.3e-3
    ramp: Points = [(2e-7, 0.0), (2e-7 + top, 3.3), (2.2e-7 + top, 0.0), (1e-6 + top, 0.0)]
    _pulse(bench, ramp)
    _pulse(bench, [(2e-7, 0.0), (2.3e-7, 2.0), (1.2e-6, 2.0), (1.23e-6, 0.0), (1.5e-6, 0.0)])
    amperes = _read(bench)
    bench.clean()
    pair = [int(n) for n in die.n_set[0, 0]]
    return Outcome(settings, die.kind[0, 0].tolist(), die.x[0, 0].tolist(), pair, amperes)


def _do(bench: FuzzedBench, name: str, *arguments: object) -> None:
    code = bench.plain_call(name, *arguments)
    assert code == 0, f"{name}{arguments} returned {code}"


def _send(bench: FuzzedBench, line: str) -> None:
    bench.send(line)
    assert bench.ask("ERRX?") == '+0,"No Error."', line


def _settings(bench: FuzzedBench) -> dict[str, object]:
    """All settings that either door tells."""
    settings: dict[str, object] = {f"*LRN? {kind}": bench.ask(f"*LRN? {kind}") for kind in LEARNT}
    for query in ("ERMOD?", "ERS?", "*SRE?", "*STB?", "NUB?", "LOP?", "INTLKVTH?", "ERSSP? 0"):
        settings[query] = bench.ask(query)
    for name, types in SIGNATURES.items():
        # Functions that get one or two settings of a channel, and the sizes of what there is.
        if re.match(r"WGFMU_(get|is)", name) and len(types) > 1 and name.endswith(_SETTINGS):
            settings |= {f"{name} {channel}": _got(bench, name, channel) for channel in _CHANNELS}
    return settings


_CHANNELS = tuple(PULSED.values())
_SETTINGS = ("Mode", "Range", "Delay", "Enabled", "ForceValueSize", "MeasureTimeSize", "EventSize")


def _got(bench: FuzzedBench, name: str, channel: int) -> list[float] | int:
    types = SIGNATURES[name]
    if types[0] is not SIGNATURES["WGFMU_connect"][0]:
        return 0  # of a pattern, not of a channel
    call = Call(name, (channel, *(Array() for _ in types[1:])))
    arguments = call.to_c(bench.folder)
    code = getattr(bench.library, name)(*arguments)
    return code or [pointer[0] for pointer in arguments[1:]]


def _power_up(bench: FuzzedBench) -> None:
    _send(bench, "CN 5,6,7,8,9")
    _send(bench, "DV 9,0,3.3,1E-2;DV 8,0,1.2,1E-2")
    _send(bench, "ERC 2,65535")  # all lines low: row 0, column 0
    for channel in PULSED.values():
        _do(bench, "setOperationMode", channel, 2001)
        _do(bench, "setForceVoltageRange", channel, 3002)
        _do(bench, "connect", channel)


def _pulse(bench: FuzzedBench, points: Points) -> None:
    """SL and BLB go through ``points`` with the gate open: what BL's device sees."""
    end = points[-1][0]
    waves: dict[str, tuple[float, Points]] = {
        "SL": (0.0, points),
        "BL": (0.0, [(end, 0.0)]),
        "BLB": (0.0, points),
        "WL": (0.0, [(1e-7, GATE_V), (end - 1e-7, GATE_V), (end, 0.0)]),
        "SEN": (0.0, [(end, 0.0)]),
        "BYP": (1.2, [(end, 1.2)]),
    }
    _do(bench, "clear")
    for pad, (first, vectors) in waves.items():
        name = pad.encode()
        _do(bench, "createPattern", name, first)
        for seconds, volts in vectors:
            _do(bench, "setVector", name, seconds, volts)
        _do(bench, "addSequence", PULSED[pad], name, 1.0)
    _do(bench, "execute")
    _do(bench, "waitUntilCompleted")


def _read(bench: FuzzedBench) -> float:
    """Current into BL's SMU with 0.1 V on SL and the gate fully open, A."""
    for pad, volts in (("BYP", 1.2), ("WL", 3.3)):
        _do(bench, "setOperationMode", PULSED[pad], 2000)
        _do(bench, "dcforceVoltage", PULSED[pad], volts)
    for pad in ("SL", "BL", "BLB"):
        _do(bench, "setOperationMode", PULSED[pad], 2003)
        _do(bench, "connect", PULSED[pad])
    _send(bench, f"DV 5,0,{READ_V},1E-3;DV 6,0,0,1E-3;DV 7,0,0,1E-3")
    answer = bench.ask("TI 6")
    assert answer.startswith("NFI"), answer
    return float(answer[3:])
