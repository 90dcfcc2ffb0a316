"""The contract suites on the bench that ``pytest --bench FILE`` names, at 0.1 V at most."""

from __future__ import annotations

import pytest

from labctl.benchfile import load_setup
from tests.contract.decoder import DecoderContract
from tests.contract.pulser import PulserContract
from tests.contract.rig import instruments_rig
from tests.contract.smu import SmuContract


@pytest.fixture
def rig(bench_file):
    if bench_file is None:
        pytest.skip("no bench: name one with `pytest --bench FILE`")
    with instruments_rig(load_setup(bench_file)) as rig:
        yield rig


class TestSmu(SmuContract):
    pass


class TestPulser(PulserContract):
    pass


class TestDecoder(DecoderContract):
    pass
