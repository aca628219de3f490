"""One trial of the gate: one case, base and head in turns, in a fresh process each.

A trial gives each side's seconds per step, turn by turn: the nth values of both sides were taken next to each other.
What a trial says of the two is for `reports` to judge.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection

from bench.devices import DEVICES
from bench.gate.conversation import in_turns
from bench.gate.hosts import Host
from bench.measure.answers import ANSWERS, check_begun, check_last, judge_changed, kept, unchecked
from bench.measure.audit.auditing import audit
from bench.measure.task import Task, build, check_defined, failure, find_workload
from bench.measure.timer import Samples, block_time
from bench.measure.turns import Shape, warm_up
from bench.modes import torch_compile
from bench.modes.enter import entered
from bench.records.record import Record


def take_turns(connection: Connection, task: Task) -> list[Record]:
    """In the fresh process: build the step, say how long it takes, time a block whenever told to; its one record.

    The record's values are the turns' in the order taken.
    """
    blank = Record(run="", environment="", case=task.case, metric="step_time", launch=task.launch)
    try:
        with entered(task.case.mode, task.case.threads):
            return [converse(connection, task, blank)]
    except Exception as error:  # a workload may raise anything; the other cases go on
        return [failure(blank, error)]


def converse(connection: Connection, task: Task, blank: Record) -> Record:
    """One side's part of a trial. Raises whatever the workload does."""
    case, device = task.case, DEVICES[task.case.device]
    workload = find_workload(task)
    check_defined(workload, case)
    step = build(workload, case, device)
    answers = [kept(step.run()) for _ in range(ANSWERS)] if task.launch == 0 else [kept(step.run())]
    check_begun(step, answers)
    torch_compile.end_workers()
    step_s = warm_up(step.run, device.clock)
    connection.send(("settled", step_s))
    values: list[float] = []
    device.readings()  # the first takes longer
    said: list[dict[str, float]] = []
    steps = taken = int(connection.recv())
    while taken:
        values.append(block_time(step.run, taken, device.clock) / taken)
        said.append(device.readings())
        connection.send(("turn", values[-1]))
        taken = int(connection.recv())
    check_last(step)
    torch_compile.check_used(case.mode)
    if task.launch == 0 and torch_compile.changed(case.mode):
        judge_changed(task, workload, device, answers, Samples(tuple(values), steps, ()))
    if task.launch == 0 and values:
        audit(task, workload, device, step, values)
    return replace(
        blank, values=tuple(values), steps_per_value=steps, items=step.items, item=workload.item, data=step.data,
        warnings=unchecked(step), readings=by_name(said),
    )  # fmt: skip


def by_name(said: Sequence[Mapping[str, float]]) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """What the device said turn by turn, by what it said every time."""
    names = set.intersection(*map(set, said)) if said else set()
    return tuple((name, tuple(each[name] for each in said)) for name in sorted(names))


def trial(
    hosts: Mapping[str, Host], task: Task, shape: Shape, timeout_s: float, dice: random.Random, apart: bool = False
) -> dict[str, Record]:
    """One trial: a record for each side. A side that dies or fails says why in its record; the other may have none."""
    found = in_turns(hosts, task, shape, timeout_s, dice, take_turns, "step_time", apart)
    return {name: records[0] for name, records in found.items()}
