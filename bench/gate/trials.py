"""The trials of a gate: which case is tried next, on which cores, until a judge has heard enough or time is up.

Every trial is stored as soon as it is over, as two ordinary records: the run's name ends in the side, `launch` is the
trial, and the nth values of both were taken next to each other. Decides nothing: the judge is given.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.devices import DEVICES
from bench.gate.host import LAID_OUT
from bench.gate.hosts import Host, call, draw
from bench.gate.revisions import Side
from bench.gate.trial import trial
from bench.measure.environment import capture
from bench.measure.fresh import Death
from bench.measure.task import Task
from bench.measure.turns import Shape
from bench.records.files import Writer
from bench.records.record import Case, Environment, Record
from bench.runs.plan import Selection, SelectionError, cases
from workloads.base import WORKLOADS

SIDES = ("base", "head")
USUAL_TRIAL_S = 2.0  # what a trial is taken to last before the case has had one
MOST_LANES = 4  # more pairs at a time share caches and memory with each other more than they save

Judge = Callable[[], tuple[Sequence[Case], Sequence[Case]]]
"""What a judge answers whenever it is asked: the open cases that look changed, and the other open ones."""


class SideBroken(Exception):
    """A side whose code does not import; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What is compared, and how: both sides by name, the folders of their compilers, the user's module if any.

    lanes: how many pairs run at a time, each on cores of its own; on an accelerator, one.
    """

    run: str
    sides: Mapping[str, Side]
    caches: Mapping[str, Path]
    budget_s: float = 600.0
    timeout_s: float = 60.0
    threads: int = 1
    lanes: int = 1
    shape: Shape = field(default_factory=Shape)
    module: str | None = None
    seed: int | None = None
    start_s: float = 5.0  # what starting a pair of hosts takes, about: for telling people, not for measuring


def lanes_for(devices: Iterable[str], threads: int) -> int:
    """As many pairs at a time as there are cores for, at most MOST_LANES; one where an accelerator is shared."""
    return max(1, min(MOST_LANES, len(own_cores()) // threads)) if set(devices) == {"cpu"} else 1


def own_cores() -> list[int]:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cores_of(lane: int, threads: int) -> list[int]:
    """The cores of a lane; none when there are too few to give it its own."""
    cores = own_cores()[lane * threads : (lane + 1) * threads]
    return cores if len(cores) == threads else []


def list_cases(selection: Selection) -> list[Case] | str:
    """In a side's process: the cases it has of a selection; in words, why there are none."""
    try:
        return cases(WORKLOADS, selection)
    except SelectionError as error:
        return str(error)


class Hosts:
    """A lane's hosts (of both sides, unless fewer are named), started together under one layout and ended together.

    Use as a context manager.
    """

    def __init__(self, gate: Gate, cores: Sequence[int], dice: random.Random, names: Sequence[str] = SIDES) -> None:
        self.gate, self.cores, self.dice, self.names = gate, cores, dice, names
        self.by_name: dict[str, Host] = {}

    def __enter__(self) -> Hosts:
        self.restart()
        return self

    def __exit__(self, *error: object) -> None:
        for owner in self.by_name.values():
            owner.close()

    def restart(self) -> None:
        """Start the hosts. Raises SideBroken when a side's code does not import."""
        layout = draw(self.dice)
        for name in self.names:
            side, cache = self.gate.sides[name], self.gate.caches[name]
            self.by_name[name] = Host(side, self.gate.module, cache, self.cores, layout)
        for name in self.by_name:
            try:
                self.by_name[name].wait()
            except Death as death:
                self.__exit__()
                side = self.gate.sides[name]
                raise SideBroken(f"{name} ({side.label}) does not import: {death.reason}") from death

    def revive(self) -> None:
        """After a death on one side, or a request that used a host up: start both anew, under one layout."""
        if not all(owner.alive for owner in self.by_name.values()):
            self.__exit__()
            self.restart()


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


def capture_host(device: str, module: str | None) -> Environment:
    """In a side's process: its environment, and who decides where things lie in memory."""
    facts = dict(capture(device, module).facts) | {"layout": os.environ.get(LAID_OUT)}
    return Environment(tuple(sorted(facts.items())))


def environment_of(side: Side, found: Environment, lanes: int, threads: int) -> Environment:
    """The environment as a side's own process found it, with the side's commit and how it was placed."""
    cores = own_cores()
    pinned = f"{threads} of {','.join(map(str, cores))} per trial" if len(cores) >= threads else "not pinned"
    facts = dict(found.facts) | {
        "commit": side.commit, "dirty": side.dirty, "affinity": pinned, "lanes": lanes, "side": side.name,
    }  # fmt: skip
    return Environment(tuple(sorted(facts.items())))


def survey(
    gate: Gate, selection: Selection
) -> tuple[dict[str, list[Case]], dict[tuple[str, str], Environment], dict[str, str]]:
    """The cases that each side has; the environment of each side and device; in words, why a side has no cases.

    Raises SideBroken when a side does not import, or cannot say what it has.
    """
    found: dict[str, list[Case]] = {}
    environments: dict[tuple[str, str], Environment] = {}
    reasons: dict[str, str] = {}
    with Hosts(gate, (), random.Random(gate.seed)) as hosts:
        for name, side in gate.sides.items():
            try:
                listed = call(hosts.by_name[name], True, gate.timeout_s, list_cases, selection)
                if isinstance(listed, str):
                    reasons[name], listed = listed, []
                found[name] = listed
                for device in selection.devices:
                    forks = DEVICES[device].start_method == "forkserver"
                    captured = call(hosts.by_name[name], forks, gate.timeout_s, capture_host, device, gate.module)
                    environments[name, device] = environment_of(side, captured, gate.lanes, gate.threads)
                    hosts.revive()
            except Death as death:
                raise SideBroken(f"{name} ({side.label}): {death.reason}") from death
    return found, environments, reasons
