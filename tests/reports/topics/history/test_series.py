"""`torchpace history`: what became slower, since which commit, on which machine, and where there are gaps."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.records.files import Contents
from bench.records.record import Environment, Record
from reports.topics.history.figures import axis_of, history
from reports.topics.history.text import sparkline
from tests.reports import stored
from tests.reports.topics.history.commits import COMMITS, SLOW_FROM, cases, shown, usual, write


def test_a_slower_commit_is_named_in_gits_order(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = project
    shuffled = np.random.default_rng(0).permutation(COMMITS)
    for at in shuffled:  # files named so that their order says nothing
        write(folder / f"{commits[at]}.jsonl", [commits[at]], lambda _, at=int(at): usual(at))
    found = cases(capsys, *sorted(str(path) for path in folder.glob("*.jsonl")))
    assert [point["commit"] for point in found["mnist.train"]["points"]] == commits
    (change,) = found["mnist.train"]["changes"]
    assert (change["kind"], change["verdict"]) == ("step", "slower")
    assert (change["before"], change["after"]) == (commits[SLOW_FROM - 1], commits[SLOW_FROM])
    assert change["ratio_low"] < 1.2 < change["ratio_high"]
    assert change["p"] < 1e-3
    assert found["mnist.infer"]["changes"] == []
    assert list(found) == ["mnist.train", "mnist.infer"]


def test_the_table_says_what_and_where(project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    folder, commits = project
    write(folder / "all.jsonl", commits, usual)
    out, err = shown(capsys, "all.jsonl")
    assert out.startswith("step_time of 2 cases over 16 commits, in git's order")
    row = next(line for line in out.splitlines() if line.startswith("mnist.train"))
    assert f"{commits[SLOW_FROM - 1][:10]}..{commits[SLOW_FROM][:10]}" in row
    assert "slower" in row
    assert "▁" in row
    assert "█" in row
    assert "No change of 1.0 % or more found in 1 case over 16 commits." in out
    assert err == ""
    assert "| mnist.train" in shown(capsys, "all.jsonl", "--format", "markdown")[0]
    rows = list(csv.DictReader(io.StringIO(shown(capsys, "all.jsonl", "--format", "csv")[0])))
    assert [(row["workload"], row["verdict"]) for row in rows] == [("mnist.train", "slower"), ("mnist.infer", "none")]
    assert rows[0]["after"] == commits[SLOW_FROM]


def test_exact_figures_need_no_statistics(project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    folder, commits = project
    write(folder / "all.jsonl", commits, usual)
    (case,) = cases(capsys, "all.jsonl", "--metric", "peak_memory").values()
    (change,) = case["changes"]
    assert (change["before"], change["after"], change["p"]) == (commits[2], commits[3], None)
    assert change["verdict"] == "worse"
    assert " exact " in shown(capsys, "all.jsonl", "--metric", "peak_memory")[0]


def test_the_threshold_and_the_glob_are_kept(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = project
    write(folder / "all.jsonl", commits, usual)
    assert list(cases(capsys, "all.jsonl", "--case", "*infer*")) == ["mnist.infer"]
    assert list(cases(capsys, "all.jsonl", "--case", "mnist.train(batch=64)")) == ["mnist.train"]
    assert cases(capsys, "all.jsonl", "--slower-than", "30%")["mnist.train"]["changes"] == []


def test_machines_are_kept_apart(project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    folder, commits = project
    write(folder / "one.jsonl", commits, usual)
    write(folder / "two.jsonl", commits, usual, cpu="Other CPU")
    found = json.loads(shown(capsys, "one.jsonl", "two.jsonl", "--format", "json")[0])
    assert {(case["workload"], case["machine"]) for case in found} == {
        (name, machine)
        for name in ("mnist.train", "mnist.infer")
        for machine in ("Example CPU, 2 cores, 8 GiB", "Other CPU, 2 cores, 8 GiB")
    }
    assert all(len(case["points"]) == COMMITS for case in found)
    text = shown(capsys, "one.jsonl", "two.jsonl")[0]
    assert "machine" in text
    machines = "Example CPU, 2 cores, 8 GiB; Other CPU, 2 cores, 8 GiB"
    assert f"Measured on several machines in turns, each a series of its own: {machines} (2 cases)." in text


def test_a_runner_that_has_another_name_every_time_is_one_machine(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """As hosted runners are: also in files whose fingerprint still had the name in it, and with other memory."""
    folder, commits = project
    for at, commit in enumerate(commits):
        facts = {"hostname": f"runner-{at}", "fingerprint": f"{at}", "memory_bytes": 8 * 2**30 - (at + 9) * 2**23}
        write(folder / f"{at}.jsonl", [commit], lambda _, at=at: usual(at), **facts)
    names = [f"{at}.jsonl" for at in range(COMMITS)]
    found = cases(capsys, *names)
    assert len(found["mnist.train"]["points"]) == COMMITS
    (change,) = found["mnist.train"]["changes"]
    assert change["differs"] == []
    assert change["after"] == commits[SLOW_FROM]


def test_a_change_that_came_with_another_host_says_so(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = project
    write(folder / "old.jsonl", commits[:SLOW_FROM], usual, hostname="one")
    write(folder / "new.jsonl", commits[SLOW_FROM:], lambda at: usual(at + SLOW_FROM), hostname="two")
    (change,) = cases(capsys, "old.jsonl", "new.jsonl")["mnist.train"]["changes"]
    assert change["differs"] == ["hostname: one to two"]


def test_where_the_model_changed_a_line_says_since_when(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = project
    write(folder / "old.jsonl", commits[:SLOW_FROM], usual)
    write(folder / "new.jsonl", commits[SLOW_FROM:], lambda at: usual(at + SLOW_FROM), cpu="Other CPU")
    text = shown(capsys, "old.jsonl", "new.jsonl")[0]
    assert (
        f"The machine changed: up to {commits[SLOW_FROM - 1][:10]} measured on Example CPU, 2 cores, 8 GiB, "
        f"then, from {commits[SLOW_FROM][:10]} on, on Other CPU, 2 cores, 8 GiB." in text
    )


def test_another_torch_is_named_at_the_change(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = project
    write(folder / "old.jsonl", commits[:SLOW_FROM], usual)
    write(folder / "new.jsonl", commits[SLOW_FROM:], lambda at: usual(at + SLOW_FROM), torch="2.16.0")
    (change,) = cases(capsys, "old.jsonl", "new.jsonl")["mnist.train"]["changes"]
    assert change["differs"] == ["torch: 2.15.0 to 2.16.0"]
    assert "torch: 2.15.0 to 2.16.0" in shown(capsys, "old.jsonl", "new.jsonl")[0]


def test_versions_of_torch_side_by_side_are_series_of_their_own(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = project
    write(folder / "old.jsonl", commits, usual)
    write(folder / "new.jsonl", commits, usual, torch="2.16.0")
    found = json.loads(shown(capsys, "old.jsonl", "new.jsonl", "--format", "json")[0])
    assert sorted(case["torch"] for case in found) == ["2.15.0", "2.15.0", "2.16.0", "2.16.0"]
    assert all(len(case["points"]) == COMMITS for case in found)


def test_broken_and_missing_commits_are_gaps(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = project

    def records(at: int) -> list[Record]:
        if at in (4, COMMITS - 1):
            return [*stored.missing(stored.case("mnist.train"), "ValueError: oops", "broken"), usual(at)[0]]
        return usual(at)[:3] if at == 7 else usual(at)

    write(folder / "all.jsonl", commits, records)
    found = cases(capsys, "all.jsonl")["mnist.train"]
    assert len(found["points"]) == COMMITS - 1
    assert found["points"][4]["value"] is None
    assert found["points"][4]["reason"] == "ValueError: oops"
    assert found["changes"][0]["after"] == commits[SLOW_FROM]
    out, _ = shown(capsys, "all.jsonl")
    shape = next(line for line in out.splitlines() if line.startswith("mnist.train")).split()[2]
    assert (shape[4], shape[7], shape[-1], len(shape)) == ("×", "·", "×", COMMITS)
    assert "Broken at the last commit measured, 1 case: mnist.train(batch=64)." in out


@pytest.mark.parametrize("count", [1, 4])
def test_too_few_commits_are_said_to_be(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str], count: int
) -> None:
    folder, commits = project
    write(folder / "all.jsonl", commits[:count], usual)
    out, _ = shown(capsys, "all.jsonl")
    assert out.count("too few") == 2
    there = f"there {'is' if count == 1 else 'are'} {count}"
    assert f"Too few points to say anything in 2 cases: it takes 5 points, and {there}. A point is a commit" in out
    assert "`torchpace compare`" in out
    assert "No change" not in out


def test_a_long_series_is_put_together_in_one_line() -> None:
    environments = [Environment((("commit", f"{at:040x}"),)) for at in range(300)]
    records = [
        replace(record, environment=environment.id)
        for at, environment in enumerate(environments)
        for record in stored.record(stored.case("a.b"), "step_time", (1.0 if at < 150 else 2.0,))
    ]
    contents = Contents(tuple(records), {environment.id: environment for environment in environments})
    order = [str(environment.get("commit")) for environment in environments]
    (series,) = history(contents, "step_time", order, (), 0.01)
    axis = axis_of([series])
    assert list(axis.values()) == [(commit, "") for commit in order]
    assert sparkline(series, axis) == "▁" * 15 + "█" * 15


def test_noise_does_not_look_like_mountains(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = project
    write(folder / "all.jsonl", commits, lambda at: stored.record(stored.case("a.b"), "step_time", (1 + 1e-3 * at,)))
    out, _ = shown(capsys, "all.jsonl")
    shape = next(line for line in out.splitlines() if line.startswith("a.b")).split()[2]
    assert set(shape) <= set("▁▂▃")
