"""One trial of the gate: one case, base and head in turns, in a fresh process each.

The two processes are alive at the same time and take turns of a few steps in random order, so that whatever the
machine does meets both. A trial gives each side's seconds per step, turn by turn: the nth values of both sides were
taken next to each other. What a trial says of the two is for `reports` to judge.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from bench.devices import DEVICES
from bench.gate.hosts import Host
from bench.measure.answers import ANSWERS, check_begun, check_last, judge_changed, kept, unchecked
from bench.measure.audit.auditing import audit
from bench.measure.task import Task, build, check_defined, failure, find_workload
from bench.measure.timer import Samples, block_time
from bench.measure.turns import Shape, warm_up
from bench.modes import torch_compile
from bench.modes.enter import entered
from bench.records.record import Record
from bench.runs.fresh import Death


def take_turns(connection: Connection, task: Task) -> Record:
    """In the fresh process: build the step, say how long it takes, time a block whenever told to; its record.

    The record's values are the turns' in the order taken.
    """
    blank = Record(run="", environment="", case=task.case, metric="step_time", launch=task.launch)
    try:
        with entered(task.case.mode, task.case.threads):
            return converse(connection, task, blank)
    except Exception as error:  # a workload may raise anything; the other cases go on
        return failure(blank, error)


def converse(connection: Connection, task: Task, blank: Record) -> Record:
    """One side's part of a trial. Raises whatever the workload does."""
    case, device = task.case, DEVICES[task.case.device]
    workload = find_workload(task)
    check_defined(workload, case)
    step = build(workload, case, device)
    answers = [kept(step.run()) for _ in range(ANSWERS)] if task.launch == 0 else [kept(step.run())]
    check_begun(step, answers)
    step_s = warm_up(step.run, device.clock)
    connection.send(("settled", step_s))
    values: list[float] = []
    steps = taken = int(connection.recv())
    while taken:
        values.append(block_time(step.run, taken, device.clock) / taken)
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
        warnings=unchecked(step),
    )  # fmt: skip


def trial(
    hosts: Mapping[str, Host], task: Task, shape: Shape, timeout_s: float, dice: random.Random
) -> dict[str, Record]:
    """One trial: a record for each side. A side that dies or fails says why in its record; the other may have none."""
    order = list(hosts)
    dice.shuffle(order)
    conversation = Conversation({name: hosts[name] for name in order}, task, timeout_s)
    if DEVICES[task.case.device].turns_are_safe:
        conversation.alternate(shape, dice)
    else:
        conversation.one_after_the_other(shape)
    return conversation.records


class Conversation:
    """The gate's end of a trial: what each side was asked, and the records that came of it."""

    def __init__(self, hosts: dict[str, Host], task: Task, timeout_s: float) -> None:
        self.hosts, self.task, self.timeout_s = hosts, task, timeout_s
        self.forks = DEVICES[task.case.device].start_method == "forkserver"
        self.records: dict[str, Record] = {}

    def alternate(self, shape: Shape, dice: random.Random) -> None:
        """Both sides alive, taking turns; the order within each round is drawn."""
        settled = {name: step_s for name in self.hosts if (step_s := self.settle(name))}
        if len(settled) == len(self.hosts):
            steps, rounds = shape.plan(math.exp(sum(map(math.log, settled.values())) / len(settled)))
            names = list(self.hosts)
            for _ in range(rounds):
                dice.shuffle(names)
                if not all(self.turn(name, steps) for name in names):
                    break
        for name in settled:
            self.finish(name)

    def one_after_the_other(self, shape: Shape) -> None:
        """Each side whole before the next starts; both with the number of steps that the first needs."""
        plan: tuple[int, int] | None = None
        for name in self.hosts:
            step_s = self.settle(name)
            if not step_s:
                continue
            plan = plan or shape.plan(step_s)
            for _ in range(plan[1]):
                if not self.turn(name, plan[0]):
                    break
            self.finish(name)

    def ask(self, name: str, function: Callable[[], Any]) -> Any:
        """What a side answers; None, and a record that says why, when it does not."""
        try:
            kind, what = function()
        except Death as death:
            blank = Record("", "", self.task.case, "step_time", launch=self.task.launch)
            self.records[name] = replace(blank, status="broken", reason=death.reason)
            return None
        if kind == "result":  # the side ended before it was told to: its record says why
            self.end(name, what)
            return None
        return what

    def settle(self, name: str) -> float | None:
        """Start a side's process; its seconds per step once warm, or None when it came to nothing."""
        host = self.hosts[name]

        def start() -> tuple[str, Any]:
            host.start(self.forks, take_turns, self.task)
            return host.receive(self.timeout_s)

        found: float | None = self.ask(name, start)
        return found

    def turn(self, name: str, steps: int) -> bool:
        """Have a side take a turn; whether it did."""
        host = self.hosts[name]

        def take() -> tuple[str, Any]:
            host.send(steps)
            return host.receive(self.timeout_s)

        return self.ask(name, take) is not None

    def finish(self, name: str) -> None:
        """Tell a side that there are no more turns, and keep its record."""
        if name in self.records:
            return
        host = self.hosts[name]

        def end() -> tuple[str, Any]:
            host.send(0)
            return host.receive(self.timeout_s)

        self.ask(name, end)

    def end(self, name: str, record: Record) -> None:
        """Keep a side's record, unless it never had a turn because the other side failed; its process is over."""
        if record.values or record.status != "measured":
            self.records[name] = record
        with contextlib.suppress(Death):
            self.hosts[name].receive(self.timeout_s)
