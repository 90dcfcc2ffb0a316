"""Recording and replaying: what is written, that a replay is the run, and how differences read."""

from __future__ import annotations

import ctypes
import json
from ctypes import POINTER, byref, c_char, c_char_p, c_double, c_int, create_string_buffer

import numpy as np
import pytest
from pymeasure.adapters import Adapter
from typer.testing import CliRunner

from instruments.b1500.mainframe import B1500, B1500Error
from instruments.recording import (
    Recorder,
    RecordingAdapter,
    RecordingError,
    RecordingLibrary,
    Replay,
    ReplayAdapter,
    ReplayDifference,
    ReplayLibrary,
)
from instruments.wgfmu.calls import INPUT_ARRAYS, OUTPUT_ARRAYS
from instruments.wgfmu.errors import WgfmuError, check
from instruments.wgfmu.library import SIGNATURES
from labctl import bench as bench_module
from labctl.bench import Bench, DieChoice, simulated_instruments
from labctl.benchfile import load_setup
from labctl.cli import app
from labctl.report import summarise, write_report
from labctl.runs import RunRequest, run
from tests.protocol.wgfmu_client import ADDRESS, AVERAGED, DC, FASTIV, VOLTAGE, Client
from tests.simulated import assert_outputs_safe, request, small_setup, station_of

SEED = 71_003


class Answers(Adapter):
    """An adapter that takes anything and gives the replies that a test put in."""

    def __init__(self, *replies):
        super().__init__()
        self.replies = list(replies)
        self.written = []

    def _write(self, command, **kwargs):
        self.written.append(command)
        if command == "FAIL":
            raise TimeoutError("the bus timed out")

    def _read(self, **kwargs):
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _read_bytes(self, count, break_on_termchar, **kwargs):
        return self._read().encode("latin-1")

    def _write_bytes(self, content, **kwargs):
        self.written.append(content)

    def flush_read_buffer(self):
        self.replies.clear()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "run.jsonl"


@pytest.fixture
def recorder(file):
    recorder = Recorder(file, {"bench": "b"})
    yield recorder
    recorder.close()


