"""Steps by other marks than the profiler's; graphs that are not in the trace; copies that block."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli import main
from reports.profiles.say.findings import findings
from reports.profiles.trace.reading import TraceError
from tests.conftest import ROOT
from tests.traces.events import Events, event, op, step, write
from tests.traces.one import read_one

OTHER = ROOT / "tests" / "data" / "traces" / "odd" / "other_marks.json"


def note(name: str, ts: float, dur: float, **where: int) -> dict[str, object]:
    return event("user_annotation", name, ts, dur, **where)


def launched(ts: float, number: int, name: str = "cudaLaunchKernel", length: float = 40) -> Events:
    """A call that launches a kernel, which begins later."""
    return [
        event("cuda_runtime", name, ts, 5, correlation=number),
        event("kernel", "gemm", ts + 20, length, 7, 0, correlation=number, device=0, stream=7),
    ]


def test_an_engines_own_marks_are_steps() -> None:
    found = read_one(OTHER)
    assert found.steps.names == tuple(f"execute_context_0(0)_generation_1(1) #{number}" for number in range(1, 5))
    assert found.steps.marked
    kernels = found.kernels.set_index("name")
    assert kernels.loc["gemm", "calls"] == 1
    assert kernels.loc["gemm", "total_s"] == pytest.approx(500e-6)


@pytest.mark.parametrize(
    "name",
    ["execute_3_context_1(sq8sk8)_generation_2(sq1sk9)", "step[DECODE bs=16]", "[pl][profile]run_training_batch"],
)
def test_marks_of_common_engines_are_found(tmp_path: Path, name: str) -> None:
    events = [
        mark for at in (0, 100, 200) for mark in (note(name, at, 90), note("inner", at, 40), op("aten::mm", at, 30))
    ]
    assert len(read_one(write(tmp_path / "t.json", events)).steps.names) == 3


def test_the_profilers_marks_come_before_an_engines(tmp_path: Path) -> None:
    events = [step(0, 0, 100), step(1, 100, 100), *[note("step[DECODE bs=1]", at, 40) for at in (0, 50, 100, 150)]]
    path = write(tmp_path / "t.json", [*events, op("aten::mm", 10, 20)])
    assert read_one(path).steps.names == ("ProfilerStep#0", "ProfilerStep#1")
    assert len(read_one(path, "step*").steps.names) == 4


def test_of_marks_inside_each_other_the_outermost_is_the_step(tmp_path: Path) -> None:
    events = [note("train/outer", 0, 100), note("train/inner", 10, 20), note("train/outer", 100, 100)]
    path = write(tmp_path / "t.json", [*events, note("train/outer", 0, 150, tid=9), op("aten::mm", 10, 5)])
    assert read_one(path, "train/*").steps.names == ("train/outer #1", "train/outer #2")


def test_a_mark_that_is_not_there_is_refused_with_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TraceError, match=r"matches --step-mark 'no\*'; annotations in it are 'execute_context_0"):
        read_one(OTHER, "no*")
    assert main(["profile", "--trace", str(OTHER), "--step-mark", "no*", "-o", str(tmp_path)]) == 2
    assert main(["profile", "modules.linear", "--step-mark", "no*", "-o", str(tmp_path)]) == 2
    assert "--step-mark is for --trace" in capsys.readouterr().err


def test_idle_time_is_not_told_where_a_graphs_kernels_are_not_in_the_trace(tmp_path: Path) -> None:
    seen = [step(0, 0, 1000), op("aten::mm", 5, 40), *launched(10, 1), *launched(100, 2, "cudaGraphLaunch")]
    found = read_one(write(tmp_path / "seen.json", seen))
    assert found.unseen_graphs == 0
    assert any("idle" in finding.text for finding in findings(found))
    unseen = [*seen, event("cuda_runtime", "hipGraphLaunch", 500, 5, correlation=3)]
    found = read_one(write(tmp_path / "unseen.json", unseen))
    assert found.unseen_graphs == 1
    assert not any("idle" in finding.text for finding in findings(found))
    assert "1 graph launch has no kernels in the trace: what devices did then, and their idle time, is not known" in (
        found.warnings
    )


@pytest.mark.parametrize(("copy", "waits"), [("Memcpy DtoH (Device -> Pageable)", True), ("Memcpy DtoD", False)])
def test_a_copy_that_blocks_is_a_wait(tmp_path: Path, copy: str, waits: bool) -> None:
    events = [
        step(0, 0, 1000), op("aten::mm", 5, 40), *launched(10, 1, length=700),
        op("aten::copy_", 60, 700), event("cuda_runtime", "cudaMemcpyAsync", 70, 680, correlation=2),
        event("gpu_memcpy", copy, 735, 10, 7, 0, correlation=2, device=0, stream=7),
    ]  # fmt: skip
    found = read_one(write(tmp_path / "t.json", events))
    assert any("waits for the GPU" in finding.text for finding in findings(found)) == waits


def test_marks_on_another_thread_are_counted_and_left_out(tmp_path: Path) -> None:
    events = [note("work", 100 * at, 90, tid=1 + at % 2) for at in range(6)]
    found = read_one(write(tmp_path / "t.json", [*events, op("aten::mm", 5, 20)]), "work")
    assert len(found.steps.names) == 3
    assert "3 marks of steps on other threads, or inside of others, are left out" in found.warnings


def test_a_step_has_begun_when_its_own_work_has_though_earlier_work_goes_on(tmp_path: Path) -> None:
    stream = {"device": 0, "stream": 8}
    events = [
        event("kernel", "warm_up", 0, 900, 8, 0, correlation=99, **stream),
        step(0, 10, 100), op("aten::mm", 10, 30), *launched(20, 1, length=100),
    ]  # fmt: skip
    found = read_one(write(tmp_path / "t.json", events))
    assert found.steps.lengths.tolist() == [100_000]
    assert found.activities is not None
    assert found.activities.mean_s("kernel") == pytest.approx(100e-6)
