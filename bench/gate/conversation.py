"""Both sides of a gate in turns: one case, in a process of each side that are alive at the same time.

They take turns of a few steps in random order, so that whatever the machine does meets both. What a turn is, and what
the processes say at the end, is for the functions to say that run in them.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from bench.devices import DEVICES
from bench.gate.hosts import Host, may_fork
from bench.measure.task import Task
from bench.records.errors import Death
from bench.records.record import Record


class Turns(Protocol):
    """How long turns are."""

    def plan(self, step_s: float) -> tuple[int, int]:
        """Steps of a turn and rounds of turns, for steps of so many seconds."""


def in_turns(
    hosts: Mapping[str, Host], task: Task, turns: Turns, timeout_s: float, dice: random.Random,
    function: Callable[..., object], metric: str, apart: bool = False,
) -> dict[str, list[Record]]:  # fmt: skip
    """Both sides' records. A side that dies or fails says why in one; the other may have none.

    function: called in a process of each side with a connection and the task. It sends ("settled", seconds per step),
    and after every number of steps that it receives what its turn was, until the number is 0; then it gives back its
    records, of which the first has values if it had turns. metric: what the record of a death is of. apart: each side
    has all of its turns before the other begins.
    """
    order = list(hosts)
    dice.shuffle(order)
    conversation = Conversation({name: hosts[name] for name in order}, task, timeout_s, function, metric)
    if DEVICES[task.case.device].turns_are_safe and not apart:
        conversation.alternate(turns, dice)
    else:
        conversation.one_after_the_other(turns)
    return conversation.records


class Conversation:
    """The gate's end: what each side was asked, and the records that came of it."""

    def __init__(
        self, hosts: dict[str, Host], task: Task, timeout_s: float, function: Callable[..., object], metric: str
    ) -> None:
        self.hosts, self.task, self.timeout_s = hosts, task, timeout_s
        self.function, self.metric = function, metric
        self.forks: bool | None = None
        self.records: dict[str, list[Record]] = {}

    def alternate(self, turns: Turns, dice: random.Random) -> None:
        """Both sides alive, taking turns; the order within each round is drawn."""
        settled = {name: step_s for name in self.hosts if (step_s := self.settle(name))}
        if len(settled) == len(self.hosts):
            steps, rounds = turns.plan(math.exp(sum(map(math.log, settled.values())) / len(settled)))
            names = list(self.hosts)
            for _ in range(rounds):
                dice.shuffle(names)
                if not all(self.turn(name, steps) for name in names):
                    break
        for name in settled:
            self.finish(name)

    def one_after_the_other(self, turns: Turns) -> None:
        """Each side whole before the next starts; both with the number of steps that the first needs."""
        plan: tuple[int, int] | None = None
        for name in self.hosts:
            step_s = self.settle(name)
            if not step_s:
                continue
            plan = plan or turns.plan(step_s)
            for _ in range(plan[1]):
                if not self.turn(name, plan[0]):
                    break
            self.finish(name)

    def ask(self, name: str, function: Callable[[], Any]) -> Any:
        """What a side answers; None, and a record that says why, when it does not."""
        try:
            kind, what = function()
        except Death as death:
            blank = Record("", "", self.task.case, self.metric, launch=self.task.launch)
            self.records[name] = [replace(blank, status="broken", reason=death.reason)]
            return None
        if kind == "result":  # the side ended before it was told to: its record says why
            self.end(name, what)
            return None
        return what

    def settle(self, name: str) -> float | None:
        """Start a side's process; its seconds per step once warm, or None when it came to nothing."""
        host = self.hosts[name]

        def start() -> tuple[str, Any]:
            if self.forks is None:  # both sides alike
                device = DEVICES[self.task.case.device]
                self.forks = all(may_fork(each, device, self.timeout_s) for each in self.hosts.values())
            host.start(self.forks, self.function, self.task)
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
        """Tell a side that there are no more turns, and keep its records."""
        if name in self.records:
            return
        host = self.hosts[name]

        def end() -> tuple[str, Any]:
            host.send(0)
            return host.receive(self.timeout_s)

        self.ask(name, end)

    def end(self, name: str, records: list[Record]) -> None:
        """Keep a side's records, unless it never had a turn because the other side failed; its process is over."""
        if records[0].values or records[0].status != "measured":
            self.records[name] = records
        with contextlib.suppress(Death):
            self.hosts[name].receive(self.timeout_s)