def entries(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


# --- FLEX lines ---------------------------------------------------------------------------------


def test_lines_and_replies_are_written_with_number_and_bench_time(file):
    times = iter([0.0, 1.5, 2.5])
    recorder = Recorder(file, {"bench": "b"}, lambda: next(times))
    adapter = RecordingAdapter(Answers("+0,µ"), recorder)
    adapter.write("ERRX?")
    assert adapter.read() == "+0,µ"
    recorder.close()
    assert entries(file) == [
        {"n": 1, "format": 1, "bench": "b", "t": 0.0},
        {"n": 2, "sent": "ERRX?", "t": 1.5},
        {"n": 3, "received": "+0,µ", "t": 2.5},
    ]


def test_each_line_is_in_the_file_when_its_call_returns(file, recorder):
    adapter = RecordingAdapter(Answers(), recorder)
    for count in range(1, 5):
        adapter.write("BC")
        assert len(entries(file)) == 1 + count


def talk(adapter):
    """Everything that an adapter can do, and what came of it."""
    adapter.write("A")
    adapter.write_bytes(b"\xff\x00")
    heard = [adapter.read(), adapter.read_bytes(3), adapter.read()]
    adapter.flush_read_buffer()
    return heard


def test_a_replay_gives_back_what_was_read(file, recorder):
    heard = talk(RecordingAdapter(Answers("one", "\xfe\x01\x02", "two", "late"), recorder))
    replay = Replay(file)
    assert talk(ReplayAdapter(replay)) == heard == ["one", b"\xfe\x01\x02", "two"]
    replay.finish()


def test_a_failure_of_the_bus_is_recorded_and_comes_back(file, recorder):
    driver = B1500(RecordingAdapter(Answers(TimeoutError("no reply")), recorder))
    with pytest.raises(B1500Error, match=r"TI 5,0 was not answered: no reply"):
        driver.ask("TI 5,0")
    with pytest.raises(B1500Error, match="FAIL could not be sent"):
        driver.write("FAIL")
    assert [entry.get("error") for entry in entries(file)[2:]] == [
        "TimeoutError: no reply",
        "TimeoutError: the bus timed out",
    ]
    replay = Replay(file)
    again = B1500(ReplayAdapter(replay))
    with pytest.raises(B1500Error, match="TI 5,0 was not answered: as recorded: TimeoutError"):
        again.ask("TI 5,0")
    with pytest.raises(B1500Error, match="FAIL could not be sent: as recorded"):
        again.write("FAIL")
    replay.finish()


def test_the_lines_of_another_door_are_told_apart(file, recorder):
    mainframe = RecordingAdapter(Answers(), recorder)
    board = RecordingAdapter(Answers("OK"), recorder, door="board")
    mainframe.write("BC")
    board.write("ADDR 1,2")
    assert board.read() == "OK"
    assert entries(file)[2] == {"n": 3, "sent": "ADDR 1,2", "door": "board"}
    replay = Replay(file)
    ReplayAdapter(replay).write("BC")
    with pytest.raises(ReplayDifference, match=r"line 3.*sent 'ADDR 1,2' \(board\)"):
        ReplayAdapter(replay).write("ADDR 1,2")


# --- C calls ------------------------------------------------------------------------------------


def doubles(*values):
    return (c_double * len(values))(*values)


def c_session(library):
    """Calls of every form of argument; returns what came out."""

    def call(name, *arguments):
        check(library, name, getattr(library, f"WGFMU_{name}")(*arguments))

    out = []
    call("openSession", ADDRESS)
    size = c_int()
    call("getChannelIdSize", byref(size))
    ids = (c_int * size.value)()
    call("getChannelIds", ids, byref(size))
    out.append((list(ids), size.value))
    call("createPattern", b"p", 0.0)
    call("setVectors", b"p", doubles(1e-5, 2e-5, 4e-5), doubles(0.1, 0.1, 0.0), 3)
    call("addVector", b"p", 1e-5, 0.0)
    call("setMeasureEvent", b"p", b"e", 1e-5, 3, 2e-6, 1e-6, AVERAGED)
    names = (c_char_p * 2)(b"p", b"p")
    call("addSequences", 101, names, doubles(1, 2), 2)
    call("setOperationMode", 101, FASTIV)
    call("setMeasureMode", 101, VOLTAGE)
    call("connect", 101)
    call("execute")
    call("waitUntilCompleted")
    size = c_int(9)
    times, values = np.empty(9), np.empty(9)
    pointers = [array.ctypes.data_as(POINTER(c_double)) for array in (times, values)]
    call("getMeasureValues", 101, 0, byref(size), *pointers)
    out += [times.tolist(), values.tolist(), size.value]
    size = c_int(3)
    texts = [(POINTER(c_char) * 3)(*_buffers(3)) for _ in range(2)]
    numbers = [(c_int * 3)(), doubles(0, 0, 0), (c_int * 3)(), (c_int * 3)(), (c_int * 3)()]
    call("getMeasureEvents", 101, 0, byref(size), *texts, *numbers)
    out += [[ctypes.string_at(text) for text in column] for column in texts]
    out += [list(column) for column in numbers]
    pattern, event = create_string_buffer(512), create_string_buffer(512)
    three = [c_int() for _ in range(4)]
    loop = c_double()
    call("getMeasureEvent", 101, 1, pattern, event, three[0], byref(loop), *map(byref, three[1:]))
    out += [pattern.value, event.value, loop.value, *(value.value for value in three)]
    status, elapsed, total = c_int(), c_double(), c_double()
    call("getStatus", byref(status), byref(elapsed), byref(total))
    out += [status.value, elapsed.value, total.value]
    result, detail, size = c_int(), create_string_buffer(64), c_int(64)
    call("doSelfTest", byref(result), detail, byref(size))
    out += [result.value, detail.value, size.value]
    with pytest.raises(WgfmuError) as caught:
        call("setOperationMode", 999, DC)
    out.append(str(caught.value))
    assert library.WGFMU_getStatus(None, byref(elapsed), byref(total)) < 0
    call("closeSession")
    return out


def _buffers(count):
    return [ctypes.cast(create_string_buffer(512), POINTER(c_char)) for _ in range(count)]


def test_every_form_of_argument_is_recorded_and_comes_back(file, recorder):
    client = Client()
    bare = c_session(client.library)
    recorded = c_session(RecordingLibrary(Client().library, recorder))
    assert recorded == bare
    replay = Replay(file)
    assert c_session(ReplayLibrary(replay)) == bare
    replay.finish()
    calls = {entry["call"]: entry for entry in entries(file)[1:]}
    assert set(calls["WGFMU_setVectors"]) == {"n", "call", "in", "code", "out"}
    assert calls["WGFMU_setVectors"]["in"] == ["p", [1e-5, 2e-5, 4e-5], [0.1, 0.1, 0.0], 3]
    assert calls["WGFMU_addSequences"]["in"] == [101, ["p", "p"], [1.0, 2.0], 2]
    assert calls["WGFMU_getMeasureValues"]["in"] == [101, 0, 9]
    size, times, values = calls["WGFMU_getMeasureValues"]["out"]
    assert (size, len(times), len(values)) == (9, 9, 9)
    assert calls["WGFMU_getMeasureEvents"]["out"][1:3] == [["p"] * 3, ["e"] * 3]
    assert calls["WGFMU_closeSession"] == {
        **{"n": len(entries(file)), "call": "WGFMU_closeSession"},
        **{"in": [], "code": 0, "out": []},
    }


def test_a_client_may_give_ctypes_variables_themselves(file, recorder):
    library = RecordingLibrary(Client().library, recorder)
    level = c_int(5)
    assert library.WGFMU_setWarningLevel(c_int(1003)) == 0
    assert library.WGFMU_getWarningLevel(level) == 0
    assert library.WGFMU_createPattern(create_string_buffer(b"p"), c_double(0.5)) == 0
    assert level.value == 1003
    assert [(e["in"], e["out"]) for e in entries(file)[1:]] == [
        ([1003], []),
        ([], [1003]),
        (["p", 0.5], []),
    ]


def test_the_array_tables_fit_the_signatures():
    def is_pointer(kind):
        return hasattr(kind, "contents")

    for name, (size, arrays) in INPUT_ARRAYS.items():
        assert SIGNATURES[name][size] is c_int
        assert all(is_pointer(SIGNATURES[name][index]) for index in arrays)
    for name, (size, arrays) in OUTPUT_ARRAYS.items():
        assert SIGNATURES[name][size] is POINTER(c_int)
        assert all(is_pointer(SIGNATURES[name][index]) for index in arrays)
    # A setter has no out-parameters: whatever pointers it takes must be in the table.
    for name, kinds in SIGNATURES.items():
        if name.startswith(("WGFMU_set", "WGFMU_add", "WGFMU_create")):
            arrays = INPUT_ARRAYS.get(name, (0, ()))[1]
            assert {i for i, kind in enumerate(kinds) if is_pointer(kind)} == set(arrays)


def test_a_replay_never_writes_past_a_clients_room(file):
    lines = [
        {"n": 1, "format": 1},
        {"n": 2, "call": "WGFMU_getChannelIds", "in": [2], "code": 0, "out": [[101, 102, 201], 3]},
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    ids, size = (c_int * 4)(), c_int(2)
    assert ReplayLibrary(Replay(file)).WGFMU_getChannelIds(ids, byref(size)) == 0
    assert list(ids) == [101, 102, 0, 0]


def test_a_function_that_the_library_lacks_is_missing_in_the_recording_too(recorder):
    class Old:
        def WGFMU_clear(self):
            return 0

    library = RecordingLibrary(Old(), recorder)
    assert library.WGFMU_clear() == 0
    assert not hasattr(library, "WGFMU_execute")


# --- differences --------------------------------------------------------------------------------


@pytest.fixture
def short(file, recorder):
    """A recording of three FLEX lines and two calls."""
    adapter = RecordingAdapter(Answers("+0"), recorder)
    library = RecordingLibrary(Client().library, recorder)
    adapter.write("CN 5")
    adapter.write("ERRX?")
    adapter.read()
    library.WGFMU_createPattern(b"p", 0.0)
    library.WGFMU_setVectors(b"p", doubles(1e-6, 2e-6), doubles(1.2, 0.0), 2)
    return Replay(file)


def test_the_first_difference_is_one_sentence_with_what_came_before(short):
    adapter = ReplayAdapter(short)
    adapter.write("CN 5")
    with pytest.raises(ReplayDifference) as caught:
        adapter.write("TI 5,0")
    assert str(caught.value) == (
        "line 3 of run.jsonl: the recorded run sent 'ERRX?', but this one sent 'TI 5,0'; "
        "before that: sent 'CN 5'"
    )


def test_after_a_difference_nothing_else_is_answered(short):
    adapter, library = ReplayAdapter(short), ReplayLibrary(short)
    with pytest.raises(ReplayDifference) as first:
        adapter.read()
    for action in (lambda: adapter.write("CN 5"), library.WGFMU_clear, short.finish):
        with pytest.raises(ReplayDifference) as later:
            action()
        assert later.value is first.value


def test_a_different_array_tells_its_item(short):
    adapter, library = ReplayAdapter(short), ReplayLibrary(short)
    adapter.write("CN 5")
    adapter.write("ERRX?")
    adapter.read()
    library.WGFMU_createPattern(b"p", 0.0)
    with pytest.raises(ReplayDifference, match=r"argument 3, item 1: 1\.2 recorded, 1\.3 now"):
        library.WGFMU_setVectors(b"p", doubles(1e-6, 2e-6), doubles(1.3, 0.0), 2)


def test_a_different_number_tells_its_argument(short):
    adapter, library = ReplayAdapter(short), ReplayLibrary(short)
    adapter.write("CN 5")
    adapter.write("ERRX?")
    adapter.read()
    with pytest.raises(ReplayDifference, match=r"argument 2: 0\.0 recorded, 0\.1 now"):
        library.WGFMU_createPattern(b"p", 0.1)


def test_a_run_that_ends_early_or_late_differs(short, file):
    adapter = ReplayAdapter(short)
    adapter.write("CN 5")
    with pytest.raises(ReplayDifference, match=r"line 3 .*'ERRX\?', but this one has ended"):
        short.finish()
    file.write_text('{"n":1,"format":1}\n', encoding="utf-8")
    with pytest.raises(
        ReplayDifference, match=r"line 2 .*the recording ends, but the run sent 'A'"
    ):
        ReplayAdapter(Replay(file)).write("A")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "no recording of format 1"),
        ('{"n":1,"format":2}\n', "no recording of format 1"),
        ("[1]\n", "line 1 of .* is none of a recording"),
        ("{", "line 1 of .* is none of a recording"),
        ("\xff\xfe", "no recording|none of a recording"),
    ],
)
def test_what_is_no_recording_is_refused(file, content, told):
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(RecordingError, match=told):
        Replay(file)


