"""Modes for inference only: what they answer, what they keep for later processes, and what they refuse."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.cli.run import add_to, make_plan
from bench.cli.scopes import scope_of
from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.modes import torch_compile
from bench.modes.inference import digest
from bench.records.record import Case, Record
from bench.runs.compile_study import attempted
from bench.runs.fresh import Launcher
from bench.runs.run import measured
from reports.read.tails import ENOUGH_CALLS
from tests.conftest import ROOT
from workloads.base import load_suite

SHORT = Budget(warm_up_s=0.0, sample_s=0.0, min_values=2, max_values=2, calls_s=0.0, min_calls=5, max_calls=5)
needs_compiler = pytest.mark.skipif(bool(torch_compile.missing_compiler("cpu")), reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def launcher(fork_server: None) -> Launcher:
    return Launcher(timeout_s=120)


def task(name: str, mode: str, cache: Path, measure: str = "time", dtype: str = "float32") -> Task:
    case = Case(f"planted.{name}", 1, (), "cpu", dtype, mode, 1)
    return Task(case, measure, budget=SHORT, cache=str(cache), module="tests.planted_inference")


def by_metric(found: list[Record]) -> dict[str, Record]:
    return {record.metric: record for record in found}


@pytest.fixture(scope="module")
def compiled(launcher: Launcher, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Record]]:
    """A cache folder with the program of planted.infers, and what was measured when it was compiled."""
    folder = tmp_path_factory.mktemp("programs")
    return folder, by_metric(measured(launcher, task("infers", "aot", folder)))


@needs_compiler
def test_a_program_compiled_ahead_of_time_is_loaded_by_later_processes(
    launcher: Launcher, compiled: tuple[Path, dict[str, Record]]
) -> None:
    folder, first = compiled
    assert first["step_time"].status == "measured", first["step_time"].reason
    assert first["answer_error"].values[0] < 1e-5
    (program,) = folder.rglob("*.pt2")
    written = program.stat().st_mtime_ns
    second = by_metric(measured(launcher, replace(task("infers", "aot", folder), launch=1, cold=False)))
    assert [*folder.rglob("*.pt2")] == [program]
    assert program.stat().st_mtime_ns == written
    assert second["first_call_warm"].status == "measured"
    assert "first_call" not in second  # which is what compiling takes


def test_int8_layers_answer_with_the_error_of_int8(launcher: Launcher, tmp_path: Path) -> None:
    found = by_metric(measured(launcher, task("infers", "int8", tmp_path)))
    assert found["step_time"].status == "measured", found["step_time"].reason
    # Float32 is right to 1e-7 here: an error in between says that the layers were really rounded.
    assert 1e-4 < found["answer_error"].values[0] < 5e-2


def test_int8_that_rounds_the_answer_away_is_broken(launcher: Launcher, tmp_path: Path) -> None:
    (record,) = measured(launcher, task("outlier", "int8", tmp_path))
    assert record.status == "broken"
    assert record.reason.startswith("wrong answer: relative error 1")


@pytest.mark.parametrize(
    ("name", "mode", "dtype", "reason"),
    [
        ("adds", "aot", "float32", "a program compiled ahead of time is made of a module"),
        ("adds", "int8", "float32", "dynamic quantization to int8 is made of a module"),
        ("trains", "aot", "float32", "a program compiled ahead of time infers only"),
        ("trains", "int8", "float32", "dynamic quantization to int8 infers only"),
        ("infers_without_layers", "int8", "float32", "dynamic quantization to int8 changes linear layers"),
        (
            "infers",
            "int8",
            "bfloat16",
            "dynamic quantization to int8 is defined for float32 on the CPU, not",
        ),
        ("hands_over_nothing", "aot", "float32", torch_compile.NOTHING_CONVERTED),
        ("hands_over_nothing", "int8", "float32", torch_compile.NOTHING_CONVERTED),
    ],
)
@needs_compiler
def test_what_a_mode_cannot_change_says_why(
    launcher: Launcher, tmp_path: Path, name: str, mode: str, dtype: str, reason: str
) -> None:
    (record,) = measured(launcher, task(name, mode, tmp_path, dtype=dtype))
    assert record.status == "unavailable"
    assert record.reason.startswith(reason)


def test_a_look_times_few_single_calls() -> None:
    parser = argparse.ArgumentParser()
    add_to(parser.add_subparsers())
    ask = ["run", "mnist_cnn.inference", "--device", "cpu"]
    look, measurement = (
        make_plan(options, scope_of(options, load_suite())).budget
        for options in (parser.parse_args([*ask, "--launches", "1", *how]) for how in (["--quick"], []))
    )
    assert look.min_calls < ENOUGH_CALLS <= measurement.min_calls
    assert look.calls_s < measurement.calls_s


def test_single_calls_are_timed_one_by_one(launcher: Launcher, tmp_path: Path) -> None:
    (record,) = measured(launcher, task("infers", "eager", tmp_path, "latency"))
    assert (record.metric, record.steps_per_value, record.items) == ("latency", 1, 4)
    assert len(record.values) == 5


@needs_compiler
@pytest.mark.parametrize("mode", ["aot", "int8"])
def test_a_study_takes_these_modes_in_turns_with_eager(
    launcher: Launcher, compiled: tuple[Path, dict[str, Record]], mode: str
) -> None:
    found = {(r.case.mode, r.metric): r for r in attempted(launcher, task("infers", mode, compiled[0], "turns"))}
    assert found[mode, "step_time"].turns == "eager"
    assert len(found[mode, "step_time"].values) == len(found["eager", "step_time"].values)
    assert found[mode, "first_call"].values[0] > 0
    assert found[mode, "answer_error_float64"].values[0] < 5e-2


def test_a_program_is_told_apart_by_all_it_depends_on() -> None:
    class Doubled(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + x

    class Squared(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * x

    Squared.__qualname__ = Doubled.__qualname__
    torch.manual_seed(0)
    layer, x = nn.Linear(4, 4), torch.randn(2, 4)
    same, other = nn.Linear(4, 4), nn.Linear(4, 4)
    same.load_state_dict(layer.state_dict())
    assert digest(layer, (x,)) == digest(same, (x,))
    told_apart = [digest(layer, (x,)), digest(other, (x,)), digest(layer, (x[:1],)), digest(layer, (x.double(),))]
    told_apart += [digest(nn.Sequential(layer), (x,)), digest(Doubled(), (x,)), digest(Squared(), (x,))]
    assert len(set(told_apart)) == len(told_apart)


def test_a_program_is_found_again_by_a_process_with_other_hashes() -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", "from tests.bench.test_converting import normed; print(normed())"],
            cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]  # fmt: skip
    first, second = (process.communicate()[0] for process in processes)
    assert first == second != ""


class Normed(nn.Module):
    """Has a number without dimensions among its state, and code and a set among the constants of its code."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        twice = (lambda y: y + y) if self.norm.__class__.__name__ in {"BatchNorm1d", "Other", "Third"} else abs
        return twice(self.norm(x))  # type: ignore[no-any-return]


def normed() -> str:
    """What its program is called."""
    torch.manual_seed(0)
    return digest(Normed().eval(), (torch.zeros(2, 4),))
