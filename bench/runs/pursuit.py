"""A run with a budget: launch after launch of what is not known yet, until all is or time is up.

Everything is measured once, and counted, while compilers fill their caches; then sweeps of short launches, spread over
the run; at its end, what was known early is looked at once more. How far a figure is from being known, a judge says.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from bench.devices import DEVICES
from bench.measure.first_call import OF_MACHINE, OF_PROGRAM
from bench.measure.turn_passes import groups, title
from bench.modes import torch_compile
from bench.modes.compilations import IMPORT
from bench.records.files import Writer
from bench.records.record import Case, Record
from bench.runs.resume import done_by, launches_of, took_s
from bench.runs.run import COUNTED, FIRST_CALL, SEEDED, TIMED, Plan, Session, has_latency, seeds_of
from bench.runs.schedule import KNOWN, SWEEP_SHARE, Standing, becomes_known, expected_s, sweep
from bench.runs.shards import PROCESS_S

Distance = Callable[[Sequence[Record]], float]
"""From all timed records of cases that are measured together: how many times too wide their widest interval is."""

LAST_VISITS_SHARE = 0.15  # of the time, at most, is kept for looking once more at what was known early
WARM_S = 3.0  # what a first call that finds everything compiled is taken to need, before there was one
LAYOUT_SHARE = 0.5  # of the time that a layout took to make, launches in it take at least, before there is another
BESIDE = 2  # processes at a time that compile or count, and time no step


@dataclass(slots=True)
class Subject:
    """Cases that are measured in the same process, one pass of them, and what came of it so far."""

    number: int
    name: str
    cases: list[Case]
    most_launches: float = math.inf
    launches: int = 0
    layouts: set[int] = field(default_factory=set)
    records: list[Record] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)
    distance: float = math.inf
    is_known: bool = False
    last_s: float = 0.0

    @property
    def is_present(self) -> bool:
        """Whether there is something to measure, and a device to measure it on."""
        return bool(self.cases) and not DEVICES[self.cases[0].device].unavailable_reason()

    @property
    def may_go_on(self) -> bool:
        """Whether another launch could be made."""
        return bool(self.cases) and self.launches < self.most_launches

    @property
    def standing(self) -> Standing:
        """How far it is."""
        done = self.is_known or not self.may_go_on
        cost_s = sorted(self.took_s[1:])[len(self.took_s[1:]) // 2] if len(self.took_s) > 1 else self._first_guess()
        return Standing(len(self.layouts), self.distance, cost_s, done)

    def _first_guess(self) -> float:
        """What a launch takes after one that had to compile."""
        cold_s = sum(
            max(record.values) - dict(record.parts).get(IMPORT, 0.0)  # a forked process does not import again
            for record in self.records
            if record.metric in (OF_PROGRAM, OF_MACHINE) and record.case.mode != "eager"
        )
        return max(0.0, sum(self.took_s) - cold_s) + min(cold_s, WARM_S)

    def keep(self, records: Sequence[Record], took_s: float, distance: Distance, now_s: float) -> None:
        """Remember a launch. Cases that failed have no further one.

        What counts is launches in different layouts; of one layout all together tell as much as one.
        """
        layout = next((record.layout for record in records if record.layout is not None), -1 - self.launches)
        is_new = layout not in self.layouts
        self.layouts.add(layout)
        self.launches += 1
        self.took_s.append(took_s)
        self.last_s = now_s
        failed = {record.case for record in records if record.status != "measured"}
        self.cases = [case for case in self.cases if case not in failed]
        self.records += [record for record in records if record.case not in failed]
        self.distance = distance(self.records) if self.cases else 0.0
        self.is_known = self.is_known or (is_new and becomes_known(len(self.layouts), self.distance))


def subjects_of(plan: Plan) -> list[Subject]:
    """What the plan's cases are measured as."""
    found: list[Subject] = []
    for number, cases in enumerate(groups(plan.cases)):
        seeds = seeds_of(plan, cases[0])
        if seeds:
            found += [Subject(number, SEEDED[0], [case], most_launches=seeds) for case in cases]
            continue
        found.append(Subject(number, TIMED, list(cases)))
        found += [Subject(number, "latency", [case]) for case in cases if has_latency(case)]
    return found


Untimed = tuple[int, Case, str]
"""A group's number, a case of it, and a pass."""


def generating(subject: Subject) -> bool:
    """Whether some of its modes generate code, which takes long at the first time."""
    return any(torch_compile.generates(case.mode) for case in subject.cases)


def firsts(subjects: Sequence[Subject]) -> list[Untimed]:
    """The first calls of every generated program."""
    return [
        (subject.number, case, FIRST_CALL) for subject in subjects if subject.name == TIMED for case in subject.cases
        if torch_compile.generates(case.mode) and not case.is_apart
    ]  # fmt: skip


def counts(subjects: Sequence[Subject]) -> list[Untimed]:
    """Memory and work of every case that could be timed."""
    timed = [subject for subject in subjects if subject.name == TIMED]
    alone = [(subject.number, case) for subject in timed for case in subject.cases if not case.is_apart]
    return [(number, case, name) for number, case in alone for name in COUNTED]


def told(records: list[Record]) -> list[Record]:
    """The records of an untimed pass, without first calls that came to nothing: why, the timed pass says of all."""
    return [record for record in records if record.metric != OF_PROGRAM or record.status == "measured"]


