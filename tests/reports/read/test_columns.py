"""Columns of large files say what reading line by line says, however a file grew, was cut off or changed."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.records.files import Contents, StoringError, Writer, read
from bench.records.metrics import POOLED, VARIES
from bench.records.record import Case, Environment, Record
from reports.read.columns import indexed, large, parquet
from reports.read.columns.arrays import Several, columns_of, in_groups
from reports.read.frames import figures, frame_of
from reports.read.sources import load, load_one
from reports.topics.history.figures import history
from reports.topics.history.text import as_json

METRICS = ("step_time", "flops", "peak_memory")


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every file is large, is read in chunks of a few lines, and columns are kept in a folder of the test's own."""
    monkeypatch.setattr(large, "LARGE", 0)
    monkeypatch.setattr(indexed, "CHUNK", 2000)
    monkeypatch.setattr(indexed, "FEW", 1 << 20)  # no processes
    monkeypatch.setattr(large, "BACK", 7)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def environment(commit: int, **facts: str) -> Environment:
    """Of a commit."""
    known = {"torch": "2.14.1", "commit": f"{commit:040x}", "commit_date": 86_400.0 * commit, "cpu": "x", "cores": 2}
    return Environment(tuple((known | facts).items()))


def run_of(number: int, **facts: str) -> tuple[Environment, list[Record]]:
    """A night's records: three launches of each figure, some without values, some that vary."""
    here, dice, found = environment(number, **facts), np.random.default_rng(number), []
    names = itertools.product(range(3), ("a.b", "a.c"), METRICS, (1, 2))
    for launch, workload, metric, batch in names:
        case = Case(workload, 1, (("batch", batch), ("model", "s")), "cpu", "float32", "eager", 1)
        values = tuple(dice.lognormal(-7, 0.1, size=1 + launch).tolist()) if metric != "flops" else (64.0 + number,)
        broken = workload == "a.c" and batch == 2 and number % 3 == 2
        found.append(Record(
            run=f"2026{number:04}", environment=here.id, case=case, metric=metric,
            status="broken" if broken else "measured", values=() if broken else values, launch=launch,
            reason="it fell over" if broken else "", items=batch, item="sample", data=f"data {number // 4}",
            warnings=(VARIES,) * (metric == "peak_memory") + (POOLED,) * (launch == 2),
            machine=(("spin_before", 0.1), ("spin_after", 0.2)), layout=launch % 2, turns="compiled" * (launch % 2),
        ))  # fmt: skip
    return here, found


def written(path: Path, *numbers: int) -> Path:
    """A file with these nights appended."""
    writer = Writer(path)
    for number in numbers:
        writer.add(*run_of(number))
    writer.close()
    return path


def assert_same(found: Contents, line_by_line: Contents) -> None:
    """Both are the same, records and what is computed of them."""
    assert isinstance(found.records, indexed.Lines)
    assert list(found.records) == list(line_by_line.records)
    assert (found.environments, found.warnings) == (line_by_line.environments, line_by_line.warnings)
    assert figures(frame_of(found)) == figures(frame_of(line_by_line))
    for metric in METRICS:
        assert series_in(found, metric) == series_in(line_by_line, metric)
    assert dict.fromkeys(found.cases()) == dict.fromkeys(line_by_line.cases())


def series_in(contents: Contents, metric: str) -> str:
    """A metric's history, every point of it."""
    return as_json(history(contents, metric, [], [], 0.01))


def kept_in(path: Path) -> list[Path]:
    """The parts that are kept of a file."""
    return sorted(parquet.folder_of(path).glob("*"))


def test_columns_say_what_the_lines_say_read_and_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "years.jsonl", *range(9))
    assert_same(load_one(path), read(path))
    assert [part.name for part in kept_in(path)] == ["000000000000000.parquet"]
    assert_same(load_one(path), read(path))


def test_of_a_file_that_grew_what_came_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "years.jsonl", 0, 1, 2)
    load_one(path)
    size = path.stat().st_size
    written(path, 3)
    read_from = []
    part_of: Callable[..., indexed.Part] = indexed.part_of
    monkeypatch.setattr(
        indexed, "part_of", lambda path, begin, end: read_from.append(begin) or part_of(path, begin, end)
    )
    assert_same(load_one(path), read(path))
    assert min(read_from) == size
    assert [int(part.stem) for part in kept_in(path)] == [0, size]
    read_from.clear()
    assert_same(load_one(path), read(path))
    assert not read_from


def changed(path: Path) -> None:
    """A text somewhere in the middle becomes another of the same length."""
    text = path.read_text()
    path.write_text(text.replace("data 1", "data 7"))


