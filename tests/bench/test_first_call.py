"""A first call says whose it was: the program's, the machine's, or that of a program which was compiled before."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch._inductor import cpu_vec_isa
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

from bench.devices import DEVICES
from bench.measure.first_call import Begun, begin, first_call_records
from bench.measure.task import Task
from bench.modes import compilations, made_once, torch_compile
from bench.records.record import Case, Record
from bench.runs import run
from bench.runs.fresh import Launcher
from workloads.base import Setup, Step, Workload

CASE = Case("planted.one", 1, (), "cpu", "float32", "compile", 1)
COLD, BEFORE = Task(CASE, "time", cold=True), Task(CASE, "time", cold=False)


def begun(has_headers: bool) -> Begun:
    return Begun(Step(lambda: torch.zeros(())), "compile", 10.0, [], None, True, import_s=2.0, has_headers=has_headers)


@pytest.fixture(autouse=True)
def first_in_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_compile, "expects_compiled", False)


@pytest.mark.parametrize(
    ("task", "has_headers", "metric"),
    [(COLD, False, "first_call"), (COLD, True, "first_call_machine"), (BEFORE, False, "first_call_warm")],
)
def test_a_first_call_has_the_name_of_what_it_was(task: Task, has_headers: bool, metric: str) -> None:
    (record,) = first_call_records(task, Record("", "", CASE, "step_time"), begun(has_headers))
    assert (record.metric, record.values) == (metric, (10.0,))
    assert dict(record.parts)[compilations.IMPORT] == 2.0
    assert sum(dict(record.parts).values()) == pytest.approx(10.0)


def test_a_process_that_expects_compiled_programs_tells_no_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_compile, "expects_compiled", True)
    assert first_call_records(COLD, Record("", "", CASE, "step_time"), begun(False)) == []


def test_the_clock_starts_before_the_compiler_is_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By a fake: a user's clock would start where torch.compile is called, which imports the compiler."""
    made: list[str] = []
    monkeypatch.setattr(torch_compile, "import_s", 3.0)  # by the process that this one was forked from
    monkeypatch.setattr(torch_compile, "check_used", lambda mode: None)
    monkeypatch.setattr(made_once, "headers", lambda: frozenset(made))

    def build(setup: Setup) -> Step:
        return Step(lambda: made.append("a.h.gch") or torch.zeros(()))  # type: ignore[func-returns-value]

    workload = Workload("planted.one", build, {}, "row")
    found = begin(COLD, workload, DEVICES["cpu"])
    assert 3.0 < found.first_call_s < 4.0
    assert found.import_s == 3.0
    assert found.has_headers
    plain = begin(replace(COLD, case=replace(CASE, mode="eager")), workload, DEVICES["cpu"])
    assert plain.import_s == 0.0
    assert plain.first_call_s < 1.0


@pytest.mark.parametrize("made", [frozenset(), frozenset({"a.h.gch"})])
def test_what_is_found_out_once_on_a_machine_is_no_part_of_a_program_s_first_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, made: frozenset[str]
) -> None:
    """Unless the machine has compiled nothing yet: then its first call pays for that, too."""
    asked: list[str] = []
    monkeypatch.setattr(made_once, "headers", lambda: made)
    monkeypatch.setattr(cpu_vec_isa, "valid_vec_isa_list", lambda: asked.append(os.environ[torch_compile.CACHE_FOLDER]))
    monkeypatch.setenv(torch_compile.CACHE_FOLDER, str(tmp_path))
    made_once.know_machine()
    assert asked == [default_cache_dir()] * len(made)
    assert os.environ[torch_compile.CACHE_FOLDER] == str(tmp_path)


def test_the_import_is_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter((1.0, 3.5))
    monkeypatch.setattr(torch_compile, "import_s", None)
    monkeypatch.setattr(torch_compile, "perf_counter", lambda: next(now))
    assert [torch_compile.load(), torch_compile.load()] == [2.5, 2.5]


def test_a_program_whose_first_call_was_the_machine_s_has_one_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Task] = []

    def measured(launcher: Launcher, *tasks: Task) -> list[Record]:
        asked.extend(tasks)
        plain = replace(tasks[0].case, mode="eager")
        return [Record("", "", case, "first_call", values=(9.4,)) for case in (plain, CASE)]

    monkeypatch.setattr(run, "measured", measured)
    of_machine = Record("", "", CASE, "first_call_machine", values=(15.0,))
    task = replace(COLD, cache="folder")
    (found,) = run.first_again(Launcher(1.0), task, [of_machine])
    assert (found.case, found.metric, found.values) == (CASE, "first_call", (9.4,))
    assert [(again.measure, again.cold, again.cache) for again in asked] == [("cold", True, "folder-again")]
    assert run.first_again(Launcher(1.0), task, [found]) == []