def test_a_line_that_was_cut_short_is_told(file):
    file.write_text('{"n":1,"format":1}\n{"n":2,"sen', encoding="utf-8")
    with pytest.raises(RecordingError, match="line 2 of"):
        ReplayAdapter(Replay(file)).write("A")


@pytest.mark.parametrize("out", [[], [["x"], 1], 5, [[1.5, "y"], 2]])
def test_results_that_no_call_has_are_told(file, out):
    entry = {"n": 2, "call": "WGFMU_getChannelIds", "in": [2], "code": 0, "out": out}
    file.write_text(f'{{"n":1,"format":1}}\n{json.dumps(entry)}\n', encoding="utf-8")
    with pytest.raises(RecordingError, match="line 2 of"):
        ReplayLibrary(Replay(file)).WGFMU_getChannelIds((c_int * 2)(), byref(c_int(2)))


def test_a_recording_that_cannot_be_written_says_so_once_and_steps_aside(recorder, monkeypatch):
    inner = Answers()
    adapter = RecordingAdapter(inner, recorder)
    adapter.write("A")
    monkeypatch.setattr(recorder, "_append", _full)
    with pytest.raises(RecordingError, match="cannot be written: No space left"):
        adapter.write("B")
    adapter.write("C")
    assert inner.written == ["A", "B", "C"]


