"""`compare --fail-slower`: exit codes as the gate's, from what was stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import main
from bench.records.record import Record
from reports.read.rows import Row
from reports.topics.compare.refusal import judged
from tests.reports.stored import case, record, store

ROW = Row("w", "", "cpu", "float32", "eager", 1, "step_time", "s", "same", ratio=1.0, ratio_low=0.99, ratio_high=1.01)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.98, 1.02, "within"), (1.02, 1.05, "within"), (1.02, 1.06, "undecided"), (1.051, 1.2, "slower"),
     (0.5, 3.0, "undecided"), (None, None, "undecided")],
)  # fmt: skip
def test_a_time_is_slower_where_all_of_its_interval_is_beyond(low: float, high: float, verdict: str) -> None:
    assert judged(replace(ROW, ratio_low=low, ratio_high=high), 0.05) == verdict
    assert judged(replace(ROW, verdict="missing", ratio_low=low, ratio_high=high), 0.05) == "missing"


def launches(step_s: float, name: str = "toy.step", spread: float = 0.002) -> list[Record]:
    values = [step_s * (1 + spread * number) for number in (-2, 1, 0, 2, -1, 1, 0, -1)]
    return list(record(case(name), "step_time", *[(value,) * 3 for value in values]))


@pytest.mark.parametrize(
    ("slowed", "spread", "arguments", "code", "says"),
    [
        (1.0, 0.002, ("--fail-slower", "5%"), 0, "No time is slower by more than 5.0 %: 1 missing, 1 within."),
        (1.2, 0.002, ("--fail-slower", "5%"), 1, "1 of 2 times is slower by more than 5.0 %: 1 slower, 1 missing."),
        (1.2, 0.002, ("--fail-slower", "50%"), 0, "1 within"),
        (1.05, 0.02, ("--fail-slower", "5%"), 3, "No time is surely slower by more than 5.0 %: 1 undecided"),
        (1.05, 0.02, ("--fail-slower", "5%", "--undecided", "pass"), 0, "No time is surely slower"),
        (1.2, 0.002, (), 0, "slower"),
    ],
)
def test_exit_codes_are_the_gate_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], slowed: float, spread: float, arguments: tuple[str, ...],
    code: int, says: str,
) -> None:  # fmt: skip
    store(tmp_path / "a.jsonl", [*launches(1e-3, spread=spread), *launches(1e-3, "toy.gone")])
    store(tmp_path / "b.jsonl", launches(slowed * 1e-3, spread=spread))
    assert main(["compare", str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl"), *arguments]) == code
    assert says in capsys.readouterr().out


def test_nothing_compared_is_no_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(tmp_path / "a.jsonl", launches(1e-3))
    store(tmp_path / "b.jsonl", launches(1e-3, "toy.other"))
    paths = [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]
    assert main(["compare", *paths, "--fail-slower", "5%", "--format", "json"]) == 2
    assert "2 missing" in capsys.readouterr().err
    assert main(["compare", paths[0], "--fail-slower", "5%"]) == 2
    assert "--fail-slower compares" in capsys.readouterr().err
    assert main(["compare", *paths, "--undecided", "pass"]) == 2
