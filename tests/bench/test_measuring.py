"""From cases to records: known times, wrong answers, and every way in which a workload can fail."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path

import pytest

from bench.measure.task import Task
from bench.measure.timer import Budget, untimed_steps
from bench.records.errors import describe
from bench.records.metrics import VARIES
from bench.records.record import Case, Record
from bench.runs.fresh import Launcher
from bench.runs.run import measured

ROUNDING = 1e-9  # of a time divided and multiplied again
SHORT = Budget(warm_up_s=0.02, sample_s=0.05, min_values=3)


@pytest.fixture(scope="module")
def launcher(fork_server: None) -> Launcher:
    return Launcher(timeout_s=60)


def task(name: str, mode: str = "eager", measure: str = "time", cache: str = "", **point: float | str) -> Task:
    case = Case(f"planted.{name}", 1, tuple(point.items()), "cpu", "float32", mode, 1)
    return Task(case, measure, budget=SHORT, cache=cache, module="tests.planted")


def records(launcher: Launcher, task: Task) -> dict[str, Record]:
    return {record.metric: record for record in measured(launcher, task)}


@pytest.mark.parametrize("seconds", [50e-6, 5e-3])
def test_a_value_is_the_time_of_its_own_steps_alone(launcher: Launcher, tmp_path: Path, seconds: float) -> None:
    """Known by the step's own readings of the clock, the first and the last thing in every call.

    A block begins between the end of the step before it and the beginning of its first, and ends likewise: however busy
    the machine is, its time lies between. How close to the lower limit it lies, `make proof` says on a quiet one.
    """
    told = tmp_path / "own.json"
    found = records(launcher, task("busy", seconds=seconds, told=str(told)))["step_time"]
    steps, own = found.steps_per_value, json.loads(told.read_text())
    assert all(end - start >= seconds for start, end in own)
    again = untimed_steps(steps, seconds)  # after each look at the machine
    begin = len(own) - 1 - len(found.values) * (steps + again) + again  # the last step is checked, not timed
    for value, first in zip(found.values, range(begin, len(own) - 1, steps + again), strict=True):
        least = own[first + steps - 1][1] - own[first][0]
        most = own[first + steps][0] - own[first - 1][1]
        assert least * (1 - ROUNDING) <= value * steps <= most * (1 + ROUNDING)


def test_a_measured_case_says_all_it_should(launcher: Launcher) -> None:
    found = records(launcher, task("first_version", batch=4))
    step = found["step_time"]
    assert (step.status, step.items, step.item, step.launch) == ("measured", 4, "sample", 0)
    assert len(step.values) >= 3
    assert step.warm_up_values
    assert step.steps_per_value >= 1  # how long blocks of steps last, test_sampling asks
    assert found["first_call"].values[0] > 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raises", "ValueError: planted: no more steps at planted.py:"),
        ("does_not_build", "KeyError: 'planted: no such thing' at planted.py:"),
        ("too_large", "allocate"),
        ("killed", "its process was ended by SIGKILL, often sent by the system when memory runs out"),
        ("exits", "its process ended with exit code 7; its last words: planted last words"),
        ("wrong", "wrong answer: relative error 0.5 where at most 0.0001 is rounding"),
    ],
)
def test_a_case_that_fails_is_broken_and_says_why(launcher: Launcher, name: str, reason: str) -> None:
    found = records(launcher, task(name))
    assert set(found) == {"step_time"}
    assert found["step_time"].status == "broken"
    assert reason in found["step_time"].reason
    assert not found["step_time"].values


def test_a_case_that_hangs_is_stopped() -> None:
    found = records(Launcher(timeout_s=0.1), task("hangs"))["step_time"]
    assert (found.status, found.reason) == ("broken", "did not finish within 0.1 s (--timeout)")


def test_a_case_that_cannot_exist_is_unavailable(launcher: Launcher) -> None:
    found = records(launcher, task("unavailable"))["step_time"]
    assert (found.status, found.reason) == ("unavailable", "it was planted so")


def test_after_a_failure_the_next_case_is_measured(launcher: Launcher) -> None:
    records(launcher, task("killed"))
    assert records(launcher, task("steady"))["step_time"].status == "measured"


def test_a_wrong_compiled_answer_is_broken_and_not_fast(launcher: Launcher, compiled_code: str) -> None:
    found = records(launcher, task("wrong_when_compiled", "compile", cache=compiled_code))
    assert set(found) == {"step_time"}
    assert found["step_time"].status == "broken"
    assert "compile differs from eager" in found["step_time"].reason
    assert records(launcher, task("wrong_when_compiled"))["step_time"].status == "measured"


def test_a_graph_break_is_counted_once(launcher: Launcher, compiled_code: str) -> None:
    found = records(launcher, task("graph_break", "compile", cache=compiled_code))
    counts = {name: found[name].values[0] for name in ("graphs", "graph_breaks", "recompiles")}
    assert counts == {"graphs": 2, "graph_breaks": 1, "recompiles": 0}


def test_recompilations_are_counted(launcher: Launcher, compiled_code: str) -> None:
    found = records(launcher, task("recompiles", "compile", cache=compiled_code))
    assert found["recompiles"].values == (2.0,)


def test_a_step_with_nothing_to_compile_says_so(launcher: Launcher, compiled_code: str) -> None:
    found = records(launcher, task("nothing_to_compile", "compile", cache=compiled_code))["step_time"]
    assert (found.status, found.reason) == ("unavailable", "the step gave torch.compile nothing to compile")


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.modes.torch_compile import missing_compiler

    assert missing_compiler("cuda") == ""
    monkeypatch.setenv("PATH", "")
    assert "none of g++, clang++, c++ is on the PATH" in missing_compiler("cpu")


def test_a_dtype_the_workload_does_not_have_is_unavailable(launcher: Launcher) -> None:
    case = Case("planted.steady", 1, (), "cpu", "float16", "eager", 1)
    (found,) = measured(launcher, Task(case, "time", module="tests.planted"))
    assert (found.status, found.reason) == ("unavailable", "planted.steady is defined for float32, not float16")


def test_memory_and_flops_are_passes_of_their_own(launcher: Launcher) -> None:
    assert set(records(launcher, task("steady", measure="memory"))) == {"peak_memory"}
    work = records(launcher, task("steady", measure="work"))
    assert set(work) == {"flops", "arithmetic", "algorithmic_bytes", "touched_bytes", "dispatches"}
    assert work["flops"].status == "unavailable"  # additions are not counted, which is not the same as none


def test_the_peak_of_a_step_with_worker_processes_is_said_to_differ(launcher: Launcher) -> None:
    for workers, said in ((0, ()), (2, (VARIES,))):
        point = {"batch": 64, "shuffle": False, "workers": workers, "pinned": False}
        case = Case("data_loading.data_loader", 1, tuple(point.items()), "cpu", "float32", "eager", 1)
        (found,) = measured(launcher, Task(case, "memory"))
        assert (found.status, found.warnings) == ("measured", said)


def test_a_long_error_is_one_line() -> None:
    text = describe(RuntimeError("first\nsecond " + "x" * 1000))
    assert text.startswith("RuntimeError: first second xxx")
    assert len(text) < 400
    assert "\n" not in text


def test_a_compilers_error_is_told_without_its_command() -> None:
    said = "In file included from a.h\nb.cpp:3: fatal error: no space left"
    text = f"C++ compile error\n\nCommand:\ng++ {'-O3 ' * 500}\n\nOutput:\n{said}"
    assert describe(RuntimeError(text)) == ("RuntimeError: C++ compile error: error: no space left")
    assert describe(RuntimeError("Output: 3")) == "RuntimeError: Output: 3"


def test_an_interruption_just_after_a_process_started_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    launcher, kind = Launcher(timeout_s=60), multiprocessing.get_context("forkserver").Process
    start = kind.start

    def interrupted(process: multiprocessing.process.BaseProcess) -> None:
        start(process)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(kind, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launcher.call("forkserver", time.sleep, 1000)
    assert multiprocessing.active_children() == []  # they would be waited for, without end, when this process ends
