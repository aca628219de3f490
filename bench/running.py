"""A run: every planned case, pass by pass and launch by launch, stored as soon as it is measured."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from bench.devices import DEVICES
from bench.environment import OPENMP_SETTINGS, capture
from bench.launching import Death, Launcher
from bench.measuring import MAIN_METRIC, Task, perform
from bench.record import Case, Environment, Record
from bench.sampling import Budget
from bench.storing import Writer
from workloads.base import WORKLOADS

FIRST_LAUNCH = ("time", "memory", "work")
LATER_LAUNCHES = ("time",)
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
                for number, case in enumerate(plan.cases):
                    bar.set_description_str(f"{case.label} {case.device} {case.mode}"[:60].ljust(60))
                    if case.device not in environments:
                        environments[case.device] = launcher.call(
                            DEVICES[case.device].start_method, capture, case.device, plan.module
                        )
                    environment = environments[case.device]
                    for name in passes(plan, case, launch):
                        bar.update()
                        if case in failed:
                            continue
                        task = task_for(plan, case, name, launch, caches / str(number))
                        records = [
                            replace(record, run=plan.run, environment=environment.id)
                            for record in measured(launcher, task)
                        ]
                        writer.add(environment, records)
                        yield from records
                        if name == "time" and any(record.status != "measured" for record in records):
                            failed.add(case)
    finally:
        shutil.rmtree(caches, ignore_errors=True)


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
    cold = launch == 0 and measure == "time"
    return Task(case, measure, launch, plan.budget, str(cache), cold, plan.module)


def measured(launcher: Launcher, task: Task) -> list[Record]:
    """The task's records; the process's death is one too, and a missing device needs no process."""
    device = DEVICES[task.case.device]
    blank = Record("", "", task.case, MAIN_METRIC[task.measure], launch=task.launch)
    reason = device.unavailable_reason()
    if reason:
        return [replace(blank, status="unavailable", reason=reason)]
    try:
        return launcher.call(device.start_method, perform, task)
    except Death as death:
        return [replace(blank, status="broken", reason=death.reason)]
