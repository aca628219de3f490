"""What traces do not say of themselves is said: time between marks, traces without any, and which file is which."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli import main
from tests.traces.events import event, op, step, write
from tests.traces.one import read_one


def test_time_between_marks_is_in_no_figure_and_said(tmp_path: Path) -> None:
    events = [each for at in (0, 1000, 2000) for each in (step(at // 1000, at, 100), op("aten::mm", at, 90))]
    found = read_one(write(tmp_path / "gaps.json", [*events, op("aten::add", 500, 100)]))
    assert "86 % of the time from the first mark to the last is between steps, and in no figure" in found.warnings
    events = [each for at in (0, 100) for each in (step(at // 100, at, 100), op("aten::mm", at, 90))]
    assert read_one(write(tmp_path / "whole.json", events)).warnings == []


def test_steps_are_not_compared_with_a_whole_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marked = write(tmp_path / "a.json", [step(0, 0, 100), op("aten::mm", 0, 90)])
    bare = write(tmp_path / "b.json", [op("aten::mm", 0, 90), event("user_annotation", "mine", 0, 100)])
    page = str(tmp_path / "page.html")
    assert main(["report", "--diff", str(marked), str(bare), "-o", page]) == 2
    assert "b.json marks no steps, and the other does; --step-mark GLOB names its steps" in capsys.readouterr().err
    assert main(["report", "--diff", str(bare), str(bare), "-o", page, "--step-mark", "mine"]) == 0
    assert main(["report", str(bare), "-o", page, "--step-mark", "mine"]) == 2


def test_files_of_one_name_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(str(write(tmp_path / name / "t.json", [step(0, 0, 100), op("aten::mm", 0, 90)])))
    assert main(["profile", "--trace", *paths, "-o", str(tmp_path / "out"), "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.partition(",")[0] for line in lines[1:]} == {"one/t.json", "two/t.json"}
    assert "one/t.json" in (tmp_path / "out" / "report.html").read_text()


def test_a_trace_without_marks_says_so_in_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "t.json", [op("aten::mm", 0, 90)])
    assert main(["profile", "--trace", str(path), "-o", str(tmp_path), "--format", "table"]) == 0
    assert "in all: the trace marks no steps (--step-mark names other marks)" in capsys.readouterr().out
