"""Records: to a file and back, and every way a file can be bad."""

from __future__ import annotations

import json
import math
import os
import string
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.records.files import StoringError, Writer, read, write_whole
from bench.records.lines import explained, parse_line, record_at_once, record_line
from bench.records.metrics import METRICS
from bench.records.record import SCHEMA, Case, Environment, Record, RecordError
from bench.records.texts import loads

names = st.text(string.ascii_lowercase + "_.", min_size=1, max_size=20)
scalars = st.one_of(st.integers(-(2**40), 2**40), st.booleans(), st.text(max_size=10), st.floats(-1e9, 1e9))
cases = st.builds(
    Case,
    workload=names,
    version=st.integers(1, 9),
    point=st.dictionaries(names, scalars, max_size=3).map(lambda point: tuple(point.items())),
    device=st.sampled_from(["cpu", "cuda", "mps"]),
    dtype=names,
    mode=names,
    threads=st.integers(1, 64),
)
any_records = st.builds(
    Record,
    run=names,
    environment=names,
    case=cases,
    metric=st.sampled_from(sorted(METRICS)),
    status=st.sampled_from(["measured", "unavailable", "broken"]),
    values=st.lists(st.floats(0, 1e12), min_size=1, max_size=5).map(tuple),
    warm_up_values=st.lists(st.floats(0, 1e12), max_size=5).map(tuple),
    items=st.one_of(st.none(), st.integers(1, 10**9)),
    reason=st.text(max_size=30),
    warnings=st.lists(st.text(max_size=10), max_size=2).map(tuple),
    parts=st.dictionaries(st.text(max_size=10), st.floats(0, 1e12), max_size=3).map(
        lambda parts: tuple(sorted(parts.items()))
    ),
)
# Only what was measured has values.
records = st.builds(
    lambda record, name: replace(record, readings=((name, record.values),) if name else ()),
    any_records.map(lambda r: r if r.status == "measured" else replace(r, values=())),
    st.text(max_size=10),
)

CASE = Case("a.b", 1, (("size", 4),), "cpu", "float32", "eager", 1)
ENVIRONMENT = Environment((("torch", "2.15.0"),))
RECORD = Record("run", ENVIRONMENT.id, CASE, "step_time", values=(1.0, 2.0))


def written(folder: Path, count: int = 2) -> Path:
    path = folder / "r.jsonl"
    writer = Writer(path)
    for _ in range(count):
        writer.add(ENVIRONMENT, [RECORD])
    writer.close()
    return path


@given(records)
def test_a_record_survives_its_line(record: Record) -> None:
    line = record_line(record)
    assert parse_line(line) == record
    # What is read at once is what is read with every question asked, types included.
    assert repr(record_at_once(line)) == repr(explained(line)) == repr(record)


@pytest.mark.parametrize(
    "changed",
    [
        {"values": [math.nan]}, {"values": [-1.0]}, {"values": []}, {"values": [True]}, {"values": "1"}, {"metric": ""},
        {"schema": 2}, {"schema": True}, {"kind": "recorded"}, {"steps_per_value": 0}, {"items": 0}, {"parts": []},
        {"launch": -1}, {"status": "lost"}, {"case": {}}, {"run": None}, {"warnings": [1]},
        {"readings": {"clock_mhz": [1.0]}}, {"readings": {"clock_mhz": [1.0, math.inf]}}, {"readings": []},
    ],
)  # fmt: skip
def test_what_is_no_record_is_not_read_at_once_either(changed: dict[str, object]) -> None:
    line = json.dumps({**json.loads(record_line(RECORD)), **changed})
    assert record_at_once(line) is None
    with pytest.raises(RecordError):
        parse_line(line)


