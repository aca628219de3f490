"""The search for the commit that made a case slower: by made-up verdicts, and once for real."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cli.gate.bisect import search
from bench.gate import trials
from bench.gate.revisions import Side
from bench.measure.task import Task
from bench.records.record import SIDES, Case, Environment, Record
from reports.stats.sequential import LIKELY
from tests.bench.toy import ENOUGH_TRIALS, LOOPS, MORE_LOOPS, WORKLOADS, make


def told(first: int, commits: list[str], asked: list[str]) -> Callable[[str], str]:
    """Verdicts of a history whose commits are slower from the `first` on."""

    def gated(commit: str) -> str:
        asked.append(commit)
        return "slower" if commits.index(commit) >= first else "same"

    return gated


@given(st.integers(1, 60), st.data())
def test_the_first_slower_commit_is_found_by_halving(number: int, data: st.DataObject) -> None:
    commits = [f"{index:040d}" for index in range(number)]
    first = data.draw(st.integers(0, number - 1))
    asked: list[str] = []
    assert search(commits, told(first, commits, asked)) == (commits[first], "")
    assert len(asked) <= 2 + number.bit_length()


def test_a_range_whose_end_is_not_slower_says_so() -> None:
    found, reason = search(["a" * 40, "b" * 40], lambda commit: "same")
    assert found is None
    assert "bbbbbbbbbb, the last of the range, is same" in reason


def test_a_range_whose_end_was_not_decided_does_not_say_that_it_is_not_slower() -> None:
    found, reason = search(["a" * 40], lambda commit: LIKELY)
    assert found is None
    assert (
        reason
        == "aaaaaaaaaa, the last of the range, is likely slower and was not decided; more --budget or --trials may help"
    )


@pytest.mark.parametrize("verdict", ["undecided", LIKELY, "broken", "missing"])
def test_a_commit_that_cannot_be_judged_ends_the_search_with_what_is_known(verdict: str) -> None:
    commits = [letter * 40 for letter in "abcde"]
    verdicts = {commits[4]: "slower", commits[1]: "same", commits[2]: verdict}
    found, reason = search(commits, lambda commit: verdicts[commit])
    assert found is None
    assert f"cccccccccc is {verdict}" in reason
    assert "after bbbbbbbbbb, up to eeeeeeeeee" in reason


class Sides:
    """Stands for a pair of hosts: it knows where the sides' code is, and starts no process."""

    def __init__(self, sides: Mapping[str, Side], *arguments: object) -> None:
        self.by_name = {name: Path(side.root) for name, side in sides.items()}

    def __enter__(self) -> Sides:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def wait(self, *arguments: object) -> None:
        pass

    revive = pin = wait


def read_off(roots: dict[str, Path], task: Task, *how: object) -> dict[str, Record]:
    """A trial in which a step takes as many nanoseconds as the side's loop has turns."""
    loops = {name: int((root / "toy" / "model.py").read_text().split()[-1]) for name, root in roots.items()}
    return {
        name: Record("", "", task.case, "step_time", launch=task.launch, values=(count * 1e-9,) * 5)
        for name, count in loops.items()
    }


def test_the_commits_between_are_checked_out_and_gated_until_one_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = make(tmp_path / "project", warm=True)
    made = []
    for number in range(9):
        toy.write(MORE_LOOPS if number >= 5 else LOOPS)
        made.append(toy.commit(f"number {number}"))
    case = Case("toy.loops", 1, (), "cpu", "float32", "eager", 1)
    here = {(name, "cpu"): Environment(()) for name in SIDES}
    monkeypatch.setattr("bench.gate.survey.survey", lambda *what: ({name: [case] for name in SIDES}, here, {}))
    monkeypatch.setattr("bench.gate.lanes.Hosts", Sides)
    monkeypatch.setattr(trials, "Hosts", Sides)
    monkeypatch.setattr(trials, "trial", read_off)
    code, output, errors = toy.run(
        "bisect", *WORKLOADS, "--case", "toy.loops", "--good", made[0], "--bad", made[8], "--lanes", "1"
    )
    assert code == 0, errors
    asked = [line.split()[0] for line in output.splitlines() if " against " in line]
    assert asked == [made[number][:10] for number in (8, 4, 6, 5)]
    assert f"commit {made[5]}" in output
    assert "number 5" in output


def test_a_real_slowdown_is_traced_to_its_commit(tmp_path: Path) -> None:
    toy = make(tmp_path / "project", warm=True)
    toy.write(LOOPS)
    toy.commit("good")
    toy.write(MORE_LOOPS, other="pass")
    culprit = toy.commit("much more work")
    code, output, errors = toy.run(
        "bisect", *WORKLOADS, "--case", "toy.loops", "--good", "HEAD~1", "--trials", str(ENOUGH_TRIALS), "--lanes", "1"
    )
    assert code == 0, errors
    assert f"commit {culprit}" in output
    assert "much more work" in output
    code, _, errors = toy.run("bisect", *WORKLOADS, "--case", "toy.*", "--good", "HEAD~1")
    assert code == 2
    assert "names 2 cases" in errors
