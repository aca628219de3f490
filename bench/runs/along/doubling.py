"""A run along an axis: sizes are tried by doubling, and then measured as in any run with a budget.

A size is tried in eager mode, once: its memory is counted, which is kept, and a step is timed, which is not. What
comes of that decides whether the next one is tried.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tqdm import tqdm

from bench.devices import DEVICES
from bench.measure.task import Task
from bench.modes import torch_compile
from bench.records.files import Writer
from bench.records.points import Value
from bench.records.record import Case, Record
from bench.runs.along.sizes import MEMORY_SHARE, Limits, Seen, compiled_at, following, why_not
from bench.runs.pursuit import Distance, Pursuit, told
from bench.runs.run import FIRST_CALL, TIMED, Plan, Session, measured

TRIED = "eager"  # the mode in which sizes are tried
FIRST_GROUP = 0  # the number of the smallest size among those that are measured, whose compiled code is found again
TRIAL = 1  # the number of a trial's launch: in the first, answers are checked and steps are audited


@dataclass(frozen=True, slots=True)
class Along:
    """What is measured along which axis: a case for each mode, all alike but for that.

    sizes: the first one to double from, or all of them where the user chose them. is_chosen: whether they are.
    """

    cases: Sequence[Case]
    axis: str
    sizes: Sequence[Value]
    is_chosen: bool = False
    last: Value | None = None

    def at(self, size: Value) -> list[Case]:
        """The cases at a size."""
        return [at_size(case, self.axis, size) for case in self.cases]


def at_size(case: Case, axis: str, size: Value) -> Case:
    """The case with another value on an axis."""
    return replace(case, point=tuple((name, size if name == axis else value) for name, value in case.point))


class Doubling:
    """Finds the sizes. `sizes` are those that could be measured, and `ended` says why there are no more."""

    def __init__(self, plan: Plan, session: Session, along: Along, bar: tqdm[Any]) -> None:
        assert plan.limit_s is not None
        self.plan, self.session, self.along, self.bar = plan, session, along, bar
        self.deadline_s = time.monotonic() + plan.limit_s
        self.tried: list[Seen] = []
        self.ended = ""
        self.layout_s = self.compile_s = 0.0

    @property
    def sizes(self) -> list[Value]:
        """Those that could be measured."""
        return [seen.size for seen in self.tried]

    def climb(self) -> Iterator[Record]:
        """Try size after size; the records of memory, and of what failed."""
        (size,) = self.along.sizes
        started_s = time.monotonic()
        self.session.lay_out(self.along.at(size))
        self.layout_s = time.monotonic() - started_s
        yield from self.compile(size)
        while not self.ended:
            self.bar.set_description_str(f"trying {self.along.axis}={size}"[:70].ljust(70), refresh=True)
            yield from self.attempt(size)
            size = following(size)
            self.ended = self.ended or why_not(self.tried, size, self.limits())

    def limits(self) -> Limits:
        """Where the doubling would end now."""
        compiled = sum(torch_compile.generates(case.mode) for case in self.along.cases)
        return Limits(
            self.along.last, self.deadline_s - time.monotonic(), self.memory_bytes(), len(self.along.cases) - compiled,
            compiled, self.compile_s, self.layout_s,
        )  # fmt: skip

    def compile(self, size: Value) -> Iterator[Record]:
        """The first call at a size of a mode that compiles, if there is one: how long these take, and a record."""
        case = next((case for case in self.along.at(size) if torch_compile.generates(case.mode)), None)
        if case is None:
            return
        self.bar.set_description_str(f"compiling at {self.along.axis}={size}"[:70].ljust(70), refresh=True)
        started_s = time.monotonic()
        yield from self.session.stored(told(self.session.attempt([case], FIRST_CALL, 0, FIRST_GROUP)))
        self.compile_s = time.monotonic() - started_s

    def memory_bytes(self) -> float | None:
        """What a step may hold; an accelerator says by itself when it has no more."""
        device = self.along.cases[0].device
        found = self.session.environment_of(device).get("memory_bytes" if device == "cpu" else "gpu_memory_bytes")
        return found * (MEMORY_SHARE if device == "cpu" else 1.0) if isinstance(found, int) else None

    def attempt(self, size: Value) -> Iterator[Record]:
        """Try one size."""
        case = next((case for case in self.along.at(size) if case.mode == TRIED), None)
        is_kept = case is not None
        case = case or replace(self.along.at(size)[0], mode=TRIED)
        memory = measured(self.session.launcher, self.task(case, "memory", 0))
        if broken := [record for record in memory if record.status == "broken"]:
            self.ended = f"at {size}: {broken[0].reason}"
        if is_kept or broken:
            yield from self.session.stored(memory)
        if broken:
            return
        started_s = time.monotonic()
        timed = [
            each
            for each in measured(self.session.launcher, self.task(case, TIMED, TRIAL))
            if each.metric == "step_time"
        ]
        took_s = time.monotonic() - started_s
        if failed := [record for record in timed if record.status != "measured"]:
            self.ended = f"at {size}: {failed[0].reason}"
            yield from self.session.stored(failed)
            return
        peak = next((record.values[0] for record in memory if record.metric == "peak_memory" and record.values), None)
        self.tried.append(Seen(size, statistics.median(timed[0].values), took_s, peak))

    def task(self, case: Case, name: str, launch: int) -> Task:
        """A pass of a case in eager mode, which needs no cache."""
        return Task(case, name, launch, self.plan.budget, str(self.session.caches / "tried"), module=self.plan.module)


class Run:
    """A whole run along an axis. `ended` says why there are no larger sizes; empty until then, and of chosen ones."""

    def __init__(self, plan: Plan, along: Along) -> None:
        self.plan, self.along = plan, along
        self.ended = ""

    def measure(self, writer: Writer, distance: Distance, show_progress: bool = True) -> Iterator[Record]:
        """Find the sizes, and measure all of them in the time that is left, storing and giving back every record."""
        assert self.plan.limit_s is not None
        shape, started_s = "{desc} |{bar}| {elapsed}, {remaining} left", time.monotonic()
        with (
            Session(self.plan, writer) as session,
            tqdm(total=self.plan.limit_s, bar_format=shape, disable=not show_progress, dynamic_ncols=True) as bar,
        ):
            sizes, compiled, before = list(self.along.sizes), list(self.along.sizes), list[Record]()
            if not self.along.is_chosen:
                doubling = Doubling(self.plan, session, self.along, bar)
                for record in doubling.climb():
                    before.append(record)
                    yield record
                sizes, self.ended = doubling.sizes, doubling.ended
                compiled = compiled_at(doubling.tried, doubling.limits()) if sizes else []
            left_s = self.plan.limit_s - (time.monotonic() - started_s)
            cases = [
                case for size in sizes for case in self.along.at(size)
                if size in compiled or not torch_compile.generates(case.mode)
            ]  # fmt: skip
            if cases:
                yield from self.pursuit(cases, before, left_s, session, distance, bar).measure()

    def pursuit(
        self, cases: Sequence[Case], before: Sequence[Record], left_s: float, session: Session, distance: Distance,
        bar: tqdm[Any],
    ) -> Pursuit:  # fmt: skip
        """What is measured once the sizes are known: step times and memory, and neither work nor single calls."""
        plan = replace(self.plan, cases=cases, before=before, limit_s=max(1.0, left_s))
        found = Pursuit(plan, session, distance, bar)
        found.subjects = [subject for subject in found.subjects if subject.name == TIMED]
        found.done |= {(case, "work", 0) for case in cases}
        return found


def present(device: str) -> bool:
    """Whether there is such a device here."""
    return not DEVICES[device].unavailable_reason()
