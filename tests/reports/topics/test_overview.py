"""`torchpace compare FILE`: what the table of steps says besides its figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import main
from bench.records.record import UNCHECKED
from tests.reports import stored


def steps(capsys: pytest.CaptureFixture[str], path: Path) -> tuple[list[str], str]:
    assert main(["compare", str(path)]) == 0
    out = capsys.readouterr().out
    return [line for line in out.splitlines() if line.startswith(("mnist ", "train", "infer"))], out


def test_a_step_that_nobody_checks_is_marked_in_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checked = stored.record(stored.case("mnist.train"), "step_time", *stored.times(20e-3))
    unchecked = [
        replace(record, warnings=(UNCHECKED,))
        for record in stored.record(stored.case("mnist.infer"), "step_time", *stored.times(2e-3))
    ]
    (header, train, infer), out = steps(capsys, stored.store(tmp_path / "some.jsonl", [*checked, *unchecked]))
    assert header.endswith("answers")
    assert train.endswith(" checked")
    assert "not checked" not in train
    assert infer.endswith("not checked")
    assert f"- {UNCHECKED} (1 case)" in out
    (header, _), out = steps(capsys, stored.store(tmp_path / "all.jsonl", checked))
    assert "answers" not in out
    assert header.endswith("throughput")


@pytest.mark.parametrize(
    ("launches", "said"),
    [
        (((1.0,), (1.3,), (0.9,), (1.2,), (1.05,), (0.8,)), "(6 launches; "),
        (((1.0,), (3.0,)), "(2 launches; too few to say how many would do)"),
    ],
)
def test_how_many_launches_would_do_is_said_where_that_is_advice(
    launches: tuple[tuple[float, ...], ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = stored.record(stored.case("mnist.train"), "step_time", *launches)
    _, out = steps(capsys, stored.store(tmp_path / "few.jsonl", records))
    text = " ".join(out.split())
    assert said in text
    assert ("would do" in text.replace("how many would do", "")) == (len(launches) > 2)