def _full(*_):
    raise OSError(28, "No space left on device")


# --- whole runs ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A run on a small simulated bench, recorded: setup, run folder, recording."""
    folder = tmp_path_factory.mktemp("recorded")
    setup = small_setup(folder / "bench")
    asked = request(setup, folder, seed=SEED, programmings=1)
    file = folder / "run.jsonl"
    done = run(RunRequest(asked.name, asked.procedure, setup, asked.die, asked.runs, record=file))
    assert done.status == "success"
    return setup, done, file


def replayed(recorded, folder, **parameters):
    setup, _, file = recorded
    asked = request(setup, folder, **{"programmings": 1, **parameters})
    return run(RunRequest(asked.name, asked.procedure, setup, asked.die, asked.runs, replay=file))


def arrays_of(done):
    return {path.name: path.read_bytes() for path in (done.path / "arrays").iterdir()}


def test_a_replay_leaves_the_same_numbers_and_says_that_it_is_one(recorded, tmp_path):
    _, original, file = recorded
    done = replayed(recorded, tmp_path)
    assert done.status == "success", done.record["reason"]
    assert arrays_of(done) == arrays_of(original)
    assert (done.path / "results.csv").read_bytes() == (original.path / "results.csv").read_bytes()
    assert done.record["bench_time_s"] == original.record["bench_time_s"]
    assert done.record["simulated"] is True
    assert done.record["replay"].startswith(f"REPLAY of {file}, recorded on the simulated bench")
    assert done.record["notes"][0].startswith("REPLAY of")
    assert original.record["replay"] is None
    assert done.record["die"]["origin"] == f"replay of {file}"
    assert not list(done.path.glob("die-*.npz"))


