"""The compile study: what is planted is found, named and placed; what fails is named, and the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.devices import DEVICES
from bench.measure.compile_passes import LONG, NO_SIZES, SIZES, is_long, long_records, without_float64
from bench.measure.first_call import Begun
from bench.measure.task import Task
from bench.modes import compilations, torch_compile
from bench.records.files import Contents
from bench.records.record import Case, Record
from bench.runs.compile_study import attempted
from bench.runs.fresh import Launcher
from reports.read.frames import figures, frame_of
from reports.topics.compile.figures import studied
from reports.topics.compile.text import study_text
from reports.topics.overview.figures import overview
from workloads.base import Step

needs_compiler = pytest.mark.skipif(bool(torch_compile.missing_compiler("cpu")), reason="needs a C++ compiler")


def case(name: str, mode: str = "compile", **point: str) -> Case:
    return Case(f"planted.{name}", 1, tuple(point.items()), "cpu", "float32", mode, 1)


def task(name: str, measure: str = "turns", cache: str = "", **point: str) -> Task:
    return Task(case(name, **point), measure, cache=cache, module="tests.planted")


@pytest.fixture(scope="module")
def launcher(fork_server: None) -> Launcher:
    return Launcher(timeout_s=120)


def test_both_modes_take_turns_of_the_same_steps(launcher: Launcher) -> None:
    turns = Task(case("steady", "eager"), "turns", module="tests.planted")  # eager against itself: the same path
    first, second = (record for record in attempted(launcher, turns) if record.metric == "step_time")
    assert first.turns == second.turns == "eager"
    assert len(first.values) == len(second.values) >= 4
    assert first.steps_per_value == second.steps_per_value >= 1


@needs_compiler
def test_a_compiled_case_has_phases_that_sum_and_distances_from_float64(launcher: Launcher, tmp_path: Path) -> None:
    cache, headers = tmp_path / "cache", tmp_path / "headers"
    first_of_machine = replace(task("steady", cache=str(cache)), headers=str(headers))
    found = {(r.case.mode, r.metric): r for r in attempted(launcher, first_of_machine)}
    assert found["eager", "step_time"].turns == "compile"
    assert found["compile", "step_time"].turns == "eager"
    first = found["compile", "first_call_machine"]  # because of what it left for the next
    assert [path for path in headers.iterdir() if path.is_file()]
    assert ("compile", "first_call") not in found
    assert sum(seconds for _, seconds in first.parts) == pytest.approx(first.values[0])
    assert {name for name, _ in first.parts} == {
        compilations.IMPORT, compilations.DYNAMO, compilations.AOT_AUTOGRAD, compilations.INDUCTOR, compilations.CODE,
        compilations.REST,
    }  # fmt: skip
    assert min(dict(first.parts)[phase] for phase in (compilations.DYNAMO, compilations.IMPORT)) > 0
    assert found["eager", "answer_error_float64"].values[0] < 1e-6
    assert found["compile", "answer_error_float64"].values[0] < 1e-6


@needs_compiler
@pytest.mark.parametrize(
    ("name", "metric", "count", "line"),
    [
        ("graph_break", "graph_breaks", 1.0, "torch._dynamo.graph_break()"),
        ("recompiles", "recompiles", 2.0, "compiled = setup.compile(lambda x, factor: x * factor if"),
        ("recompiles_module", "recompiles", 1.0, "Step(lambda: compiled(batches["),
    ],
)
def test_a_planted_break_and_recompilation_are_counted_and_placed(
    launcher: Launcher, compiled_code: str, name: str, metric: str, count: float, line: str
) -> None:
    records = attempted(launcher, task(name, "exact", cache=compiled_code))
    (found,) = (record for record in records if record.metric == metric)
    assert found.values == (count,)
    assert sum(times for _, times in found.parts) == count
    source = Path(__file__).parent.parent.joinpath("planted.py").read_text().splitlines()
    number = next(at for at, text in enumerate(source, 1) if line in text)
    assert all(f"tests/planted.py:{number}" in reason for reason, _ in found.parts)
    text = words_of(records)
    assert f"tests/planted.py:{number}" in text


def words_of(records: Sequence[Record]) -> str:
    found = figures(frame_of(Contents(tuple(records), {})))
    return study_text(studied(found), overview(found), {})


@needs_compiler
@pytest.mark.parametrize(("how", "reason"), [("operator", "Unsupported"), ("branch", "ata-dependent")])
def test_what_cannot_be_compiled_whole_says_why(launcher: Launcher, compiled_code: str, how: str, reason: str) -> None:
    (found,) = attempted(launcher, task("unsupported", cache=compiled_code, how=how))
    assert found.status == "broken"
    assert reason in found.reason
    assert found.reason in " ".join(words_of([found]).split())


@needs_compiler
def test_a_wrong_compiled_answer_is_broken(launcher: Launcher, compiled_code: str) -> None:
    (found,) = attempted(launcher, task("wrong_when_compiled", cache=compiled_code))
    assert (found.status, found.case.mode) == ("broken", "compile")
    assert "compile differs from eager" in found.reason


@needs_compiler
def test_a_case_compiled_again_and_again_is_warned_about(launcher: Launcher, compiled_code: str) -> None:
    records = attempted(launcher, task("always_new", cache=compiled_code))
    (step,) = (r for r in records if r.metric == "step_time" and r.case.mode == "compile")
    assert any("torch's limit" in warning for warning in step.warnings)


@needs_compiler
def test_a_cache_folder_that_cannot_be_written_is_named(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (found,) = attempted(launcher, task("steady", cache=str(tmp_path / "file" / "0-0")))
    assert found.status == "unavailable"
    assert "cache folder" in found.reason
    assert "cannot be written" in found.reason


@needs_compiler
def test_a_disk_that_fills_up_while_compiling_breaks_that_case_only(launcher: Launcher, tmp_path: Path) -> None:
    (found,) = attempted(launcher, task("disk_full", cache=str(tmp_path)))
    assert found.status == "broken"
    assert "Command:" not in found.reason
    after = attempted(launcher, task("steady", cache=str(tmp_path)))  # in the folder that it left behind
    assert {record.status for record in after} == {"measured"}


def test_a_compiler_named_by_cxx_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert "CXX=no-such-compiler is none" in torch_compile.missing_compiler("cpu")


@needs_compiler
def test_recompilations_over_sizes_are_those_of_dynamos_guards(launcher: Launcher) -> None:
    (found,) = attempted(launcher, task("resized", "sizes"))
    assert found.metric == "shape_recompiles"
    assert dict(found.parts) == {"static": len(SIZES), "automatic": 1, "dynamic": 0}
    (found,) = attempted(launcher, task("steady", "sizes"))
    assert (found.status, found.reason) == ("unavailable", NO_SIZES)


def test_a_long_step_is_a_whole_loop_and_not_counted_apart() -> None:
    plain = Record("", "", case("steady", "eager"), "step_time", values=(0.5, 0.6))
    assert is_long([plain])
    assert not is_long([replace(plain, values=(0.1, 0.4))])
    assert not is_long([replace(plain, status="broken", values=())])
    made = compilations.Compilation(2, ("why at model.py:1",), ())
    subject = Begun(Step(lambda: torch.zeros(())), "compile", 1.0, [], made, True)
    found = {record.metric: record for record in long_records(replace(plain, case=case("steady")), subject)}
    assert found["graphs"].values == (2.0,)
    assert dict(found["graph_breaks"].parts) == {"why at model.py:1": 1.0}
    assert (found["kernels"].status, found["peak_memory"].status) == ("unavailable", "unavailable")
    assert found["kernels"].reason == LONG


def test_a_distance_from_float64_that_is_not_taken_says_why() -> None:
    step = Step(lambda: torch.zeros(()))
    assert without_float64(step, DEVICES["cpu"], 0.001) == ""
    assert "random numbers" in without_float64(replace(step, random=True), DEVICES["cpu"], 0.001)
    assert "this long" in without_float64(step, DEVICES["cpu"], 1.0)
    assert without_float64(step, DEVICES["mps"], 0.001) == "mps has no float64"
