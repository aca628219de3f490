"""Traces are read whatever wrote them; what is no trace is refused in one line that names the file."""

from __future__ import annotations

import gzip
import json
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.profiles.trace.reading import TraceError, read_trace
from tests.traces.events import event, memory, op, step, write
from tests.traces.one import read_one

REAL = Path(__file__).parents[2] / "data" / "traces"


def test_a_trace_is_read_packed_or_not_and_sorted_by_time(tmp_path: Path) -> None:
    events = [op("inner", 2, 3), op("outer", 1, 9), event("Trace", "PyTorch Profiler", 0, 99)]
    for name in ("t.json", "t.json.gz"):
        frame = read_trace(write(tmp_path / name, events)).events
        assert list(frame["name"]) == ["outer", "inner"]
        assert list(frame["start_ns"]) == [0, 1000]
        assert list(frame["end_ns"]) == [9000, 4000]


def test_a_bare_list_of_events_and_numbers_written_as_text_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps([{**op("a", 0, 0), "ts": "5.5", "dur": "2"}]))
    frame = read_trace(path).events
    assert list(frame["end_ns"] - frame["start_ns"]) == [2000]


def test_spellings_of_older_torch_are_understood(tmp_path: Path) -> None:
    events = [event("Operator", "aten::add", 0, 5), event("Kernel", "k", 2, 1, tid="stream 7")]
    assert list(read_trace(write(tmp_path / "t.json", events)).events["category"]) == ["cpu_op", "kernel"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"not json at all", "is not JSON"),
        (b'{"a": 1}', "no trace"),
        (b"[1, 2, 3]", "no trace"),
        (b'{"traceEvents": {}}', "no trace"),
        (b'{"traceEvents": []}', "no events"),
        (b'{"traceEvents": [{"ph": "M", "name": "process_name"}]}', "no events"),
        (b'{"traceEvents": [{"ph": "X", "name": "a", "ts": 1, "dur"', "cut off"),
        (b'{"traceEvents": [{"ph": "X", "name": "a", "ts": 1, "dur": 2}]', "cut off"),
        # Without the time, which would be part of the test's name and differ between the processes that collect it.
        (gzip.compress(b'{"traceEvents": []}', mtime=0)[:-12], "cut off"),
        (b"\x1f\x8b" + b"nonsense", "cannot be read"),
        (b'{"traceEvents": [' + b"[" * 5000, "no trace"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b', "traceEvents": []}', "nested too deeply"),
        (b'{"traceEvents": [{"ph": "X", "ts": 1, "dur": 1e300}]}', "cannot be right"),
        (b'{"traceEvents": [{"ph": "X", "ts": "NaN", "dur": 1}]}', "no number"),
    ],
)
def test_what_is_no_trace_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(TraceError, match=says) as raised:
        read_trace(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_times_that_cannot_be_right_are_left_out_and_counted(tmp_path: Path) -> None:
    events = [op("a", 1_700_000_000_000_000, 5), op("b", 1_700_000_000_000_007, 5), op("wild", 0, 5)]
    events += [{**op("none", 0, 1), "ts": None}, memory(1e19, 1024, 7)]
    trace = read_trace(write(tmp_path / "t.json", events))
    assert list(trace.events["name"]) == ["a", "b"]
    assert trace.memory.empty
    assert trace.warnings == ["3 events have a time that is no number or cannot be right, and are left out"]


def test_microseconds_since_1970_are_read_to_the_nanosecond(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    texts = ["1790857031250000.001", '"1790857031250000.251"', "1790857031250001", "1790857031250001.0005"]
    rows = [f'{{"ph": "X", "cat": "cpu_op", "name": "{i}", "ts": {text}, "dur": 0.25}}' for i, text in enumerate(texts)]
    path.write_text(f'{{"traceEvents": [{",".join(rows)}]}}')
    events = read_trace(path).events
    assert list(events["start_ns"]) == [0, 250, 999, 999]
    assert list(events["end_ns"] - events["start_ns"]) == [250] * 4


def test_a_file_that_is_not_there_and_one_that_is_wrongly_named_gz(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="No such file"):
        read_trace(tmp_path / "missing.json")
    path = tmp_path / "plain.json.gz"
    path.write_text("{}")
    with pytest.raises(TraceError, match="not compressed"):
        read_trace(path)


def test_numbers_and_escapes_that_no_json_allows_are_put_right(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(
        rb'{"traceEvents": [{"ph":"X","cat":"kernel","name":"C:\Users\x","ts":1,"dur":2,"tid":7,"pid":0,'
        b'"args":{"est. achieved occupancy %": nan, "blocks per SM": -inf, "grid": [Infinity, 1, 1]}},'
        b'{"ph":"X","cat":"cpu_op","name":"\xff\xfe","ts":1,"dur":2}]}'
    )
    frame = read_trace(path).events
    assert frame["name"].iloc[0] == r"C:\Users\x"
    assert frame["occupancy"].isna().all()


def test_a_byte_order_mark_and_bytes_that_are_no_utf_8_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(b'\xef\xbb\xbf{"traceEvents": [{"ph":"X","cat":"cpu_op","name":"caf\xe9","ts":1,"dur":2}]}')
    assert list(read_trace(path).events["name"]) == ["caf\ufffd"]


def test_negative_durations_are_counted_as_nothing_and_said(tmp_path: Path) -> None:
    trace = read_trace(write(tmp_path / "t.json", [op("a", 5, -3), op("b", 0, 10)]))
    assert (trace.events["end_ns"] >= trace.events["start_ns"]).all()
    assert "1 events have a negative duration" in trace.warnings[0]


def test_ids_of_any_kind_do_no_harm(tmp_path: Path) -> None:
    events = [
        op("a", 0, 10, correlation="x", **{"External id": 2**63 + 5, "Sequence number": 1.0, "Input Dims": "?"}),
        event("kernel", "k", 1, 2, tid=None, pid="gpu", device={"a": 1}, stream="0x0", correlation=None),
        event("kernel", "k", 1, 2, tid=[1], pid={"a": 2}, correlation=True, **{"Fwd thread id": {}, "Addr": []}),
        memory(3, 8, 2**64 - 1),
    ]
    trace = read_trace(write(tmp_path / "t.json", events))
    assert len(trace.events) == 3
    assert len(trace.memory) == 1


@pytest.mark.parametrize("name", ["cuda_alexnet", "cuda_sampled_rank0", "rocm_minitoy_train"])
def test_kernel_times_of_real_traces_are_direct_sums_over_their_events(name: str) -> None:
    path = REAL / f"{name}.json.gz"
    raw = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    profile = read_one(path)
    steps = profile.steps
    first = min(e["ts"] for e in raw if e["ph"] == "X" and e.get("cat") != "Trace")
    sums: dict[str, float] = {}
    for e in raw:
        at_ns = round((e.get("ts", 0) - first) * 1000)
        if e.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset") and any(
            low <= at_ns < high for low, high in zip(steps.low, steps.high, strict=True)
        ):
            sums[e["name"]] = sums.get(e["name"], 0.0) + e["dur"] * 1e-6
    ours = dict(zip(profile.kernels["name"], profile.kernels["total_s"] * len(steps.names), strict=True))
    assert ours == pytest.approx(sums, rel=1e-6)
    assert len(sums) > 5


@pytest.mark.parametrize("name", ["cuda_alexnet", "cuda_sampled_rank0", "rocm_minitoy_train"])
def test_idle_and_busy_of_real_traces_add_up_to_every_step(name: str) -> None:
    path = REAL / f"{name}.json.gz"
    profile = read_one(path)
    assert profile.activities is not None
    lengths = profile.steps.high - profile.steps.low
    assert (profile.activities.parts.sum(axis=0) == lengths).all()
    assert (profile.phases.parts.sum(axis=0) == lengths).all()
    assert (profile.activities.parts >= 0).all()
    # Busy, found in another way: nanosecond by nanosecond would be too many, so edge by edge.
    frame = read_trace(path).events
    device = frame[frame["category"].isin(["kernel", "gpu_memcpy", "gpu_memset"])]
    busy = profile.activities.parts[:3].sum(axis=0)
    for low, high, found in zip(profile.steps.low, profile.steps.high, busy, strict=True):
        inside = [(max(s, low), min(e, high)) for s, e in zip(device["start_ns"], device["end_ns"], strict=True)]
        edges = sorted({low, high, *(t for span in inside if span[0] < span[1] for t in span)})
        covered = sum(b - a for a, b in pairwise(edges) if any(s <= a and b <= e for s, e in inside))
        assert found == covered


times = st.integers(0, 2000).map(lambda n: n / 4)
anything = st.builds(
    event, st.sampled_from(["cpu_op", "kernel", "user_annotation", "python_function", "gpu_memcpy", "cuda_runtime"]),
    st.sampled_from(["a", "ProfilerStep#1", "ProfilerStep#2", "nn.Module: M_0", "Optimizer.step#S",
                     "autograd::engine::evaluate_function: B", "enumerate(DataLoader)#x", "</script>", "\U0001f600"]),
    times, st.integers(-40, 2000).map(lambda n: n / 4), tid=st.sampled_from([1, 2, "stream 7"]),
)  # fmt: skip


@given(st.lists(anything, min_size=1, max_size=30), st.booleans())
def test_whatever_overlaps_the_parts_add_up_to_the_steps(events: list[dict[str, object]], marked: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "t.json", [*events, step(9, 0, 100)] if marked else events)
        profile = read_one(path)
    lengths = profile.steps.high - profile.steps.low
    assert (profile.phases.parts.sum(axis=0) == lengths).all()
    assert (profile.phases.parts >= 0).all()
    if profile.activities is not None:
        assert (profile.activities.parts.sum(axis=0) == profile.steps.lengths).all()
