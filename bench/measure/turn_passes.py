"""Modes of a step, or rungs of a ladder, in turns: built in one fresh process a launch, so that what one gains over the
other is a ratio of neighbours in time.

Whatever the machine does meanwhile meets all of them; measured one after the other, minutes apart, two loops that do
the same were told from each other only when one took half the time. What the values say of each other is for `reports`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from bench.devices import DEVICES, Device
from bench.measure.first_call import Begun, begin
from bench.measure.machine import References, Watch
from bench.measure.passes import MAIN_METRIC, conclude, guarded
from bench.measure.task import Task, failure
from bench.measure.timer import Budget, Samples
from bench.measure.turns import alternate, warm_up
from bench.modes.enter import entered
from bench.records.points import Value
from bench.records.record import FRAMEWORK, FRAMEWORKS, HOW, MODES_IN_TURNS, RANKS, RUNGS, WRAP, Case, Record
from workloads.base import Workload

RUNG_TURN_S = 0.1  # at least, where there is time: a rung of milliseconds has more steps a turn
TURN_S = 0.01  # likewise of modes
METRIC = MAIN_METRIC["time"]
FEWEST_ROUNDS, MOST_ROUNDS = 5, 40
FEWEST_OF_MODES = 3


class Fallen(Exception):
    """A case's step raised `error` during its turn."""

    def __init__(self, case: Case, error: Exception) -> None:
        super().__init__(case.label)
        self.case, self.error = case, error


def groups(cases: Sequence[Case]) -> list[list[Case]]:
    """The cases, those that take turns together: rungs of one ladder, modes of one step, the same in more or fewer
    ranks or in several frameworks; each in its first's place.
    """
    found: dict[object, list[Case]] = {}
    for case in cases:
        found.setdefault(turn_key(case), []).append(case)
    return list(found.values())


def turn_key(case: Case) -> object:
    """What is the same in all cases that take turns with this one."""
    if is_rung(case):
        return replace(case, point=without(case, "rung", "on")), RUNGS
    if case.ranks:
        return replace(case, point=without(case, RANKS, WRAP)), RANKS
    if case.framework:
        return replace(case, point=without(case, FRAMEWORK, HOW)), FRAMEWORKS
    return replace(case, mode="")


def title(cases: Sequence[Case]) -> str:
    """What the progress bar says of them."""
    first = cases[0]
    modes = " and ".join(dict.fromkeys(case.mode for case in cases))
    label = first.label
    if len(cases) > 1 and (is_rung(first) or first.framework):
        label = f"{first.workload}: {len(cases)} {'rungs' if is_rung(first) else 'in turns'}"
    return f"{label} {first.device} {modes}"[:60].ljust(60)


def without(case: Case, *axes: str) -> tuple[tuple[str, Value], ...]:
    """The case's point without some axes."""
    return tuple((axis, value) for axis, value in case.point if axis not in axes)


def is_rung(case: Case) -> bool:
    """Whether a case is a rung of a ladder: its point says which, and on what it stands."""
    return {"rung", "on"} <= {axis for axis, _ in case.point}


def perform_in_turns(tasks: Sequence[Task]) -> list[Record]:
    """In the fresh process: the timing records of cases that take turns. One that fails says why; the rest goes on.

    Which is built first changes from launch to launch: what is built later gets other memory. First calls of rungs are
    left out, since the first rung alone pays for what torch imports when it is first needed.
    """
    first = tasks[0].launch % len(tasks)
    begun: dict[Case, Begun] = {}

    def start(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
        begun[task.case] = begin(task, workload, device)
        return []

    records = [record for task in (*tasks[first:], *tasks[:first]) for record in guarded(task, start, METRIC)]
    going = [task for task in tasks if task.case in begun]
    values: dict[Case, Samples] = {}
    while going and not values:
        try:
            with entered(going[-1].case.mode, going[-1].case.threads):
                values = turns(going, begun)
        except Fallen as fallen:
            (task,) = (task for task in going if task.case == fallen.case)
            records.append(failure(Record("", "", task.case, METRIC, launch=task.launch), fallen.error))
            going.remove(task)

    def end(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
        step_time, *rest = conclude(task, workload, device, blank, begun[task.case], values[task.case])
        rest = [record for record in rest if not (is_rung(task.case) and record.metric.startswith("first_call"))]
        return [replace(step_time, turns=partner(task, going)), *rest]

    return records + [record for task in going for record in guarded(task, end, METRIC)]


def partner(task: Task, going: Sequence[Task]) -> str:
    """What a record says of whom its values took turns with."""
    others = [other.case.mode for other in going if other is not task]
    if is_rung(task.case):
        return RUNGS
    return MODES_IN_TURNS if len(others) > 1 else "".join(others)


def turns(tasks: Sequence[Task], begun: dict[Case, Begun]) -> dict[Case, Samples]:
    """Seconds per step of every case, turn by turn; the nth values of all are of the same round. Raises Fallen."""
    clock = DEVICES[tasks[0].case.device].clock
    runs = [falling(task.case, begun[task.case].step.run) for task in tasks]
    settled = [warm_up(run, clock) for run in runs]
    turn_s = min(RUNG_TURN_S, tasks[0].budget.sample_s) if is_rung(tasks[0].case) else TURN_S
    steps = [max(1, round(turn_s / step_s)) for step_s in settled]
    round_s = sum(count * step_s for count, step_s in zip(steps, settled, strict=True))
    fewest = FEWEST_ROUNDS if is_rung(tasks[0].case) else FEWEST_OF_MODES
    watch, looks = Watch(), References(tasks[0].case.device)
    number = rounds(tasks[0].budget, len(tasks), round_s, fewest)
    found = alternate(runs, steps, number, clock, random.Random(), looks.between)
    machine, readings = watch.facts(), looks.readings(number)
    return {
        task.case: Samples(values, count, (step_s,), machine, readings)
        for task, values, count, step_s in zip(tasks, found, steps, settled, strict=True)
    }


def rounds(budget: Budget, sharing: int, round_s: float, fewest: int = FEWEST_ROUNDS) -> int:
    """How many rounds fill the time that the cases would have had alone; a median needs some, whatever they take."""
    return min(MOST_ROUNDS, max(fewest, round(budget.sample_s * sharing / round_s)))


def falling(case: Case, run: Callable[[], object]) -> Callable[[], object]:
    """The run, whose exceptions say whose they are."""

    def named() -> object:
        try:
            return run()
        except Exception as error:  # a workload may raise anything
            raise Fallen(case, error) from error

    return named
