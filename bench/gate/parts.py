"""What parts the steps of both sides consist of: pairs of fresh processes under the profiler, each pair in one layout.

For cases that were found to have changed, after their trials. Stored; what it means is for `reports` to judge.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bench.devices import DEVICES
from bench.gate.conversation import in_turns
from bench.gate.lanes import Gate, Hosts, abreast, cores_of
from bench.gate.parts_pass import MOST_ALONE, MOST_STEPS, MOST_TURNS, PARTS, SMALL_PARTS, TIMES, PartsTurns, take_apart
from bench.measure.task import Task
from bench.records.files import Writer
from bench.records.record import APART, GATE_TURNS, SIDES, Case, Environment, Record
from bench.runs.fresh import PROFILER

# Pairs of processes for a case: with fewer, intervals corrected for many parts are too wide. More are for one part of a
# case that did not change.
PAIRS = {PARTS: 12, SMALL_PARTS: 24}

Pair = Mapping[str, Sequence[Record]]
Found = dict[Case, list[Pair]]
"""Of each case pair by pair both sides' records."""


class TakingApart:
    """Takes the cases' steps apart, all once before any twice, until there are enough pairs or it is `until_s`.

    what: PARTS or SMALL_PARTS.
    """

    def __init__(
        self, gate: Gate, cases: Sequence[Case], environments: Mapping[tuple[str, str], Environment], writer: Writer,
        until_s: float, done: Callable[[], object], what: str = PARTS,
    ) -> None:  # fmt: skip
        self.gate, self.cases, self.environments, self.writer = gate, cases, environments, writer
        self.until_s, self.done, self.what = until_s, done, what
        self.found: Found = {case: [] for case in cases}
        self.failed: set[Case] = set()
        self._numbers = iter(range(PAIRS[what]))
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def run(self) -> Found:
        """What was found. Raises SideBroken, and what `writer` raises; after Ctrl-C, pairs under way end first."""
        abreast([partial(self._lane, lane) for lane in range(self.gate.lanes)], self._stop)
        return self.found

    def _lane(self, lane: int) -> None:
        """Pair after pair of every case, each with hosts of its own."""
        dice = random.Random()
        cores = cores_of(lane, self.gate.threads)
        while (number := self._next()) is not None:
            with Hosts(self.gate.sides, self.gate.module, cores, dice, [PROFILER]) as hosts:
                hosts.wait()
                for case in self.cases:
                    if case in self.failed:
                        continue
                    if self._is_over():
                        return
                    self._pair(case, number, hosts, dice)

    def _next(self) -> int | None:
        """The number of the next pairs; None when there are enough, or no time or nothing left to take apart."""
        with self._lock:
            return None if self._is_over() or len(self.failed) == len(self.cases) else next(self._numbers, None)

    def _is_over(self) -> bool:
        return self._stop.is_set() or time.monotonic() > self.until_s

    def _pair(self, case: Case, number: int, hosts: Hosts, dice: random.Random) -> None:
        """One pair: the sides in turns."""
        task = Task(case, self.what, number, module=self.gate.module)
        apart = self.environments["base", case.device].get(GATE_TURNS) == APART
        most_turns = MOST_TURNS[self.what] if DEVICES[case.device].turns_are_safe and not apart else MOST_ALONE
        turns = PartsTurns(MOST_STEPS[self.what], most_turns)
        pair = in_turns(hosts.by_name, task, turns, self.gate.timeout_s, dice, take_apart, TIMES, apart)
        hosts.revive()
        with self._lock:
            for name, records in pair.items():
                environment = self.environments[name, case.device]
                run = f"{self.gate.run}/{self.what}/{name}"
                self.writer.add(environment, [replace(r, run=run, environment=environment.id) for r in records])
            if len(pair) == len(SIDES) and all(records[0].status == "measured" for records in pair.values()):
                self.found[case].append(pair)
            else:
                self.failed.add(case)
            self.done()
