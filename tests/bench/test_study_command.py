"""`torchpace compile`: which passes a case has, what fails is left, and when a first call has paid for itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.cli import main
from bench.measure.compile_passes import LONG_PROFILE
from bench.modes import torch_compile
from bench.records.files import Contents, read
from bench.records.record import Case, Record
from bench.runs.compile_study import COLD_FOLDERS, State, Study, cold_passes, profile_passes
from bench.runs.fresh import Launcher
from reports.read.frames import figures, frame_of
from reports.topics.overview.figures import overview

ASK = ("compile", "--workloads", "tests.planted", "--device", "cpu")


def case(name: str, mode: str = "compile") -> Case:
    return Case(f"planted.{name}", 1, (), "cpu", "float32", mode, 1)


@pytest.mark.skipif(bool(torch_compile.missing_compiler("cpu")), reason="needs a C++ compiler")
def test_the_command_goes_on_after_what_fails_and_its_records_say_the_same(
    called_here: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Case] = []

    def slower(records: Sequence[Record]) -> bool:
        asked.append(records[-1].case)
        return len(asked) > 1  # as if it were not, for a second cold call, and then were, so that it is profiled

    monkeypatch.setattr("bench.cli.compile.slower", slower)
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
    for mode in ("eager", "compile"):  # what a roofline needs of either
        own = {r.metric for r in given if r.case == case("steady", mode) and r.status == "measured"}
        assert {"arithmetic", "algorithmic_bytes", "touched_bytes"} <= own
    colds = [r for r in given if r.metric == "first_call" and r.case.mode == "compile" and r.status == "measured"]
    assert len(colds) == 2
    assert [r.case for r in given if r.metric == "first_call_machine"] == [case("steady")]  # one is enough of a machine
    for said in (
        "has compiled nothing yet",
        "planted.steady",
        "planted: no such thing",
        "Unsupported",
        "Does torch.compile pay?",
    ):
        assert said in text
    assert main(["compare", path, "--by", "mode"]) == 0
    assert "planted.steady" in capsys.readouterr().out


def test_nothing_measured_is_exit_2_and_named(
    called_here: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*ASK, "planted.does_not_build", "-o", str(tmp_path / "a.jsonl")]) == 2
    captured = capsys.readouterr()
    assert "planted: no such thing" in captured.out
    assert "nothing could be measured; the table says why" in captured.err


def test_an_unknown_mode_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "--mode", "fast"]) == 2
    assert "mode 'fast' unknown; choose from default, reduce-overhead, max-autotune" in capsys.readouterr().err


def test_break_even_is_where_the_first_call_has_paid_for_itself() -> None:
    launches = [
        Record("run", "here", case("pays_off", mode), "step_time", values=(step_s,) * 4, launch=launch, turns=other)
        for mode, step_s, other in (("eager", 0.020, "int8"), ("int8", 0.010, "eager"))
        for launch in range(3)
    ]
    calls = [
        Record("run", "here", case("pays_off", mode), "first_call", values=(first_s,), launch=launch)
        for mode, first_s, times in (("eager", 0.020, 3), ("int8", 2.010, COLD_FOLDERS))
        for launch in range(times)
    ]
    rows = overview(figures(frame_of(Contents((*launches, *calls), {}))))
    (found,) = (row for row in rows if row.metric == "break_even_steps")
    # Two seconds and 10 ms against 20 ms at first; 10 ms a step from then on.
    assert found.head == pytest.approx((2.010 - 0.020) / 0.010)


def test_a_slower_case_has_no_second_cold_call(tmp_path: Path) -> None:
    study = Study("run", [case("steady")], module="tests.planted")
    state = State(Launcher(60), tmp_path)
    state.machine = True
    state.found[case("steady")] = [Record("", "", case("steady"), "first_call", values=(9.0,))]
    assert [*cold_passes(study, state, case("steady"), 0, lambda records: True)] == []  # it never breaks even


def test_a_slower_loop_is_not_profiled_and_says_so(tmp_path: Path) -> None:
    study = Study("run", [case("steady")], module="tests.planted")
    state = State(Launcher(60), tmp_path)
    loop = Record("", "", case("steady", "eager"), "step_time", values=(0.5, 0.6))
    state.found[case("steady")] = [loop]
    ((record,),) = profile_passes(study, state, case("steady"), 0, lambda records: records == [loop])
    assert (record.metric, record.status, record.reason) == ("operator_time", "unavailable", LONG_PROFILE)
