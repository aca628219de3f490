"""A run with a budget, by a session that measures nothing and a clock that stands still between launches."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench.cli import parser
from bench.cli.run import make_plan
from bench.cli.scopes import scope_of
from bench.measure.task import Task
from bench.records.record import Case, Record
from bench.runs import pursuit, run
from bench.runs.pursuit import pursue
from bench.runs.run import Plan
from bench.runs.schedule import ENOUGH_LAUNCHES, FEWEST_LAUNCHES
from reports.topics.overview.known import distance_of
from workloads.base import load_suite

STEADY, NOISY, LONG, FAILS = (Case(f"made.{name}", 1, (), "cpu", "float32", "eager", 1) for name in
                              ("steady", "noisy", "long", "fails"))  # fmt: skip
COMPILED = replace(STEADY, mode="compile")
LAYOUT_S = 1.0
SPREAD = {STEADY: 0.002, COMPILED: 0.002, NOISY: 0.15, LONG: 0.002, FAILS: 0.0}


class FakeSession:
    """Stands for the processes of a run: what a pass takes and gives is made up."""

    def __init__(self, plan: Plan, writer: object) -> None:
        self.dice = np.random.default_rng(1)
        self.passes: list[tuple[str, tuple[Case, ...], int]] = []
        self.now_s = 0.0
        self.layout: int | None = None

    def __enter__(self) -> FakeSession:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def monotonic(self) -> float:
        return self.now_s

    def lay_out(self, cases: Sequence[Case], is_first: bool) -> None:
        self.layout = 0 if self.layout is None else self.layout + 1
        self.now_s += LAYOUT_S

    def attempt(self, cases: Sequence[Case], name: str, launch: int, number: int) -> list[Record]:
        self.passes.append((name, tuple(cases), launch))
        if name != "time":
            metric = {"memory": "peak_memory", "work": "flops", "cold": "first_call"}[name]
            return [Record("run", "here", case, metric, values=(8.0,)) for case in cases]
        self.now_s += 5.0 if LONG in cases else 0.2
        turns = {case: other.mode for case in cases for other in cases if other is not case}
        return [
            Record("run", "here", case, "step_time", status="broken", reason="planted", launch=launch)
            if case == FAILS
            else Record("run", "here", case, "step_time", values=(math.exp(SPREAD[case] * self.dice.normal()),) * 3,
                        launch=launch, turns=turns.get(case, ""), layout=self.layout)
            for case in cases
        ]  # fmt: skip

    def stored(self, records: list[Record]) -> list[Record]:
        return records

    measure = attempt


def ran(
    monkeypatch: pytest.MonkeyPatch, *cases: Case, limit_s: float = 100.0, before: Sequence[Record] = ()
) -> tuple[FakeSession, list[Record]]:
    """A whole run of these cases: the session, and the records."""
    plan = Plan("run", cases, limit_s=limit_s, before=before)
    session = FakeSession(plan, None)
    monkeypatch.setattr(pursuit, "Session", lambda *given: session)
    monkeypatch.setattr(pursuit, "time", SimpleNamespace(monotonic=session.monotonic))
    writer = SimpleNamespace(path=Path("nowhere"))
    records = list(pursue(plan, writer, lambda found: distance_of(found, 0.05), show_progress=False))  # type: ignore[arg-type]
    return session, records


def launches(records: Sequence[Record]) -> Counter[Case]:
    return Counter(record.case for record in records if record.metric == "step_time")


def test_what_is_not_known_has_the_time_and_what_is_known_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    session, records = ran(monkeypatch, STEADY, NOISY)
    found = launches(records)
    assert found[NOISY] > 3 * ENOUGH_LAUNCHES
    assert ENOUGH_LAUNCHES <= found[STEADY] <= found[NOISY]
    assert session.now_s <= 100.0
    order = [record.case for record in records if record.metric == "step_time"]
    assert all({*order[at : at + 3]} == {STEADY, NOISY} for at in range(2 * ENOUGH_LAUNCHES, len(order) - 6))


def test_a_run_ends_when_all_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    session, records = ran(monkeypatch, STEADY)
    timed = [record for record in records if record.metric == "step_time"]
    assert {record.layout for record in timed} == set(range(ENOUGH_LAUNCHES))
    assert session.now_s < ENOUGH_LAUNCHES * (LAYOUT_S + 1.0)


def test_launches_in_one_layout_of_memory_are_no_ground_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeSession, "lay_out", lambda session, *_: setattr(session, "layout", 0))
    session, records = ran(monkeypatch, STEADY, limit_s=20.0)
    assert launches(records)[STEADY] > 10 * ENOUGH_LAUNCHES
    assert session.now_s > 19.0


def test_what_is_dear_has_few_launches_and_no_case_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    session, records = ran(monkeypatch, LONG, NOISY, limit_s=40.0)
    found = launches(records)
    assert FEWEST_LAUNCHES <= found[LONG] < ENOUGH_LAUNCHES < found[NOISY]
    assert session.now_s < 40.0 + 1e-9


def test_modes_take_turns_and_first_calls_come_when_nobody_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    session, records = ran(monkeypatch, STEADY, COMPILED, NOISY)
    timed = [(cases, launch) for name, cases, launch in session.passes if name == "time"]
    assert {cases for cases, _ in timed} == {(STEADY, COMPILED), (NOISY,)}
    names = [name for name, cases, _ in session.passes if COMPILED in cases]
    assert names[0] == "cold"
    assert names.count("cold") == 1
    counted = Counter((name, cases[0]) for name, cases, _ in session.passes if name in ("memory", "work"))
    assert set(counted.values()) == {1}
    assert {case for _, case in counted} == {STEADY, COMPILED, NOISY}
    assert {record.turns for record in records if record.case == COMPILED and record.metric == "step_time"} == {"eager"}


def test_what_fails_is_tried_once_and_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    _, records = ran(monkeypatch, FAILS, STEADY)
    assert [(record.metric, record.status) for record in records if record.case == FAILS] == [("step_time", "broken")]
    assert launches(records)[STEADY] >= ENOUGH_LAUNCHES


def test_the_first_call_of_every_program_is_cold_and_no_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str, bool]] = []

    def measured(launcher: object, *tasks: Task) -> list[Record]:
        seen.extend((task.measure, task.case.mode, task.cold) for task in tasks)
        return []

    monkeypatch.setattr(run, "measured", measured)
    ahead = replace(STEADY, mode="aot")
    with run.Session(Plan("run", [COMPILED, ahead]), SimpleNamespace()) as session:  # type: ignore[arg-type]
        for case in (COMPILED, ahead):
            session.attempt([case], "cold", 0, 0)
        session.attempt([COMPILED, ahead], "time", 0, 0)
    assert seen == [(name, mode, name == "cold") for name in ("cold", "time") for mode in ("compile", "aot")]


def test_launches_that_were_not_in_turns_decide_nothing_of_a_pair() -> None:
    alone = [Record("run", "here", case, "step_time", values=(seconds,) * 3, launch=launch)
             for launch in range(9) for case, seconds in ((STEADY, 1.0), (COMPILED, 2.0))]  # fmt: skip
    assert distance_of(alone, 0.05) == 0  # either time is known, and that is all that is asked
    apart = [replace(record, turns="compile" if record.case == STEADY else "eager",
                     launch=record.launch + (9 if record.case == STEADY else 0)) for record in alone]  # fmt: skip
    assert distance_of(apart, 0.05) == math.inf


def test_a_latency_is_not_known_while_its_slowest_calls_are_not() -> None:
    def calls(slowest: float) -> tuple[float, ...]:
        return (1.0,) * 190 + (slowest,) * 10

    steady, stray = ([Record("run", "here", STEADY, "latency", values=calls(slow), launch=launch)
                      for launch, slow in enumerate(slowest)] for slowest in ((2.0,) * 8, (2.0, 9.0) * 4))  # fmt: skip
    assert distance_of(steady, 0.05) < 1 < distance_of(stray, 0.05)
    few = [replace(record, values=record.values[160:]) for record in stray]  # too few for a 99th percentile
    assert distance_of(few, 0.05) == 0


def test_the_same_measurements_lead_to_the_same_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (ran(monkeypatch, STEADY, NOISY, LONG)[0].passes for _ in range(2))
    assert [each for each in first if each[0] == "time"] == [each for each in second if each[0] == "time"]


@pytest.mark.parametrize(
    ("arguments", "limit_s", "seeds"),
    [
        (["modules.linear"], 300, None),
        (["modules.linear", "--budget", "90s"], 90, None),
        (["modules.linear", "--launches", "4"], None, 4),
        (["modules.linear", "--quick"], 10, 1),
        (["modules.*", "--quick"], 18, 1),
        (["mnist_cnn.time_to_accuracy"], None, None),
        (["mnist_cnn.time_to_accuracy", "--budget", "1m"], 60, None),
        (["mnist_cnn.time_to_accuracy", "modules.linear"], 300, None),
    ],
)
def test_a_run_has_a_budget_unless_what_is_counted_ends_it(
    arguments: list[str], limit_s: float | None, seeds: int | None
) -> None:
    options = parser().parse_args(["run", *arguments, "--device", "cpu", "--mode", "eager"])
    plan = make_plan(options, scope_of(options, load_suite()))
    assert (plan.limit_s, plan.seeds) == (limit_s, seeds)


def test_a_run_goes_on_with_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = (STEADY, COMPILED, LONG, FAILS)
    _, records = ran(monkeypatch, *cases)
    whole = launches(records)
    for kept in range(0, len(records), 7):  # whenever it was killed
        session, more = ran(monkeypatch, *cases, before=records[:kept])
        again = [(name, case) for name, some, _ in session.passes if name != "time" for case in some]
        had = {(record.case, record.metric) for record in records[:kept]}
        metrics = {"memory": "peak_memory", "work": "flops", "cold": "first_call"}
        assert not [each for each in again if (each[1], metrics[each[0]]) in had]
        every = [*records[:kept], *more]
        assert {r.case for r in every if r.metric == "flops"} == {STEADY, COMPILED, LONG}
        numbers = Counter((r.case, r.launch) for r in every if r.metric == "step_time")
        assert max(numbers.values()) == 1  # no launch is there twice
        assert all(count >= min(whole[case], ENOUGH_LAUNCHES) for case, count in launches(every).items())


def test_what_cannot_be_measured_does_not_count_as_known(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    bar = SimpleNamespace(set_description_str=lambda text, refresh: told.append(text))
    plan = Plan("run", [STEADY, NOISY], limit_s=10.0)
    run = pursuit.Pursuit(plan, FakeSession(plan, None), lambda found: math.inf, bar)  # type: ignore[arg-type]
    run.subjects[0].cases = []  # its device is not there
    run.tell("looking")
    assert told[0].startswith("0 of 1 known; looking")
