"""What the fuzz has found, each as a short program."""

from __future__ import annotations

import shutil
from ctypes import c_double

import pytest

from tests.protocol.wgfmu_client import FASTIV, Client, encoded

pytestmark = pytest.mark.slow

OUT_OF_RANGE, CONTEXT, LIBRARY_ERROR, NO_CHANNEL = -1, -3, -7, -9


def test_a_channel_set_up_offline_that_is_not_there_is_forgotten():
    """It made every execute of the session return -9."""
    client = Client()
    client.call("setOperationMode", 501, FASTIV)
    client.open(101)
    client.call("clear")
    client.pattern(b"p", 0.0, [1e-6], [1.0])
    client.call("addSequence", 101, b"p", 1.0)
    client.run()


def test_a_sequence_for_a_channel_that_is_not_there_is_still_refused():
    client = Client()
    client.pattern(b"p", 0.0, [1e-6], [1.0])
    for channel in (101, 501):
        client.call("addSequence", channel, b"p", 1.0)
    client.open(101)
    assert client.code("execute") == NO_CHANNEL
    client.call("clear")
    client.pattern(b"p", 0.0, [1e-6], [1.0])
    client.call("addSequence", 101, b"p", 1.0)
    client.run()


def test_a_log_file_whose_folder_is_gone_changes_no_return_code(tmp_path):
    """The exception left the C function, which returned whatever was in a register."""
    client = Client()
    folder = tmp_path / "logs"
    folder.mkdir()
    client.call("openLogFile", encoded(folder / "log"))
    shutil.rmtree(folder)
    assert client.code("connect", 7) == CONTEXT
    assert "No session has been opened" in client.summary()


@pytest.mark.parametrize("name", [b".", b"/"])
def test_an_export_to_a_folder_cannot_be_written(name):
    assert Client().code("exportAscii", name) == LIBRARY_ERROR


def test_merging_ends_at_the_longest_pattern():
    """Times went beyond 64 bits."""
    client = Client()
    client.pattern(b"p", 0.0, [2e7], [1.0])
    assert client.code("createMergedPattern", b"p", b"p", b"p", 9000) == OUT_OF_RANGE
    assert client.number("getPatternInterpolatedForceValue", b"p", 1e7) == pytest.approx(0.5)


def test_a_merged_voltage_that_is_no_number_is_refused():
    client = Client()
    client.pattern(b"p", 1.7e308, [1.0], [0.0])
    assert client.code("createMergedPattern", b"q", b"p", b"p", 9001) == OUT_OF_RANGE


def test_a_moment_within_the_first_of_two_endless_sequences():
    """The gap after 2**40 loops of 10 000 s is beyond 64-bit ticks."""
    client = Client()
    client.pattern(b"p", 0.0, [10_000.0], [1.0])
    for _ in range(2):
        client.call("addSequence", 101, b"p", 2.0**40)
    value = c_double()
    client.call("getInterpolatedForceValue", 101, 9e9 - 5000.0, value)
    assert value.value == pytest.approx(0.5)
