"""`torchpace history`: series over commits in git's order, from asv results and from record files."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.cli import main
from bench.records.files import Contents, Writer
from bench.records.record import Environment, Record
from reports.topics.history.figures import commits_of, history, inserted, without_git
from reports.topics.history.text import sparkline
from tests.reports import stored

COMMITS = 16
SLOW_FROM = 10  # the first commit at which mnist.train is 20 % slower


def git(folder: Path, *arguments: str, day: int = 1) -> str:
    date = f"2025-01-{day:02d}T12:00:00Z"
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date},
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder: Path, day: int) -> str:
    git(folder, "commit", "-q", "--allow-empty", "-m", f"day {day}", day=day)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A repository of empty commits, all with the same date, and the commits in order."""
    folder = tmp_path_factory.mktemp("history")
    git(folder, "init", "-q", "-b", "main")
    return folder, [commit(folder, 1) for _ in range(COMMITS)]


@pytest.fixture
def project(
    repository: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, list[str]]:
    """An empty folder from which to run, and the commits of a clone that lies there."""
    git(tmp_path, "clone", "-q", str(repository[0]), ".")
    monkeypatch.chdir(tmp_path)
    return tmp_path, repository[1]


def level(at: int) -> float:
    return 1.2 if at >= SLOW_FROM else 1.0


def write(path: Path, commits: list[str], records: Any, run: str = "20250101-120000", **facts: object) -> None:
    """Records of each commit, each with the facts of its environment; `records` makes them from the commit's place."""
    writer = Writer(path)
    for at, hash in enumerate(commits):
        environment = Environment(tuple(sorted({**stored.FACTS, "commit": hash, **facts}.items())))  # type: ignore[arg-type]
        writer.add(environment, [replace(r, environment=environment.id, run=run) for r in records(at)])
    writer.close()


def usual(at: int) -> list[Record]:
    """A case that becomes slower, one that does not, and memory that grows once."""
    random = np.random.default_rng(at)
    steady, slower = (float(np.exp(random.normal(0, 0.01))) for _ in range(2))
    return [
        *stored.record(stored.case("mnist.infer"), "step_time", *stored.times(2e-3 * steady)),
        *stored.record(stored.case("mnist.train"), "step_time", *stored.times(20e-3 * slower * level(at))),
        *stored.record(stored.case("mnist.train"), "peak_memory", (1000.0 if at < 3 else 1010.0,)),
    ]


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    assert main(["history", *arguments]) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


def cases(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    found = json.loads(shown(capsys, *arguments, "--format", "json")[0])
    return {case["workload"]: case for case in found}


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
    write(folder / "two.jsonl", commits, usual, fingerprint="two", hostname="other")
    found = json.loads(shown(capsys, "one.jsonl", "two.jsonl", "--format", "json")[0])
    assert {(case["workload"], case["machine"]) for case in found} == {
        (name, machine) for name in ("mnist.train", "mnist.infer") for machine in ("Example CPU (one)", "other (two)")
    }
    assert all(len(case["points"]) == COMMITS for case in found)
    assert "machine" in shown(capsys, "one.jsonl", "two.jsonl")[0]


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
    assert "Too few points to say anything in 2 cases: it takes 5 points." in out
    assert "No change" not in out


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


def asv_results(folder: Path, commits: list[str], dates: list[int]) -> None:
    """What asv leaves behind: a file per commit; NaN where nothing was measured, null where it failed."""
    machine = folder / ".asv" / "results" / "laptop"
    machine.mkdir(parents=True)
    (machine / "machine.json").write_text("{}")
    (machine.parent / "benchmarks.json").write_text("{}")
    parameters = [["'batch=64'", "'batch=512'"], ["'cpu'"], ["'float32'"], ["'eager'"], ["'1'"]]
    for at, (hash, date) in enumerate(zip(commits, dates, strict=True)):
        random = np.random.default_rng(at)
        value = 20e-3 * level(at) * float(np.exp(random.normal(0, 0.01)))
        other = float("nan") if at == 2 else None if at == 5 else 0.1 * float(np.exp(random.normal(0, 0.01)))
        body = {
            "commit_hash": hash, "date": date, "python": "3.11", "requirements": {"torch": "2.15.0"},
            "params": {"machine": "laptop", "cpu": "Example CPU", "arch": "x86_64", "os": "Linux"},
            "result_columns": ["result", "params", "version"],
            "results": {
                "mnist.train.track_step_time": [[value, other], parameters, "1"],
                "elsewhere.benchmark": [[1.0], [], "1"],
            },
        }  # fmt: skip
        (machine / f"{hash[:8]}-checkout.json").write_text(json.dumps(body))


def test_asv_results_are_the_default(project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    folder, commits = project
    asv_results(folder, commits, [0] * COMMITS)
    found = {case["point"]: case for case in json.loads(shown(capsys, "--format", "json")[0])}
    (change,) = found["batch=64"]["changes"]
    assert (change["before"], change["after"]) == (commits[SLOW_FROM - 1], commits[SLOW_FROM])
    assert [point["value"] is None for point in found["batch=512"]["points"]].index(True) == 4
    assert len(found["batch=512"]["points"]) == COMMITS - 1
    assert found["batch=512"]["changes"] == []


def test_asvs_dates_order_what_git_does_not_know(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = project
    unknown = [f"{999 - at:x}".ljust(40, "0") for at in range(COMMITS)]
    asv_results(folder, unknown, [1000 * at for at in range(COMMITS)])
    out, err = shown(capsys)
    assert "by commit date" in out
    assert f"{unknown[SLOW_FROM - 1][:10]}..{unknown[SLOW_FROM][:10]}" in out
    assert "git here knows none of the commits: they are taken by commit date" in err


def test_commits_are_inserted_by_date() -> None:
    assert inserted([("a", 1.0), ("b", 3.0)], {"y": 5.0, "x": 2.0}) == ["a", "x", "b", "y"]
    assert without_git({"b": 2.0, "a": 1.0}) == (["a", "b"], "by commit date")
    assert without_git({"b": 2.0, "a": None})[0] == ["b", "a"]
    assert commits_of(Contents((), {})) == {}


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
    assert sparkline(series, [(commit, "") for commit in order]) == "▁" * 15 + "█" * 15


def test_noise_does_not_look_like_mountains(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = project
    write(folder / "all.jsonl", commits, lambda at: stored.record(stored.case("a.b"), "step_time", (1 + 1e-3 * at,)))
    out, _ = shown(capsys, "all.jsonl")
    shape = next(line for line in out.splitlines() if line.startswith("a.b")).split()[2]
    assert set(shape) <= set("▁▂▃")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "there is no folder .asv/results here; run `asv run` first, or name record files"),
        (["nowhere"], "cannot read nowhere: No such file"),
        (["empty"], "empty holds no asv results of this suite"),
        (["all.jsonl", "--metric", "flops"], "the sources have no flops; they have step_time, peak_memory"),
        (["all.jsonl", "--case", "nothing*"], "--case nothing* matches none of 2 cases, such as mnist.infer(batch=64)"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    folder, commits = project
    (folder / "empty").mkdir()
    write(folder / "all.jsonl", commits[:2], usual)
    assert main(["history", *arguments]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("text", ["much", "-1%", "100%", "nan", "%"])
def test_a_share_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit):
        main(["history", f"--slower-than={text}"])
    assert "is not a share from 0 to below 1, such as 1% or 0.01" in capsys.readouterr().err


def test_the_help_explains_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["history", "--help"])
    assert "--slower-than 1%" in capsys.readouterr().out
