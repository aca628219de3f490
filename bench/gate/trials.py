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

from bench.gate.lanes import MOST_LANES, Gate, Hosts, cores_of
from bench.gate.trial import trial
from bench.measure.task import Task
from bench.records.files import Writer
from bench.records.record import Case, Environment, Record

USUAL_TRIAL_S = 2.0  # what a trial is taken to last before the case has had one

Judge = Callable[[], tuple[Sequence[Case], Sequence[Case]]]
"""What a judge answers whenever it is asked: the open cases that look changed, and the other open ones."""


class Trials:
    """Runs trials in as many lanes as the gate has, and hands each to `heard` as (case, trial, records by side).

    `heard` and `judge` are called under one lock, never at the same time.
    """

    def __init__(
        self,
        gate: Gate,
        environments: Mapping[tuple[str, str], Environment],
        writer: Writer,
        judge: Judge,
        heard: Callable[[Case, dict[str, Record], float], None],
        done: Mapping[Case, int] | None = None,
    ) -> None:
        self.gate, self.environments, self.writer = gate, environments, writer
        self.judge, self.heard = judge, heard
        self._started = Counter(done or {})
        self._longest: dict[Case, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self.deadline = time.monotonic() + gate.budget_s

    def run(self) -> None:
        """Run until nothing is open or time is up. Raises SideBroken; after Ctrl-C, trials under way end first."""
        lanes = [threading.Thread(target=self._lane, args=(lane,)) for lane in range(self.gate.lanes)]
        for lane in lanes:
            lane.start()
        try:
            while any(lane.is_alive() for lane in lanes):
                for lane in lanes:
                    lane.join(0.2)
        finally:
            self._stop.set()
            for lane in lanes:
                lane.join()
        if self._error:
            raise self._error

    def _lane(self, number: int) -> None:
        """Sweep after sweep over what is open, each with hosts of its own."""
        dice = random.Random(None if self.gate.seed is None else self.gate.seed * MOST_LANES + number)
        cores = cores_of(number, self.gate.threads)
        try:
            while not self._stop.is_set() and self._open(dice):
                self._sweep(cores, dice)
        except BaseException as error:  # raised again where `run` was called
            with self._lock:
                self._error = self._error or error
            self._stop.set()

    def _open(self, dice: random.Random) -> list[Case]:
        """The cases still open: those that look changed first, otherwise in random order."""
        with self._lock:
            groups = [list(group) for group in self.judge()]
        for group in groups:
            dice.shuffle(group)
        return [case for group in groups for case in group]

    def _sweep(self, cores: Sequence[int], dice: random.Random) -> None:
        """One trial of every open case that there is time for, by one pair of hosts."""
        waiting = self._open(dice)
        started = time.monotonic()
        tried = False
        with Hosts(self.gate, cores, dice) as hosts:
            # Starting hosts costs seconds: a trial may take its share of them, so that few cases get more rounds each.
            shape = self.gate.shape.lengthened((time.monotonic() - started) / max(1, len(waiting)))
            while (claim := self._claim(waiting)) and not self._stop.is_set():
                case, number = claim
                tried = True
                started = time.monotonic()
                task = Task(case, "time", number, module=self.gate.module)
                records = trial(hosts.by_name, task, shape, self.gate.timeout_s, dice)
                self._keep(case, records, time.monotonic() - started)
                hosts.revive()
        if not tried:  # no time for anything that is open
            self._stop.set()

    def _claim(self, waiting: list[Case]) -> tuple[Case, int] | None:
        """Take the next case that is still open and fits in the time left, with the number of its trial."""
        with self._lock:
            still = {case for group in self.judge() for case in group}
            case = next((case for case in waiting if case in still and self._fits(case)), None)
            if case is None:
                return None
            waiting.remove(case)
            self._started[case] += 1
            return case, self._started[case] - 1

    def _fits(self, case: Case) -> bool:
        """Whether a trial of the case would end in time, going by its longest so far."""
        return time.monotonic() + self._longest.get(case, USUAL_TRIAL_S) < self.deadline

    def _keep(self, case: Case, records: Mapping[str, Record], took: float) -> None:
        """Store a trial, and tell of it."""
        with self._lock:
            self._longest[case] = max(took, self._longest.get(case, 0.0))
            named = {}
            for name, record in records.items():
                environment = self.environments[name, case.device]
                named[name] = replace(record, run=f"{self.gate.run}/{name}", environment=environment.id)
                self.writer.add(environment, [named[name]])
            self.heard(case, named, took)
