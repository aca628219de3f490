"""A run: every planned case, pass by pass and launch by launch, stored as soon as it is measured."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from bench.devices import DEVICES
from bench.measure.environment import OPENMP_SETTINGS, capture
from bench.measure.ladder_passes import groups, perform_in_turns
from bench.measure.passes import MAIN_METRIC, perform
from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.records.files import Writer
from bench.records.record import Case, Environment, Record
from bench.runs.fresh import Death, Launcher
from workloads.base import WORKLOADS

TIMED = "time"
FIRST_LAUNCH = (TIMED, "memory", "work")
LATER_LAUNCHES = (TIMED,)
SEEDED = ("training",)  # the passes of workloads that are run until they reach a target


@dataclass(frozen=True, slots=True)
class Plan:
    """A run's name, its cases, how often each is measured in a fresh process, and for how long.

    seeds: how many processes a case of a workload with seeds has; None for as many as the workload says.
    """

    run: str
    cases: Sequence[Case]
    launches: int = 3
    budget: Budget = field(default_factory=Budget)
    timeout_s: float = 300.0
    module: str | None = None
    seeds: int | None = None


def execute(plan: Plan, writer: Writer, show_progress: bool = True) -> Iterator[Record]:
    """Measure the plan, storing and giving back every record. Later launches skip what failed in the first."""
    launcher = Launcher(plan.timeout_s, OPENMP_SETTINGS)
    environments: dict[str, Environment] = {}
    caches = Path(tempfile.mkdtemp(prefix="torchpace-caches-"))
    failed: set[Case] = set()
    total = sum(len(passes(plan, case, launch)) for case in plan.cases for launch in range(rounds(plan)))
    try:
        with tqdm(total=total, unit="pass", disable=not show_progress, dynamic_ncols=True) as bar:
            for launch in range(rounds(plan)):
                for number, name, cases in steps_of(plan, launch):
                    going = [case for case in cases if case not in failed]
                    bar.set_description_str(title(going or cases))
                    if going:
                        device = going[0].device
                        if device not in environments:
                            method = DEVICES[device].start_method
                            environments[device] = launcher.call(method, capture, device, plan.module)
                        environment = environments[device]
                        cache = caches / str(number)
                        found = measured(launcher, *[task_for(plan, case, name, launch, cache) for case in going])
                        records = [replace(record, run=plan.run, environment=environment.id) for record in found]
                        writer.add(environment, records)
                        yield from records
                        if name == TIMED:
                            failed |= {record.case for record in records if record.status != "measured"}
                    bar.update(len(cases))
    finally:
        shutil.rmtree(caches, ignore_errors=True)


def steps_of(plan: Plan, launch: int) -> Iterator[tuple[int, str, list[Case]]]:
    """What a launch consists of: a group's number, a pass, and the cases measured by it in the same process.

    These are the rungs of a ladder for their times, and else one case.
    """
    for number, cases in enumerate(groups(plan.cases)):
        for name in passes(plan, cases[0], launch):
            for some in [cases] if name == TIMED else [[case] for case in cases]:
                yield number, name, some


def title(cases: Sequence[Case]) -> str:
    """What the progress bar says of them."""
    first = cases[0]
    label = first.label if len(cases) == 1 else f"{first.workload}: {len(cases)} rungs in turns"
    return f"{label} {first.device} {first.mode}"[:60].ljust(60)


def seeds_of(plan: Plan, case: Case) -> int:
    """How many seeds the case is run with; 0 for cases whose steps are timed."""
    own = getattr(WORKLOADS.get(case.workload), "seeds", 0)
    return (plan.seeds or own) if own else 0


def rounds(plan: Plan) -> int:
    """How many launches the case with the most of them has."""
    return max((seeds_of(plan, case) or plan.launches for case in plan.cases), default=0)


def passes(plan: Plan, case: Case, launch: int) -> tuple[str, ...]:
    """The passes of a case in a launch: exact figures need only one."""
    seeds = seeds_of(plan, case)
    if launch >= (seeds or plan.launches):
        return ()
    if seeds:
        return SEEDED
    own = FIRST_LAUNCH if launch == 0 else LATER_LAUNCHES
    return (*own, "latency") if getattr(WORKLOADS.get(case.workload), "latency", False) else own


def task_for(plan: Plan, case: Case, measure: str, launch: int, cache: Path) -> Task:
    """The task of one pass; a case's passes share a folder for compilers, which only the very first finds empty."""
    cold = launch == 0 and measure == TIMED
    return Task(case, measure, launch, plan.budget, str(cache), cold, plan.module)


def measured(launcher: Launcher, *tasks: Task) -> list[Record]:
    """The records of a task, or of tasks that take turns in one process; a missing device needs no process.

    A process's death is a record, too. Of several tasks it says not which one killed it: each is then measured alone.
    """
    device = DEVICES[tasks[0].case.device]
    blanks = [Record("", "", task.case, MAIN_METRIC[task.measure], launch=task.launch) for task in tasks]
    reason = device.unavailable_reason()
    if reason:
        return [replace(blank, status="unavailable", reason=reason) for blank in blanks]
    try:
        if len(tasks) == 1:
            return launcher.call(device.start_method, perform, tasks[0])
        return Launcher(len(tasks) * launcher.timeout_s).call(device.start_method, perform_in_turns, tasks)
    except Death as death:
        if len(tasks) == 1:
            return [replace(blank, status="broken", reason=death.reason) for blank in blanks]
    alone = [replace(task, cache=f"{task.cache}-alone") for task in tasks]
    return [record for task in alone for record in measured(launcher, task)]
