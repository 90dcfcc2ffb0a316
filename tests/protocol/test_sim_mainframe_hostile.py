"""No text makes the mainframe raise, and *RST brings it back from wherever it was taken."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.sim.flex.errors import NothingToRead
from instruments.sim.flex.mainframe import _COMMANDS
from tests.protocol.flex import Bench

numbers = st.one_of(
    st.integers(-20, 1100).map(str),
    st.floats(-120, 120).map(repr),
    st.sampled_from(["", "1e-6", "-", "1E", "9" * 400, "nan", "0x1", "1e-3", "0.1", "8", "9", "8"]),
)
commands = st.builds(
    lambda mnemonic, parameters: f"{mnemonic} {','.join(parameters)}",
    st.sampled_from(sorted(_COMMANDS)),
    st.lists(numbers, max_size=8),
)
lines = st.one_of(st.text(max_size=300), st.lists(commands, max_size=4).map(";".join))


def drain(bench: Bench) -> None:
    try:
        while True:
            bench.mainframe.read_bytes(37)
    except NothingToRead:
        return


@settings(max_examples=150, deadline=None)
@given(st.lists(lines, max_size=15))
def test_garbage_is_never_fatal(garbage: list[str]) -> None:
    bench = Bench()
    bench.mainframe.write("CN 8,9;DV 8,0,0.5,1E-3;MM 1,8")
    for line in garbage:
        bench.mainframe.write(line)
        held = [volts for _, volts in bench.chip.holds if volts is not None]
        assert all(abs(volts) <= 100.0 for volts in held)
    bench.mainframe.write("*RST")
    drain(bench)
    bench.ask("ERR?")
    assert bench.error() == '+0,"No Error."'
    assert bench.ask("*LRN? 31") == "TM1;AV1,0;CM0;FMT1,0"
    assert bench.ask("*LRN? 0") == "CL"
    assert bench.chip.held["VDD"] is None


def test_oversized_lines_are_not_remembered() -> None:
    bench = Bench()
    for n in range(20):
        bench.mainframe.write("A" * (1_000_000 + n))
    assert bench.error() == '+150,"Command input buffer is full."'
    assert not any(len(line) > 256 for line in bench.mainframe._known)