class Pursuit:
    """One run; `measure` gives back every record as it comes."""

    def __init__(self, plan: Plan, session: Session, distance: Distance, bar: tqdm[Any]) -> None:
        assert plan.limit_s is not None
        self.limit_s = plan.limit_s
        self.plan, self.session, self.distance, self.bar = plan, session, distance, bar
        self.subjects = subjects_of(plan)
        self.started_s = time.monotonic()
        self.deadline_s = self.started_s + self.limit_s
        self.laid_out_s = self.laying_out_s = 0.0
        self.done = done_by(plan.before)
        for subject in self.subjects:
            for launch in launches_of(plan.before, subject.cases, subject.name):
                subject.keep(launch, took_s(launch, PROCESS_S), distance, self.started_s)

    def measure(self) -> Iterator[Record]:
        """Everything once, then sweeps, then a last look at what was known early, then sweeps of what is left.

        First calls that compile run where nobody is timed, beside what is counted.
        """
        self.lay_out(self.subjects)
        compiling = [subject for subject in self.subjects if generating(subject)]
        others = [subject for subject in self.subjects if not generating(subject)]
        for subject in (each for each in others if not each.launches):
            yield from self.launch(subject)
        yield from self.untimed([*firsts(compiling), *counts(others)])
        for subject in (each for each in compiling if not each.launches):
            yield from self.launch(subject)
        yield from self.untimed(counts(compiling))
        early = [subject for subject in self.subjects if subject.cases]
        kept_s = min(LAST_VISITS_SHARE * self.limit_s, sum(subject.standing.cost_s for subject in early))
        yield from self.sweeps(self.deadline_s - kept_s)
        middle_s = (self.started_s + time.monotonic()) / 2
        for subject in sorted(early, key=lambda subject: subject.last_s):
            left_s = self.deadline_s - time.monotonic()
            if subject.may_go_on and subject.last_s < middle_s and subject.standing.cost_s < left_s:
                yield from self.launch(subject)
        yield from self.sweeps(self.deadline_s)

    def sweeps(self, until_s: float) -> Iterator[Record]:
        """Sweep after sweep until all is known or it is so late."""
        while True:
            able = {id(each): each for each in self.subjects if each.may_go_on}
            standings = {key: each.standing for key, each in able.items()}
            chosen = sweep(standings, until_s - time.monotonic(), SWEEP_SHARE * self.limit_s)
            if not chosen:
                return
            coming = [able[key] for key in chosen]
            if time.monotonic() - self.laid_out_s > LAYOUT_SHARE * self.laying_out_s:
                self.lay_out(coming)
            for subject in coming:
                if time.monotonic() + subject.standing.cost_s <= until_s or subject.launches == 0:
                    yield from self.launch(subject)

    def lay_out(self, coming: Sequence[Subject]) -> None:
        """Have later processes, these subjects' before all, forked in a layout of memory of their own."""
        self.tell("laying memory out anew")
        started_s = time.monotonic()
        self.session.lay_out([case for subject in coming for case in subject.cases], self.laid_out_s == 0)
        self.laid_out_s = time.monotonic()
        self.laying_out_s = self.laid_out_s - started_s

    def launch(self, subject: Subject) -> Iterator[Record]:
        """One launch of a subject."""
        self.tell(title(subject.cases))
        started_s = time.monotonic()
        records = self.session.measure(subject.cases, subject.name, subject.launches, subject.number)
        now_s = time.monotonic()
        subject.keep(records, now_s - started_s, self.distance, now_s)
        yield from records

    def untimed(self, waiting: Sequence[Untimed]) -> Iterator[Record]:
        """Passes during which no step is timed: some at a time where processes are forked, else one."""
        waiting = [each for each in waiting if (each[1], each[2], 0) not in self.done]
        beside = [each for each in waiting if DEVICES[each[1].device].start_method == "forkserver"]
        with ThreadPoolExecutor(BESIDE) as pool:
            going = [pool.submit(self.session.attempt, [case], name, 0, number) for number, case, name in beside]
            try:
                for number, done in enumerate(as_completed(going)):
                    self.tell(f"compiling, counting memory and work: {number + 1} of {len(going)}")
                    yield from self.session.stored(told(done.result()))
            finally:  # Ctrl-C waits for what is under way, not for all that was to come
                pool.shutdown(cancel_futures=True)
        for number, case, name in waiting:
            if DEVICES[case.device].start_method != "forkserver":
                self.tell(f"{name} of {case.label}")
                yield from self.session.measure([case], name, 0, number)

    def tell(self, doing: str) -> None:
        """Show what is being done, how many cases are known already, and how long it may still take."""
        standings = {id(each): each.standing for each in self.subjects if each.is_present}
        now_s = time.monotonic()
        known = sum(each.is_known or each.distance <= KNOWN for each in standings.values())
        left_s = self.deadline_s - now_s
        if all(each.launches for each in self.subjects):
            left_s = expected_s(standings, left_s)
        self.bar.total = now_s - self.started_s + max(left_s, 0.0)
        self.bar.n = now_s - self.started_s
        self.bar.set_description_str(f"{known} of {len(standings)} known; {doing.strip()}"[:70].ljust(70), refresh=True)


def pursue(plan: Plan, writer: Writer, distance: Distance, show_progress: bool = True) -> Iterator[Record]:
    """Measure the plan within its time, storing and giving back every record."""
    shape = "{desc} |{bar}| {elapsed}, {remaining} left"
    with (
        Session(plan, writer) as session,
        tqdm(total=plan.limit_s, bar_format=shape, disable=not show_progress, dynamic_ncols=True) as bar,
    ):
        yield from Pursuit(plan, session, distance, bar).measure()
