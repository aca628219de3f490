"""The workloads of several ranks: right in two ranks of torchrun; in a group of one, wrong answers are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from bench.cli import main
from bench.measure.task import Task
from bench.measure.timer import SHORT
from bench.records.record import RANKS, Case
from bench.runs.world import measured_by_ranks
from workloads.base import Setup, Step, Workload, WrongAnswer, load_suite

OWN = {name: workload for name, workload in load_suite().items() if name.startswith("distributed.")}
pytestmark = pytest.mark.skipif(not dist.is_available(), reason="this torch has no torch.distributed")


@pytest.fixture
def group() -> Iterator[object]:
    """A group of this process alone."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield dist.group.WORLD
    dist.destroy_process_group()


def built(workload: Workload, group: object, wrap: str | None) -> Step:
    point = next(point for point in workload.points if point["ranks"] == 1 and point.get("wrap") == wrap)
    return workload.build(Setup(torch.device("cpu"), group=group), **point)


@pytest.mark.parametrize("name", OWN)
def test_checks_refuse_wrong_answers(name: str, group: object) -> None:
    for wrap in {point.get("wrap") for point in OWN[name].points if point["ranks"] == 1}:
        step = built(OWN[name], group, wrap)
        answers = [step.run().clone() for _ in range(3)]
        if step.check:
            step.check(answers[0])
            with pytest.raises(WrongAnswer):
                step.check(answers[0] * 1.01)
        else:
            assert step.check_first
            step.check_first(answers)
            with pytest.raises(WrongAnswer):
                step.check_first([answers[0], answers[0], answers[2]])


def test_all_are_right_in_two_ranks() -> None:
    tasks = [
        Task(Case(name, 1, tuple(point.items()), "cpu", "float32", "eager", 1), "time", 0, SHORT)
        for name, workload in OWN.items() for point in workload.points
        if point["ranks"] == 2 and point.get("model") != "wide" and point.get("size") != 1 << 20
    ]  # fmt: skip
    records = [record for record in measured_by_ranks(tasks, 60.0) if record.metric == "step_time"]
    assert [(record.case.label, record.reason) for record in records if record.status != "measured"] == []
    assert len(records) == len(tasks) == 12
    assert {record.turns for record in records} == {RANKS}


def test_the_tables_of_ranks_say_what_their_document_says(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = f"{tmp_path}/ranks.jsonl"
    chosen = "distributed.train_step(model=wide,scaling=strong*"
    assert main(["run", chosen, "--device", "cpu", "--launches", "2", "-o", path]) == 0
    capsys.readouterr()
    assert main(["compare", path, "--by", "ranks"]) == 0
    said = capsys.readouterr().out
    for words in (
        "efficiency [95 %]",
        "adds [95 %]",
        "ddp_no_sync",
        "ranks by themselves",
        "ddp",
        "fsdp",
        "They took turns",
    ):
        assert words in said
    assert main(["compare", path, "--by", "ranks", "--fail-slower", "5%"]) == 2


def test_a_profile_is_of_all_ranks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = "distributed.train_step(model=wide,scaling=strong,ranks=2,wrap=ddp,*"
    assert main(["profile", chosen, "--device", "cpu", "-o", str(tmp_path), "--format", "table"]) == 0
    said = capsys.readouterr().out
    for words in ("(rank 0)", "(rank 1)", "Ranks side by side", "gloo:all_reduce"):
        assert words in said
    assert "outside of operators: " not in said
    assert len(list(tmp_path.glob("*/rank-*.json.gz"))) == 2
    assert "(rank 1)" in (tmp_path / "report.html").read_text()
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "localhost"), ("MASTER_PORT", "1")):
        monkeypatch.setenv(name, value)
    assert main(["profile", chosen, "--device", "cpu", "-o", str(tmp_path)]) == 2
    assert "profile starts the ranks of a case by itself" in capsys.readouterr().err