def shorter(path: Path) -> None:
    """The last night is taken away."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: 2 * len(lines) // 3]))


def cut_off(path: Path) -> None:
    """A crash while a line was written, and a night after it."""
    with path.open("a") as file:
        file.write('{"schema": 1, "kind": "rec')
    written(path, 12)


def ends_in_the_middle(path: Path) -> None:
    """A crash while a line was written."""
    with path.open("a") as file:
        file.write('{"schema": 1, "kind": "rec')


def without_its_last_line_break(path: Path) -> None:
    """As an editor may leave it."""
    path.write_text(path.read_text().rstrip("\n"))


def edited_facts(path: Path) -> None:
    """Somebody wrote a fact into the environments, whose ids stay as they were."""
    path.write_text(path.read_text().replace('"torch": "2.14.1"', '"torch": "2.14.1", "room": "cold"'))


@pytest.mark.parametrize(
    "change", [changed, shorter, cut_off, ends_in_the_middle, without_its_last_line_break, edited_facts]
)
def test_a_file_that_is_not_as_it_was_is_read_as_it_is(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = written(tmp_path / "years.jsonl", *range(6))
    assert_same(load_one(path), read(path))
    change(path)
    assert_same(load_one(path), read(path))
    written(path, 7)
    assert_same(load_one(path), read(path))


def test_what_is_kept_can_be_damaged_or_thrown_away(tmp_path: Path) -> None:
    path = written(tmp_path / "years.jsonl", *range(4))
    load_one(path)
    written(path, 4)
    load_one(path)
    first, second = kept_in(path)
    second.write_bytes(b"no parquet")
    assert_same(load_one(path), read(path))
    load_one(path)
    whole = bytearray(first.read_bytes())
    whole[4 : len(whole) // 4] = bytes(len(whole) // 4 - 4)  # what is said at its end stays as it was
    first.write_bytes(whole)
    assert_same(load_one(path), read(path))
    first.unlink()
    assert_same(load_one(path), read(path))
    assert [int(part.stem) for part in kept_in(path)] == [0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_where_nothing_can_be_kept_files_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "years.jsonl", 0)
    (tmp_path / "cache").mkdir(mode=0o500)
    assert_same(load_one(path), read(path))


def test_what_only_lines_can_tell_is_left_to_those_who_read_them(tmp_path: Path) -> None:
    path = written(tmp_path / "years.jsonl", 0, 1)
    with path.open("a") as file:
        file.write('{"schema": 1, "kind": "record", "run": 7}\n')
    with pytest.raises(StoringError, match=r"years\.jsonl:75: a record that lacks"):
        load_one(path)
    two = written(tmp_path / "two.jsonl", 0)
    named = environment(0).id
    here, records = run_of(1)
    text = two.read_text() + written(tmp_path / "other.jsonl", 1).read_text().replace(here.id, named)
    two.write_text(text)
    found = load_one(two)  # one name for two environments: which is meant depends on the line
    assert not isinstance(found.records, indexed.Lines)
    assert found.records[-1].environment == here.id
    assert len(found.records) == 2 * len(records)


def test_a_folder_of_nights_is_as_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "nights"
    folder.mkdir()
    for number in range(5):
        written(folder / f"{number}.jsonl", number)
    (folder / "bad.jsonl").write_text('{"schema": 1, "kind": "record"}\n')
    (folder / "empty.jsonl").write_text("")
    found = load([folder])
    one = read(written(tmp_path / "one.jsonl", *range(5)))
    assert isinstance(found.records, Several)
    assert list(found.records) == list(one.records)
    assert [found.records[at] for at in (0, 40, -1)] == [one.records[at] for at in (0, 40, -1)]
    assert found.records[35:38] == list(one.records[35:38])
    with pytest.raises(IndexError):
        found.records[len(one.records)]
    assert figures(frame_of(found)) == figures(frame_of(one))
    assert series_in(found, "step_time") == series_in(one, "step_time")
    assert len(found.warnings) == 2


def test_processes_read_as_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "years.jsonl", *range(4))
    monkeypatch.setattr(indexed, "FEW", 0)
    assert_same(load_one(path), read(path))


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    path, pipe = written(tmp_path / "one.jsonl", 0), tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    assert load_one(pipe).records == read(path).records
    writer.join()


def test_groups_are_in_order_of_appearance() -> None:
    order, begins = in_groups([np.array([5, 1, 5, 1, 5]), np.array([0, 9, 0, 9, 1])])
    assert [group.tolist() for group in np.split(order, begins[1:])] == [[0, 2], [1, 3], [4]]


def test_no_records_are_no_columns() -> None:
    assert len(columns_of(())) == 0
    assert frame_of(Contents((), {})).empty
