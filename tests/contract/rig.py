"""The instruments of a bench for the contract suites: opened, the chip left without power.

Every output gets a limit of 0.1 V, whatever the bench file allows, so that a suite can be run with
a die at the probes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from instruments.b1500.mainframe import B1500, SpotSMU
from instruments.limits import VoltageLimit
from instruments.testchip.decoder import Decoder, DigitalIODecoder
from instruments.testchip.decoder_board import DecoderBoard
from instruments.wgfmu.driver import Channel, Wgfmu
from instruments.wgfmu.library import OperationMode
from labctl.bench import DieChoice, Instruments, open_instruments
from labctl.benchfile import BenchSetup
from labctl.recorded import RecordedInstruments, ReplayedInstruments

MOST_VOLTS = 0.1
NO_DIE = DieChoice(None, None, Path())
BENCH_FILE = "bench.toml"
"""Name of the bench file beside the recordings made with it."""


@dataclass
class Rig:
    """One bench's SMUs, pulse channels and decoder, outputs off and at 0 V."""

    setup: BenchSetup
    mainframe: B1500
    wgfmu: Wgfmu
    smus: list[SpotSMU]
    channels: list[Channel]
    decoder: Decoder

    def address(self) -> tuple[int, int]:
        """Row and column as read back from the decoder's lines."""
        if isinstance(self.decoder, DecoderBoard):
            row, column = self.decoder.ask("ADDR?").split(",")
            return int(row), int(column)
        low = int(self.mainframe.ask("ERS?"))
        assert self.setup.content.address is not None
        high = [not low >> (line - 1) & 1 for line in self.setup.content.address.lines]
        row, column = (sum(on << bit for bit, on in enumerate(h)) for h in (high[:5], high[5:]))
        return row, column


@contextmanager
def open_rig(setup: BenchSetup, instruments: Instruments) -> Iterator[Rig]:
    """Open the sessions; on leaving, every output is at 0 V and off and no error is queued."""
    mainframe = B1500(instruments.adapter)
    wgfmu = Wgfmu(instruments.library, setup.content.mainframe.visa)
    try:
        mainframe.synchronise()
        mainframe.drain_errors()
        wgfmu.open()
        mainframe.open(setup.content.mainframe.modules)
        rig = Rig(
            setup,
            mainframe,
            wgfmu,
            list(mainframe.smus.values()),
            list(wgfmu.channels.values()),
            _decoder(setup, mainframe, instruments),
        )
        for output in (*rig.smus, *rig.channels):
            output.limit = VoltageLimit("contract", 0.0, MOST_VOLTS)
        _make_safe(rig)
        try:
            yield rig
        finally:
            _make_safe(rig)
        mainframe.check_errors()
        wgfmu.close()
    finally:
        instruments.close()


@contextmanager
def instruments_rig(setup: BenchSetup, die: DieChoice = NO_DIE) -> Iterator[Rig]:
    """The rig of a bench, real or simulated."""
    instruments, _ = open_instruments(setup, die)
    with open_rig(setup, instruments) as rig:
        yield rig


@contextmanager
def recorded_rig(setup: BenchSetup, file: Path, die: DieChoice = NO_DIE) -> Iterator[Rig]:
    """The rig of a bench, everything written to a new file."""
    instruments, record = open_instruments(setup, die)
    with open_rig(setup, RecordedInstruments(instruments, setup, record, file)) as rig:
        yield rig


@contextmanager
def replayed_rig(setup: BenchSetup, file: Path) -> Iterator[Rig]:
    """The rig of a recording; raises `ReplayDifference` unless it is replayed to its end."""
    instruments = ReplayedInstruments(setup, NO_DIE, file)
    with open_rig(setup, instruments) as rig:
        yield rig
    instruments.replay.finish()


def copy_bench_file(setup: BenchSetup, folder: Path) -> BenchSetup:
    """The setup of a copy of a bench file in a folder that recordings go to."""
    folder.mkdir(parents=True, exist_ok=True)
    return BenchSetup(Path(shutil.copyfile(setup.file, folder / BENCH_FILE)))


def _decoder(setup: BenchSetup, mainframe: B1500, instruments: Instruments) -> Decoder:
    if setup.content.board is not None:
        board = DecoderBoard(instruments.board)
        board.open()
        return board
    assert setup.content.address is not None
    return DigitalIODecoder(mainframe, setup.content.address.lines)


def _make_safe(rig: Rig) -> None:
    rig.wgfmu.stop()
    for smu in rig.smus:
        smu.make_safe()
    for channel in rig.channels:
        channel.configure(OperationMode.DC)
        channel.force(0.0)
        channel.disconnect()