def test_a_recorded_run_is_the_run_that_it_would_have_been(recorded, tmp_path):
    setup, original, _ = recorded
    plain = run(request(setup, tmp_path, seed=SEED, programmings=1))
    assert arrays_of(plain) == arrays_of(original)
    assert plain.record["bench_time_s"] == original.record["bench_time_s"]


def test_the_header_names_the_bench(recorded):
    setup, _, file = recorded
    header = Replay(file).header
    assert header["bench_sha256"] == setup.sha256
    assert header["simulated"] is True
    assert header["modules"]["5"] == "B1517A"
    assert header["labctl"]
    assert header["die"] == {"name": None, "seed": SEED}


def test_a_replay_with_other_parameters_fails_at_the_first_difference(recorded, tmp_path):
    done = replayed(recorded, tmp_path, set_compliance="60 uA")
    assert done.status == "failed"
    assert done.record["reason"].startswith("ReplayDifference: line ")
    assert "WGFMU_setVectors" in done.record["reason"]
    assert not any("NOT MADE SAFE" in note for note in done.record["notes"])
    shorter = replayed(recorded, tmp_path, programmings=2)
    assert shorter.record["reason"].startswith("ReplayDifference: line ")


def test_a_bench_that_differs_while_it_opens_says_where(recorded, tmp_path):
    setup, _, file = recorded
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if '"sent":"DV' in line)
    lines[place] = lines[place].replace('"sent":"DV', '"sent":"DI')
    bent = tmp_path / "bent.jsonl"
    bent.write_text("".join(lines), encoding="utf-8")
    with (
        pytest.raises(ReplayDifference, match=f"line {place + 1} "),
        Bench(setup, DieChoice(None, None, tmp_path), replay=bent),
    ):
        pass


def test_a_named_die_keeps_its_clock_in_a_replay(tmp_path):
    setup = small_setup(tmp_path / "bench")
    first = request(setup, tmp_path, die="w1", seed=SEED, programmings=1)
    assert run(first).status == "success"
    file = tmp_path / "second.jsonl"
    asked = request(setup, tmp_path, die="w1", programmings=1)
    original = run(RunRequest(asked.name, asked.procedure, setup, asked.die, asked.runs, file))
    done = replayed((setup, original, file), tmp_path)
    assert done.status == "success", done.record["reason"]
    assert arrays_of(done) == arrays_of(original)
    assert done.record["bench_time_s"] == original.record["bench_time_s"]
    assert done.record["die"]["name"] is None


