"""The contract suites on the simulated bench, with either kind of decoder."""

from __future__ import annotations

import pytest

from labctl.bench import DieChoice
from tests.contract.decoder import DecoderContract
from tests.contract.pulser import PulserContract
from tests.contract.rig import instruments_rig
from tests.contract.smu import SmuContract
from tests.simulated import bent_setup

SEED = 40_961


@pytest.fixture
def rig(setup, tmp_path):
    with instruments_rig(setup, DieChoice(None, SEED, tmp_path)) as rig:
        yield rig


LINES = """\
[address]
# DIO numbers of AR0-AR4, then AC0-AC4
lines = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
"""
BOARD = """\
[board]
visa = "sim"
"""


class TestSmu(SmuContract):
    pass


class TestPulser(PulserContract):
    pass


class TestDigitalLines(DecoderContract):
    pass


class TestDecoderBoard(DecoderContract):
    @pytest.fixture
    def setup(self, tmp_path):
        return bent_setup(tmp_path, ("mainframe.digital_io", "board.address"), (LINES, BOARD))