@given(st.lists(records, min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_records_survive_their_file(tmp_path: Path, many: list[Record]) -> None:
    path = tmp_path / "r.jsonl"
    path.unlink(missing_ok=True)
    writer = Writer(path)
    writer.add(ENVIRONMENT, many)
    writer.close()
    contents = read(path)
    assert list(contents.records) == many
    assert contents.environments == {ENVIRONMENT.id: ENVIRONMENT}


def test_nan_is_refused_and_not_written(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "r.jsonl")
    with pytest.raises(ValueError, match="Out of range"):
        writer.add(ENVIRONMENT, [Record("r", "e", CASE, "step_time", values=(float("nan"),))])
    assert (tmp_path / "r.jsonl").read_bytes() == b""


def test_the_environment_is_stored_once_per_run(tmp_path: Path) -> None:
    kinds = [json.loads(line)["kind"] for line in written(tmp_path).read_text().splitlines()]
    assert kinds == ["environment", "record", "record"]


def test_a_line_cut_off_costs_that_line_only(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    contents = read(path)
    assert contents.records == (RECORD,)
    assert contents.warnings == (f"{path}:3: cut off in the middle, passed over",)


def test_appending_after_a_cut_off_line_keeps_everything_else(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    written(tmp_path)
    contents = read(path)
    assert contents.records == (RECORD, RECORD, RECORD)
    assert [warning.split(": ")[0] for warning in contents.warnings] == [f"{path}:3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("torchpace\n", ":1: not JSON"),
        ("[1, 2]\n", ":1: JSON, but not a torchpace record"),
        ('{"a": 1}\n', ":1: JSON, but not a torchpace record"),
        (f'{{"schema": {SCHEMA + 1}, "kind": "record"}}\n', "newer torchpace"),
        ('{"schema": "one", "kind": "record"}\n', "schema 'one' is not"),
        ('{"schema": 1, "kind": "verdict"}\n', "kind 'verdict' unknown"),
        ('{"schema": 1, "kind": "record"}\n', ":1: a record that lacks or misuses"),
        (record_line(RECORD).replace('"step_time"', "7") + "\n", "misuses `$.metric`: Expected `str`, got `int`"),
        (record_line(RECORD).replace("[1.0, 2.0]", "[]") + "\n", "status 'measured' with 0 values"),
        (record_line(RECORD).replace("[1.0, 2.0]", "[-1.0]") + "\n", "negative or not finite"),
        ("[" * 100_000 + "\n", ":1: not"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(StoringError) as error:
        read(path)
    assert expected in str(error.value)
    assert str(path) in str(error.value)


def test_a_bad_line_after_good_ones_is_named(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text() + "oops\n")
    with pytest.raises(StoringError, match=r"r\.jsonl:4: not JSON"):
        read(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StoringError, match="not UTF-8"):
        read(path)


def test_unknown_fields_of_a_line_are_left_out(tmp_path: Path) -> None:
    line = json.loads(record_line(RECORD)) | {"colour": "red"}
    assert parse_line(json.dumps(line)) == RECORD


def test_a_line_without_parts_has_none_and_parts_are_sorted() -> None:
    line = json.loads(record_line(RECORD))
    assert line.pop("parts") == {}
    assert parse_line(json.dumps(line)) == RECORD
    named = parse_line(json.dumps(line | {"parts": {"b": 1, "a": 2}}))
    assert isinstance(named, Record)
    assert named.parts == (("a", 2.0), ("b", 1.0))


def test_a_file_of_another_kind_is_not_appended_to(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("my notes")
    with pytest.raises(StoringError, match="no records file; name another file with -o"):
        Writer(notes)
    assert notes.read_text() == "my notes"


def test_a_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoringError, match="name another file with -o"):
        Writer(tmp_path / "file" / "r.jsonl")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_a_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoringError, match="Permission denied; name another file with -o"):
        Writer(tmp_path / "r.jsonl")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "gate.md"
    write_whole(path, "one")
    write_whole(path, "two")
    assert path.read_text() == "two"
    assert [file.name for file in path.parent.iterdir()] == ["gate.md"]
    (tmp_path / "file").touch()
    with pytest.raises(StoringError, match="cannot write"):
        write_whole(tmp_path / "file" / "gate.md", "three")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in its files")
def test_a_pipe_is_written_into_and_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(path, "page")
    assert os.read(reader, 10) == b"page"
    assert path.is_fifo()
    os.close(reader)


def test_half_of_a_surrogate_pair_is_a_question_mark() -> None:
    """JSON can spell texts that nobody can write: 'utf-8 codec can't encode character' came of a processor's name."""
    assert loads('{"cpu": "\\ud800 x", "both": "\\ud83d\\ude00"}') == {"cpu": "? x", "both": "\U0001f600"}
    with pytest.raises(ValueError, match="Expecting"):
        loads("{")
