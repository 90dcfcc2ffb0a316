"""A run folder can be read at every moment of its run, by everything that reads it."""

from __future__ import annotations

import pandas as pd
import pytest
from pymeasure.experiment import Results
from typer.testing import CliRunner

from labctl.cli import app
from labctl.runs import run
from labctl.store.folder import JOURNAL, RESULTS, RunFolder
from labctl.store.writer import RunWriter
from tests.simulated import request, small_setup

ROWS, SEED = 2, 20261122
WRITES = ("append_row", "append_array", "append_event", "end_step", "update")


class Reader:
    """Reads the run behind the writer's back, after each of its writes."""

    def __init__(self):
        self.moments = 0
        self.rows = []
        self.committed = {}

    def reads(self, path):
        self.moments += 1
        made = RunFolder(path)
        self.only_grew(made)
        assert made.status in ("running", "success")
        told = CliRunner().invoke(app, ["show", str(path)])
        assert told.exit_code == 0, told.output
        for name in ("resistance", "sensed", "unformed"):
            made.array(name)
        self.rows.append(len(made.results()))
        if (path / RESULTS).exists():
            loaded = Results.load(str(path / RESULTS)).data
            read = pd.read_csv(path / RESULTS, comment="#")
            # All that is written, also behind the last end mark.
            assert len(loaded) == len(read) >= self.rows[-1]

    def only_grew(self, made):
        """What stands before an end mark is never rewritten."""
        for name, before in self.committed.items():
            assert (made.path / name).read_bytes().startswith(before), name
        mark = made.last_step_end()
        if mark is not None:
            lengths = {**mark.lengths, JOURNAL: mark.offset}
            self.committed = {
                name: (made.path / name).read_bytes()[:length] for name, length in lengths.items()
            }


@pytest.fixture
def reader(monkeypatch):
    reader = Reader()

    def watched(write):
        def writes(writer, *arguments, **named):
            write(writer, *arguments, **named)
            reader.reads(writer.path)

        return writes

    for name in WRITES:
        monkeypatch.setattr(RunWriter, name, watched(getattr(RunWriter, name)))
    return reader


def test_a_run_can_be_read_at_every_moment(tmp_path, reader):
    made = run(request(small_setup(tmp_path, ROWS), tmp_path, seed=SEED, programmings=1))
    assert made.status == "success"
    assert reader.moments > 30
    assert reader.rows == sorted(reader.rows)
    assert reader.rows[-1] == ROWS + 2
    assert reader.committed.keys() > {JOURNAL, RESULTS}
