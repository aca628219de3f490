"""The compile study: what is planted is found, named and placed; what fails is named, and the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.cli import main
from bench.devices import DEVICES
from bench.measure.compile_passes import LONG, LONG_PROFILE, NO_SIZES, SIZES, is_long, long_records, without_float64
from bench.measure.fresh import Launcher
from bench.measure.passes import Begun
from bench.measure.task import Task
from bench.modes import compilations, torch_compile
from bench.records.files import Contents, Writer, read
from bench.records.record import Case, Record
from bench.runs.compile_study import State, Study, attempted, cold_passes, investigate, profile_passes
from reports.read.frames import figures, frame_of
from reports.topics.compile.figures import studied
from reports.topics.compile.text import study_text
from reports.topics.overview.figures import overview
from tests.conftest import ROOT
from workloads.base import Step

ASK = ("compile", "--workloads", "tests.planted", "--device", "cpu")
needs_compiler = pytest.mark.skipif(bool(torch_compile.missing_compiler("cpu")), reason="needs a C++ compiler")


def case(name: str, mode: str = "compile", **point: str) -> Case:
    return Case(f"planted.{name}", 1, tuple(point.items()), "cpu", "float32", mode, 1)


def task(name: str, measure: str = "turns", cache: str = "", **point: str) -> Task:
    return Task(case(name, **point), measure, cache=cache, module="tests.planted")


@pytest.fixture(scope="module")
def launcher(fork_server: None) -> Launcher:
    return Launcher(timeout_s=120)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("compiled"))


def test_both_modes_take_turns_of_the_same_steps(launcher: Launcher) -> None:
    turns = Task(case("steady", "eager"), "turns", module="tests.planted")  # eager against itself: the same path
    first, second = (record for record in attempted(launcher, turns) if record.metric == "step_time")
    assert first.turns == second.turns == "eager"
    assert len(first.values) == len(second.values) >= 4
    assert first.steps_per_value == second.steps_per_value > 1


@needs_compiler
def test_a_compiled_case_has_phases_that_sum_and_distances_from_float64(launcher: Launcher, cache: str) -> None:
    found = {(r.case.mode, r.metric): r for r in attempted(launcher, task("steady", cache=cache))}
    assert found["eager", "step_time"].turns == "compile"
    assert found["compile", "step_time"].turns == "eager"
    first = found["compile", "first_call"]
    assert sum(seconds for _, seconds in first.parts) == pytest.approx(first.values[0])
    assert {name for name, _ in first.parts} == {
        compilations.DYNAMO, compilations.AOT_AUTOGRAD, compilations.INDUCTOR, compilations.CODE, compilations.REST,
    }  # fmt: skip
    assert dict(first.parts)[compilations.DYNAMO] > 0
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
    launcher: Launcher, cache: str, name: str, metric: str, count: float, line: str
) -> None:
    records = attempted(launcher, task(name, "exact", cache=cache))
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


@pytest.mark.parametrize(("how", "reason"), [("operator", "Unsupported"), ("branch", "ata-dependent")])
def test_what_cannot_be_compiled_whole_says_why(launcher: Launcher, cache: str, how: str, reason: str) -> None:
    if torch_compile.missing_compiler("cpu"):
        pytest.skip("needs a C++ compiler")
    (found,) = attempted(launcher, task("unsupported", cache=cache, how=how))
    assert found.status == "broken"
    assert reason in found.reason
    assert found.reason in " ".join(words_of([found]).split())


@needs_compiler
def test_a_wrong_compiled_answer_is_broken(launcher: Launcher, cache: str) -> None:
    (found,) = attempted(launcher, task("wrong_when_compiled", cache=cache))
    assert (found.status, found.case.mode) == ("broken", "compile")
    assert "compile differs from eager" in found.reason


@needs_compiler
def test_a_case_compiled_again_and_again_is_warned_about(launcher: Launcher, cache: str) -> None:
    records = attempted(launcher, task("always_new", cache=cache))
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


def test_recompilations_over_sizes_are_those_of_dynamos_guards(launcher: Launcher) -> None:
    if torch_compile.missing_compiler("cpu"):
        pytest.skip("needs a C++ compiler")
    (found,) = attempted(launcher, task("resized", "sizes"))
    assert found.metric == "shape_recompiles"
    assert dict(found.parts) == {"static": len(SIZES), "automatic": 1, "dynamic": 0}
    (found,) = attempted(launcher, task("steady", "sizes"))
    assert (found.status, found.reason) == ("unavailable", NO_SIZES)


@needs_compiler
def test_the_command_goes_on_after_what_fails_and_its_records_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Case] = []

    def slower(records: Sequence[Record]) -> bool:
        asked.append(records[-1].case)
        return len(asked) > 1  # as if it were not, for a second cold call, and then were, so that it is profiled

    monkeypatch.setattr("bench.cli.compile.slower", slower)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    path = str(tmp_path / "a.jsonl")
    names = ("planted.unsupported", "planted.does_not_build", "planted.steady")
    assert main([*ASK, *names, "--launches", "1", "-o", path]) == 0
    text = capsys.readouterr().out
    given = read(Path(path)).records
    assert {record.case.workload for record in given if record.status == "broken"} == set(names[:2])
    assert {case.workload for case in asked} == {"planted.steady"}
    profiled = [record for record in given if record.metric == "operator_time"]
    assert [record.case.mode for record in profiled] == ["eager", "compile"]
    for record in profiled:
        assert sum(seconds for _, seconds in record.parts) == pytest.approx(record.values[0])
    assert "aten::add" in dict(profiled[0].parts)
    assert any(name.startswith("cpp_fused_add") for name, _ in profiled[1].parts)
    colds = [r for r in given if r.metric == "first_call" and r.case.mode == "compile" and r.status == "measured"]
    assert len(colds) == 2
    for said in ("planted.steady", "planted: no such thing", "Unsupported", "Does torch.compile pay?"):
        assert said in text
    assert main(["compare", path, "--by", "mode"]) == 0
    assert "planted.steady" in capsys.readouterr().out


@pytest.mark.timing
def test_break_even_is_where_the_first_call_has_paid_for_itself(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.jsonl")
    study = Study("run", [case("pays_off", "int8")], module="tests.planted_inference")
    records = [*investigate(study, writer, lambda records: False, show_progress=False)]
    writer.close()
    rows = overview(figures(frame_of(Contents(tuple(records), {}))))
    (found,) = (row for row in rows if row.metric == "break_even_steps")
    # Two seconds and 10 ms against 20 ms at first; 10 ms a step from then on.
    assert found.head == pytest.approx((2.010 - 0.020) / 0.010, rel=0.05)


def test_a_slower_case_has_no_second_cold_call(tmp_path: Path) -> None:
    study = Study("run", [case("steady")], module="tests.planted")
    state = State(Launcher(60), tmp_path)
    assert [*cold_passes(study, state, case("steady"), 0, lambda records: True)] == []  # it never breaks even


def test_a_slower_loop_is_not_profiled_and_says_so(tmp_path: Path) -> None:
    study = Study("run", [case("steady")], module="tests.planted")
    state = State(Launcher(60), tmp_path)
    loop = Record("", "", case("steady", "eager"), "step_time", values=(0.5, 0.6))
    state.found[case("steady")] = [loop]
    ((record,),) = profile_passes(study, state, case("steady"), 0, lambda records: records == [loop])
    assert (record.metric, record.status, record.reason) == ("operator_time", "unavailable", LONG_PROFILE)


def test_nothing_measured_is_exit_2_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert main([*ASK, "planted.does_not_build", "-o", str(tmp_path / "a.jsonl")]) == 2
    captured = capsys.readouterr()
    assert "planted: no such thing" in captured.out
    assert "nothing could be measured; the table says why" in captured.err


def test_an_unknown_mode_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "--mode", "fast"]) == 2
    assert "mode 'fast' unknown; choose from default, reduce-overhead, max-autotune" in capsys.readouterr().err


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
