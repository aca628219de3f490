"""The trials of a gate: which case is tried next, in which lane, until a judge has heard enough or time is up.

Every trial is stored as soon as it is over, as two ordinary records: the run's name ends in the side, `launch` is the
trial, and the nth values of both were taken next to each other. Decides nothing: the judge is given.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bench.gate.lanes import Gate, Hosts, abreast, cores_of
from bench.gate.trial import trial
from bench.measure.task import Task
from bench.measure.turns import Shape
from bench.records.files import Writer
from bench.records.record import APART, GATE_TURNS, Case, Environment, Record

USUAL_TRIAL_S = 2.0  # what a trial is taken to last before the case has had one

Judge = Callable[[], Sequence[Sequence[Case]]]
"""What a judge answers whenever it is asked: the open cases in groups, the most urgent first. Those of the first group
look plain, and have further trials at once; those of the others one in a sweep."""


class Trials:
    """Runs trials in as many lanes as the gate has, and hands each to `heard` as (case, trial, records by side).

    `heard` and `judge` are called under one lock, never at the same time. hosts: those of the first lane's first sweep.
    """

    def __init__(
        self,
        gate: Gate,
        environments: Mapping[tuple[str, str], Environment],
        writer: Writer,
        judge: Judge,
        heard: Callable[[Case, dict[str, Record], float], None],
        hosts: Hosts | None = None,
        done: Mapping[Case, int] | None = None,
    ) -> None:
        self.gate, self.environments, self.writer = gate, environments, writer
        self.judge, self.heard = judge, heard
        self._started = Counter(done or {})
        self._lasted: dict[Case, list[float]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._hosts = hosts
        self.deadline = time.monotonic() + gate.budget_s

    def run(self) -> None:
        """Run until nothing is open or time is up. Raises SideBroken; after Ctrl-C, trials under way end first."""
        abreast([partial(self._lane, number) for number in range(self.gate.lanes)], self._stop)

    def _lane(self, number: int) -> None:
        """Sweep after sweep over what is open, each with hosts of its own."""
        dice = random.Random()
        cores = cores_of(number, self.gate.threads)
        while not self._stop.is_set() and self._open(dice):
            self._sweep(cores, dice)

    def _take_hosts(self, cores: Sequence[int], dice: random.Random) -> Hosts:
        """The hosts that there are, for whoever comes first; else new ones."""
        with self._lock:
            hosts, self._hosts = self._hosts, None
        if hosts is None:
            return Hosts(self.gate.sides, self.gate.module, cores, dice)
        hosts.pin(cores)
        return hosts

    def _open(self, dice: random.Random) -> list[Case]:
        """The open cases that may have another trial: the most urgent group first, each in random order."""
        with self._lock:
            groups = [list(filter(self._may_start, group)) for group in self.judge()]
        for group in groups:
            dice.shuffle(group)
        return [case for group in groups for case in group]

    def _sweep(self, cores: Sequence[int], dice: random.Random) -> None:
        """One trial of every open case that there is time for, by one pair of hosts."""
        waiting = self._open(dice)
        started = time.monotonic()
        tried = False
        with self._take_hosts(cores, dice) as hosts:
            hosts.wait()
            # Starting hosts costs seconds: a trial may take its share of them, so that few cases get more rounds each.
            # Counted trials share no time out: what is measured is then the same however busy the machine is.
            share_s = (time.monotonic() - started) / max(1, len(waiting)) if self.gate.most_trials is None else 0.0
            while (claim := self._claim(waiting)) and not self._stop.is_set():
                case, number = claim
                tried = True
                started = time.monotonic()
                task = Task(case, "time", number, module=self.gate.module)
                shape = Shape().lengthened(share_s if number else 0.0)  # the first may show what more would not
                apart = self.environments["base", case.device].get(GATE_TURNS) == APART
                records = trial(hosts.by_name, task, shape, self.gate.timeout_s, dice, apart)
                self._keep(case, records, time.monotonic() - started)
                hosts.revive()
        if not tried:  # no time for anything that is open
            self._stop.set()

    def _claim(self, waiting: list[Case]) -> tuple[Case, int] | None:
        """Take the next case that is still open and may have another trial, with the number of that."""
        with self._lock:
            plain, *others = self.judge()
            still = {case for group in others for case in group}
            those = [*plain, *(case for case in waiting if case in still)]
            case = next(filter(self._may_start, those), None)
            if case is None:
                return None
            if case in waiting:
                waiting.remove(case)
            self._started[case] += 1
            return case, self._started[case] - 1

    def _may_start(self, case: Case) -> bool:
        """Whether the case may have another trial, and that would end in time, going by the longer of its last two.

        Not by its first for ever: that compiles what later ones find compiled.
        """
        counted = self.gate.most_trials is not None and self._started[case] >= self.gate.most_trials
        return not counted and time.monotonic() + max(self._lasted.get(case, [USUAL_TRIAL_S])) < self.deadline

    def _keep(self, case: Case, records: Mapping[str, Record], took: float) -> None:
        """Store a trial, and tell of it."""
        with self._lock:
            self._lasted[case] = [*self._lasted.get(case, [])[-1:], took]
            named = {}
            for name, record in records.items():
                environment = self.environments[name, case.device]
                named[name] = replace(record, run=f"{self.gate.run}/{name}", environment=environment.id)
                self.writer.add(environment, [named[name]])
            self.heard(case, named, took)
