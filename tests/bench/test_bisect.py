"""The search for the commit that made a case slower: by made-up verdicts, and once for real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cli.gate.bisect import search
from tests.bench.toy import LOOPS, MORE_LOOPS, WORKLOADS, make


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


@pytest.mark.parametrize("verdict", ["undecided", "broken", "missing"])
def test_a_commit_that_cannot_be_judged_ends_the_search_with_what_is_known(verdict: str) -> None:
    commits = [letter * 40 for letter in "abcde"]
    verdicts = {commits[4]: "slower", commits[1]: "same", commits[2]: verdict}
    found, reason = search(commits, lambda commit: verdicts[commit])
    assert found is None
    assert f"cccccccccc is {verdict}" in reason
    assert "after bbbbbbbbbb, up to eeeeeeeeee" in reason


def test_a_real_slowdown_is_traced_to_its_commit(tmp_path: Path) -> None:
    toy = make(tmp_path / "project")
    toy.write(LOOPS)
    toy.commit("good")
    toy.commit("nothing")
    toy.write(MORE_LOOPS, other="pass")
    culprit = toy.commit("much more work")
    # Same to 99 %: far from what is planted, and shown in spite of any noise.
    code, output, errors = toy.run(
        "bisect", *WORKLOADS, "--case", "toy.loops", "--good", "HEAD~2", "--bad", "HEAD", "--trials", "25",
        "--same-within", "99%",
    )  # fmt: skip
    assert code == 0, errors
    assert f"commit {culprit}" in output
    assert "much more work" in output
    code, _, errors = toy.run("bisect", *WORKLOADS, "--case", "toy.*", "--good", "HEAD~1")
    assert code == 2
    assert "names 2 cases" in errors
