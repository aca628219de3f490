"""Traces as people have them: bad parts are left out or cut and said, other kinds of files are named."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from reports.profiles.profile import Profile
from reports.profiles.say.findings import findings
from reports.profiles.shape.operators import NO_OPERATOR
from reports.profiles.trace.reading import TraceError, read_trace
from tests.traces.events import event, op, step, write
from tests.traces.one import read_one

ODD = Path(__file__).parents[2] / "data" / "traces" / "odd"


def device_time(profile: Profile) -> dict[str, float]:
    """Microseconds of device time per step by operator."""
    table = profile.operators
    return {name: seconds * 1e6 for name, seconds in zip(table["name"], table["device_self_s"], strict=True) if seconds}


def test_work_that_runs_late_belongs_to_its_step_and_the_profilers_wait_to_nobody() -> None:
    found = read_one(ODD / "lag_and_final_wait.json")
    assert len(found.steps.names) == 3
    assert list(found.kernels["calls"]) == [1]
    assert device_time(found) == pytest.approx({"aten::mm": 95})
    assert found.warnings[0].startswith("2 device events (185 µs) of no recorded step")
    assert not [finding for finding in findings(found) if "waits" in finding.text or "median" in finding.text]


def test_times_since_1970_and_relative_ones_give_the_same() -> None:
    old, new = (read_one(ODD / f"{name}.json") for name in ("ns_since_1970", "same_relative"))
    assert old.operators.equals(new.operators)
    assert old.kernels.equals(new.kernels)
    assert device_time(old) == pytest.approx({"aten::outer": 32})
    assert float(old.operators.set_index("name")["self_s"]["aten::outer"]) == pytest.approx(40e-6)


def test_events_without_a_time_are_left_out_and_counted() -> None:
    found = read_one(ODD / "zero_ts.json")
    assert found.warnings == ["5 events have a time that is no number or cannot be right, and are left out"]
    assert device_time(found) == pytest.approx({"aten::mm": 200})


def test_a_control_character_in_a_name_is_read() -> None:
    names = read_trace(ODD / "control_char.json").events["name"].astype(str)
    assert any(not name.isprintable() for name in names)


def test_what_goes_on_during_the_next_of_its_stream_is_cut_there() -> None:
    found = read_one(ODD / "dur_overflow.json")
    assert sum(device_time(found).values()) < 1000
    assert [text for text in found.warnings if "cannot be, and is cut" in text]
    assert all((finding.cost or 0) <= 1 for finding in findings(found))


def test_neighbours_that_overlap_a_little_and_pieces_of_one_graph_are_left_as_they_are(tmp_path: Path) -> None:
    pieces = [
        event("kernel", name, at, length, tid=7, pid=0, correlation=number, stream=7)
        for name, at, length, number in (("a", 10, 50, 1), ("b", 20, 10, 1), ("c", 70, 20, 2), ("d", 85, 20, 3))
    ]
    trace = read_trace(write(tmp_path / "t.json", [step(0, 0, 100), *pieces]))
    assert trace.warnings == []
    lengths = (trace.events["end_ns"] - trace.events["start_ns"]).tolist()
    assert lengths == [100_000, 50_000, 10_000, 20_000, 20_000]


def test_device_time_of_no_operator_has_a_row_of_its_own() -> None:
    found = read_one(ODD / "no_operator.json")
    assert device_time(found) == pytest.approx({NO_OPERATOR: 800, "aten::mm": 50})
    first = found.operators.iloc[0]
    assert (first["name"], first["share"]) == (NO_OPERATOR, pytest.approx(800 / 850))


def test_where_streams_overlap_no_operator_takes_more_than_everything() -> None:
    found = read_one(ODD / "two_streams.json")
    assert device_time(found) == pytest.approx({"aten::mm": 1760})
    assert found.operators["share"].max() <= 1
    assert not [finding for finding in findings(found) if "176" in finding.text]


def test_a_part_that_is_not_understood_is_counted_by_kind(tmp_path: Path) -> None:
    events = [op("aten::mm", 0, 5), *(event("acme_kernel", "k", at, 1) for at in range(3))]
    (said,) = read_trace(write(tmp_path / "t.json", events)).warnings
    assert "3 events are of kinds that are not understood" in said
    assert "3 of 'acme_kernel'" in said


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("not_torch.json", "none of its 2 events is of a kind that torch.profiler writes"),
        ("utf16.json", "is text in UTF-16; convert it"),
        ("zipped.zip", "is a zip archive; unpack it"),
        (".", "is a folder; give the traces in it"),
    ],
)
def test_what_is_something_else_is_named_with_what_to_do(name: str, says: str) -> None:
    with pytest.raises(TraceError, match=says):
        read_trace(ODD / name)


def test_an_archive_and_a_file_of_records_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("trace.json"), io.BytesIO())
    with pytest.raises(TraceError, match="is a tar archive"):
        read_trace(path)
    records = tmp_path / "r.jsonl"
    records.write_text('{"schema": 1, "kind": "environment", "id": "a", "run": "r", "facts": {}}\n')
    with pytest.raises(TraceError, match="is a file of records"):
        read_trace(records)


def test_a_last_comma_and_a_list_without_its_end_are_read(tmp_path: Path) -> None:
    row = '{"ph": "X", "cat": "cpu_op", "name": "a, ]", "pid": 1, "tid": 1, "ts": 1, "dur": 2}'
    for text in (f'{{"traceEvents": [{row}, {row},]}}', f"[{row}, {row},", f"[{row}, {row}\n"):
        path = tmp_path / "t.json"
        path.write_text(text)
        assert list(read_trace(path).events["name"]) == ["a, ]", "a, ]"]


def test_steps_that_took_no_time_have_no_usual_length(tmp_path: Path) -> None:
    steps = [step(number, ts=number * 10, dur=0 if number < 3 else 9) for number in range(4)]
    found = read_one(write(tmp_path / "trace.json", [*steps, op("aten::mm", 31, 5)]))
    assert not [finding for finding in findings(found) if "median" in finding.text]