def test_a_real_bench_is_replayed_without_one(tmp_path, monkeypatch):
    simulated = small_setup(tmp_path / "bench")
    text = simulated.text.replace('visa = "sim"', 'visa = "GPIB0::17::INSTR"')
    file = simulated.file.with_name("lab.toml")
    file.write_text(text.replace('library = "sim"', 'library = "C:/wgfmu.dll"'), encoding="utf-8")
    # A table that was measured on simulated dies is refused on a real bench.
    chip = file.with_name("small-chip.toml")
    table = chip.read_text(encoding="utf-8")
    assert "set_compliance_simulated = true" in table
    chip.write_text(table.replace("simulated = true", "simulated = false"), encoding="utf-8")
    setup = load_setup(file)
    assert not setup.simulated
    instruments, _ = simulated_instruments(simulated, DieChoice(None, SEED, tmp_path))
    monkeypatch.setattr(bench_module, "_real", lambda _: instruments)
    asked = request(setup, tmp_path, "forming", die="w1")
    recording = tmp_path / "real.jsonl"
    original = run(
        RunRequest(asked.name, asked.procedure, setup, asked.die, asked.runs, record=recording)
    )
    assert (original.status, original.record["simulated"]) == ("success", False)
    monkeypatch.undo()
    asked = request(setup, tmp_path, "forming")
    done = run(
        RunRequest(asked.name, asked.procedure, setup, asked.die, asked.runs, replay=recording)
    )
    assert done.status == "success", done.record["reason"]
    # It is no simulation, and passes for no measurement either.
    assert (done.record["simulated"], done.kind) == (False, "REPLAY")
    assert "recorded on the real bench 'simulated'" in done.record["replay"]
    summary = summarise(done)
    assert (summary["simulated"], summary["kind"]) == (False, "REPLAY")
    page = write_report(done).read_text(encoding="utf-8")
    assert "REPLAY of a recording: nothing was measured in this run" in page
    assert "REAL bench" not in page
    assert "SIMULATED" not in page
    # Nothing is booked on the real die again.
    assert done.record["die"]["name"] is None
    assert (done.path / "results.csv").read_bytes() == (original.path / "results.csv").read_bytes()
    assert arrays_of(done) == arrays_of(original)


def test_a_run_whose_recording_fails_is_failed_and_safe(tmp_path, monkeypatch):
    setup = small_setup(tmp_path / "bench")
    write = Recorder._append

    def full(self, file, entry, seconds):
        if self._lines > 700:
            raise OSError(28, "No space left on device")
        write(self, file, entry, seconds)

    monkeypatch.setattr(Recorder, "_append", full)
    asked = request(setup, tmp_path, seed=SEED, programmings=1)
    bench = Bench(setup, asked.die, record=tmp_path / "r.jsonl")
    done = run(asked, bench=bench)
    assert done.status == "failed"
    assert "r.jsonl cannot be written: No space left" in done.record["reason"]
    assert bench.problems == []
    bench.instruments = bench.instruments.inner
    assert station_of(bench)
    assert_outputs_safe(bench)


# --- the command line ---------------------------------------------------------------------------


def labctl(*arguments, status=0):
    result = CliRunner().invoke(app, ["run", "checkerboard", "--programmings", "1", *arguments])
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
def place(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("LABCTL_RUNS", "LABCTL_DIES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LABCTL_BENCH", str(recorded[0].file))
    return tmp_path


def test_options_record_and_replay(place):
    labctl("--record", "r.jsonl", "--seed", "5", "--json")
    said = labctl("--replay", "r.jsonl").stderr
    assert "REPLAY of" in said
    assert "REAL" not in said
    assert len(list((place / "runs").glob("2*"))) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--record", "a.jsonl", "--replay", "FILE"], "a replay cannot be recorded"),
        (["--record", "FILE"], "exists, and a recording never replaces a file"),
        (["--record", "nowhere/a.jsonl"], "there is no folder nowhere"),
        (["--replay", "absent.jsonl"], "absent.jsonl cannot be read: No such file"),
        (["--replay", "FILE", "--die", "w1"], "a replay has no die"),
        (["--replay", "FILE", "--seed", "1"], "a replay has no die"),
        (["--replay", "FILE", "--bench", "OTHER"], "was recorded with another bench file"),
        (["--replay", "OTHER"], "is none of a recording"),
    ],
)
def test_what_cannot_be_recorded_or_replayed_is_refused(place, recorded, arguments, told):
    other = small_setup(place / "other", rows=2).file
    other.write_text("# changed\n" + other.read_text(encoding="utf-8"), encoding="utf-8")
    names = {"FILE": str(recorded[2]), "OTHER": str(other)}
    result = labctl(*(names.get(word, word) for word in arguments), status=2)
    assert told in " ".join(result.stderr.split())
    assert not list(place.glob("runs/2*"))
    assert not list(place.glob("*.jsonl"))
