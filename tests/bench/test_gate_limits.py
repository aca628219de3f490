"""Where a gate ends before every case is decided: too little time, counted trials, a kill; and how it goes on."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.cli.gate.trials import too_little
from bench.gate import trials
from bench.gate.lanes import Gate
from bench.gate.revisions import PREFIX
from bench.gate.trials import Trials
from bench.measure.task import Task
from bench.records.files import Writer, read
from bench.records.record import Case, Environment, Record
from tests.bench.toy import LOOPS, WORKLOADS, Toy, make, processes_of

CASES = [Case(f"toy.{name}", 1, (), "cpu", "float32", "eager", 1) for name in "abc"]
HERE = Environment(())


class NoHosts:
    """Stands for a pair of hosts, and starts no process."""

    by_name: Mapping[str, object] = {}

    def __init__(self, *arguments: object) -> None:
        pass

    def __enter__(self) -> NoHosts:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def wait(self) -> None:
        pass

    revive = wait

    def pin(self, cores: object) -> None:
        pass


def tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gate: Gate, done: Mapping[Case, int] | None = None
) -> list[tuple[str, int]]:
    """Which trials a gate makes of the cases, sorted, when no case is ever decided."""
    asked: list[tuple[str, int]] = []

    def trial(hosts: object, task: Task, *how: object) -> dict[str, Record]:
        asked.append((task.case.workload, task.launch))
        return {}

    monkeypatch.setattr(trials, "Hosts", NoHosts)
    monkeypatch.setattr(trials, "trial", trial)
    writer = Writer(tmp_path / "trials.jsonl")
    Trials(gate, {("base", "cpu"): HERE}, writer, lambda: ([], CASES), lambda *heard: None, done=done).run()
    writer.close()
    return sorted(asked)


@pytest.mark.parametrize("lanes", [1, 3])
def test_every_case_has_as_many_trials_as_were_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lanes: int
) -> None:
    gate = Gate("run", {}, budget_s=float("inf"), most_trials=4, lanes=lanes)
    assert tried(monkeypatch, tmp_path, gate) == [(case.workload, number) for case in CASES for number in range(4)]


def test_trials_made_before_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gate = Gate("run", {}, budget_s=float("inf"), most_trials=2)
    done = {CASES[0]: 2, CASES[1]: 1}
    assert tried(monkeypatch, tmp_path, gate, done) == [("toy.b", 1), ("toy.c", 0), ("toy.c", 1)]


def test_a_case_that_looks_plain_has_its_trials_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, *others = CASES
    asked: list[str] = []

    def trial(hosts: object, task: Task, *how: object) -> dict[str, Record]:
        asked.append(task.case.workload)
        return {}

    def judge() -> tuple[list[Case], list[Case]]:
        had = asked.count(first.workload)
        return ([first] if 1 <= had < 3 else []), [first] * (had < 1) + others

    monkeypatch.setattr(trials, "Hosts", NoHosts)
    monkeypatch.setattr(trials, "trial", trial)
    writer = Writer(tmp_path / "trials.jsonl")
    gate = Gate("run", {}, budget_s=float("inf"), most_trials=5)
    Trials(gate, {("base", "cpu"): HERE}, writer, judge, lambda *heard: None).run()
    writer.close()
    start = asked.index(first.workload)
    assert asked[start : start + 3] == [first.workload] * 3
    assert asked.count(first.workload) == 3


def test_the_first_lane_begins_with_the_hosts_that_there_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[object] = []

    class Counted(NoHosts):
        def __enter__(self) -> Counted:
            started.append(self)
            return self

    monkeypatch.setattr(trials, "Hosts", Counted)
    monkeypatch.setattr(trials, "trial", lambda *what: {})
    writer, ready = Writer(tmp_path / "trials.jsonl"), Counted()
    gate = Gate("run", {}, budget_s=float("inf"), most_trials=3)
    Trials(gate, {("base", "cpu"): HERE}, writer, lambda: ([], CASES), lambda *heard: None, ready).run()  # type: ignore[arg-type]
    writer.close()
    assert len(started) == 3
    assert started[0] is ready


def test_a_budget_that_cannot_decide_says_so_before_it_is_spent() -> None:
    def said(cases: int = 86, **how: Any) -> str:
        return too_little(Gate("run", {}, **how), cases)

    assert "60 s are too little for 86 cases" in said(budget_s=60.0, lanes=2)
    assert said(budget_s=600.0, lanes=2) == ""
    assert "--trials 3 decides only what is plain" in said(most_trials=3, budget_s=float("inf"))
    assert said(most_trials=5, budget_s=float("inf")) == ""


def test_no_trial_is_started_that_would_end_too_late(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert tried(monkeypatch, tmp_path, Gate("run", {}, budget_s=0.9 * trials.USUAL_TRIAL_S)) == []


@pytest.fixture
def unchanged(tmp_path: Path) -> Toy:
    """Two commits that do the same and are not the same code."""
    toy = make(tmp_path / "project", warm=True)
    toy.write(LOOPS)
    toy.commit("first")
    (toy.folder / "toy" / "__init__.py").write_text('"""Now with a docstring."""\n')
    toy.commit("second")
    return toy


def test_identical_sides_are_said_to_be_an_a_a_run_and_too_little_time_is_undecided(unchanged: Toy) -> None:
    too_little = ("--base", "HEAD", "--budget", "1s")
    code, output, errors = unchanged.gate(*too_little)
    assert code == 3
    assert "A/A" in errors
    assert "undecided: toy.loops" in output
    assert unchanged.gate(*too_little, "--resume")[0] == 3  # there may be no trial to go on with
    few = ("--base", "HEAD", "--undecided", "pass", "--markdown", "said.md", "--trials")
    assert unchanged.gate(*few, "1")[0] == 0
    code, output, errors = unchanged.gate(*few, "2", "--resume")
    assert code == 0, errors  # what it wrote is no change of what it measured
    assert "with uncommitted changes" not in output


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks processes up in /proc")
def test_a_killed_gate_leaves_nothing_and_its_trials_are_used_again(unchanged: Toy) -> None:
    toy = replace(unchanged, warm=False)  # what goes on must be as what was killed
    # Margins that so few trials cannot reach: the gate is still under way when it is killed.
    arguments = ("--base", "HEAD~1", "--slower-than", "0.001%", "--same-within", "0.001%", "--json", "gate.json")
    process = toy.start("gate", *WORKLOADS, *arguments)
    until(lambda: any(records_in(path) >= 2 for path in toy.trials()))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: not processes_of(toy))
    (path,) = toy.trials()
    measured = read(path).records
    trials = 2 + max(record.launch for record in measured)  # one more than there are
    code, output, errors = toy.gate(*arguments, "--resume", "--trials", str(trials))
    assert code in (1, 3), errors
    assert "toy.loops" in output
    assert toy.trials() == [path]
    found = read(path).records
    assert found[: len(measured)] == measured
    both = {(record.launch, record.run.rpartition("/")[2]) for record in found}
    assert {(trials - 1, "base"), (trials - 1, "head")} <= both
    (row,) = json.loads((toy.folder / "gate.json").read_text())["cases"]
    assert row["trials"] == sum({(number, "base"), (number, "head")} <= both for number in range(trials))
    assert not list(toy.temporary().glob(f"{PREFIX}*"))


def records_in(path: Path) -> int:
    """How many records a gate under way has written whole so far."""
    return sum('"kind": "record"' in line for line in path.read_text().splitlines()[:-1])


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another process does, up to five minutes of a slow machine's time."""
    for _ in range(3000):
        if true():
            return
        time.sleep(0.1)
    pytest.fail("it did not happen")
