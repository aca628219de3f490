"""The order of commits: git's, or of what git does not know the date's or the runs' own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.records.files import Contents
from reports.topics.history.figures import commits_of, inserted, without_git
from tests.reports.topics.history.commits import COMMITS, SLOW_FROM, cases, commit, git, shown, usual, write


def test_commits_unknown_to_git_are_left_out_and_named(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = project
    write(folder / "all.jsonl", [*commits, "f" * 40], usual)
    out, err = shown(capsys, "all.jsonl")
    assert "over 16 commits" in out
    assert "commit ffffffffff: not in git's history here (rebased away, or a shallow clone); left out" in err


@pytest.mark.parametrize("odd", ["--all", "HEAD", "x\ny", "main"])
def test_what_is_no_commit_is_not_given_to_git(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str], odd: str
) -> None:
    folder, commits = project
    write(folder / "all.jsonl", [*commits, odd], usual)
    out, err = shown(capsys, "all.jsonl")
    assert "over 16 commits" in out
    assert "left out" in err


def test_without_git_the_runs_say_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    commits = [f"{at:x}".ljust(40, "0") for at in range(256, 256 + COMMITS)]
    for at in reversed(range(COMMITS)):
        name = f"202501{at + 1:02d}-120000"
        write(tmp_path / f"{COMMITS - at}.jsonl", [commits[at]], lambda _, at=at: usual(at), run=name)
    out, err = shown(capsys, *sorted(str(path) for path in tmp_path.glob("*.jsonl")))
    assert f"{commits[SLOW_FROM - 1][:10]}..{commits[SLOW_FROM][:10]}" in out
    assert "in the order measured" in out
    assert "git here knows none of the commits" in err


def test_runs_without_a_commit_or_with_changes_stand_alone(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = project
    for at in range(COMMITS):
        name = f"202501{at + 1:02d}-120000"
        write(folder / "dirty.jsonl", [commits[0]], lambda _, at=at: usual(at), run=name, dirty=True)
        write(folder / "none.jsonl", [""], lambda _, at=at: usual(at), run=name)
    for source in ("dirty.jsonl", "none.jsonl"):
        (change,) = cases(capsys, source)["mnist.train"]["changes"]
        assert change["verdict"] == "slower"
    assert f"{commits[0][:10]}+..{commits[0][:10]}+" in shown(capsys, "dirty.jsonl")[0]
    out, _ = shown(capsys, "none.jsonl")
    assert "over 16 runs" in out
    assert "20250110-120000..20250111-120000" in out


def test_a_side_branch_is_warned_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q", "-b", "main")
    commits = [commit(tmp_path, day) for day in (1, 2, 3, 4)]
    git(tmp_path, "checkout", "-q", "-b", "side", commits[1])
    commits.append(commit(tmp_path, 5))
    write(tmp_path / "all.jsonl", commits, usual)
    assert "not built on the commit measured before (a side branch)" in shown(capsys, "all.jsonl")[1]
    write(tmp_path / "line.jsonl", commits[:4:2], usual)  # a gap is no side branch
    assert shown(capsys, "line.jsonl")[1] == ""


def test_commits_are_inserted_by_date() -> None:
    assert inserted([("a", 1.0), ("b", 3.0)], {"y": 5.0, "x": 2.0}) == ["a", "x", "b", "y"]
    assert without_git({"b": 2.0, "a": 1.0}) == (["a", "b"], "by commit date")
    assert without_git({"b": 2.0, "a": None})[0] == ["b", "a"]
    assert commits_of(Contents((), {})) == {}
