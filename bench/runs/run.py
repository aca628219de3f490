"""A run: every planned case, pass by pass and launch by launch, stored as soon as it is measured."""

from __future__ import annotations

import random
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from bench.devices import DEVICES
from bench.frameworks.side_by_side import Frameworks
from bench.measure.compile_passes import STUDY_METRIC, perform_study
from bench.measure.environment import capture
from bench.measure.first_call import OF_MACHINE, OF_PROGRAM
from bench.measure.passes import MAIN_METRIC, perform
from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.measure.turn_passes import groups, perform_in_turns, title
from bench.modes import torch_compile
from bench.records.errors import Death
from bench.records.files import Writer
from bench.records.record import Case, Environment, Record
from bench.runs.fresh import PROFILER, Launcher, see_off
from bench.runs.layouts import draw
from bench.runs.resume import check_same, done_by, failed_in, layouts_of
from bench.runs.world import measured_by_ranks
from workloads.base import WORKLOADS

TIMED = "time"
FIRST_CALL = "cold"  # of generated programs, as a compile study has it
COUNTED = ("memory", "work")
FIRST_LAUNCH = (TIMED, *COUNTED)
LATER_LAUNCHES = (TIMED,)
COMPILER, KEYS, VISION = "bench.preload.compiler", "bench.preload.keys", "bench.preload.vision"
SEEDED = ("training",)  # the passes of workloads that are run until they reach a target


@dataclass(frozen=True, slots=True)
class Plan:
    """A run's name, its cases, how often each is measured in a fresh process, and for how long.

    seeds: how many processes a case of a workload with seeds has; None for as many as the workload says.
    limit_s: seconds that the whole run may take, where not launches are counted but what is known decides.
    before: what was measured already by this run, before it ended early; begun_in: in which environments.
    """

    run: str
    cases: Sequence[Case]
    launches: int = 3
    budget: Budget = field(default_factory=Budget)
    timeout_s: float = 300.0
    module: str | None = None
    seeds: int | None = None
    limit_s: float | None = None
    before: Sequence[Record] = ()
    begun_in: Sequence[Environment] = ()


class Session:
    """What lasts as long as a run: the launcher, the compilers' folders, environments by device, and the writer."""

    def __init__(self, plan: Plan, writer: Writer) -> None:
        self.plan, self.writer = plan, writer
        self.launcher = Launcher(plan.timeout_s)
        self.environments: dict[str, Environment] = {}
        self.caches = Path(tempfile.mkdtemp(prefix="torchpace-caches-"))
        self.frameworks = Frameworks(plan.timeout_s, str(self.caches / "frameworks"))
        self.layout: int | None = None
        self._layouts = layouts_of(plan.before)
        self._compiled: set[Case] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.frameworks.close()
        see_off()
        shutil.rmtree(self.caches, ignore_errors=True)

    def environment_of(self, device: str) -> Environment:
        """The environment of measurements on a device, captured when it is first asked for."""
        if device not in self.environments:
            method = DEVICES[device].start_method
            found = self.launcher.call(method, capture, device, self.plan.module)
            ids = {record.environment for record in self.plan.before if record.case.device == device}
            check_same(found, [environment for environment in self.plan.begun_in if environment.id in ids])
            self.environments[device] = found
        return self.environments[device]

    def lay_out(self, cases: Sequence[Case], is_first: bool = True) -> None:
        """Have the processes of these cases forked in a layout of memory that no earlier ones had, if that can be.

        is_first: whether steps are counted there, and first calls of compiled programs told; else these may be faster.
        """
        if lay_out(self.launcher, cases, self._layouts, is_first):
            self.layout = self._layouts
        self._layouts += 1

    def stored(self, found: Sequence[Record]) -> list[Record]:
        """The records with the run's name and environment, written down."""
        if not found:
            return []
        environment = self.environment_of(found[0].case.device)
        records = [replace(record, run=self.plan.run, environment=environment.id) for record in found]
        self.writer.add(environment, records)
        return records

    def attempt(self, cases: Sequence[Case], name: str, launch: int, number: int) -> list[Record]:
        """The records of a pass of some cases in one process; `number` is that of their group."""
        tasks = [task_for(self.plan, case, name, launch, self.caches / str(number)) for case in cases]
        if cases[0].framework:
            return self.frameworks.measured(tasks)
        with self._lock:  # the next pass of the same program finds it compiled
            cold = [task.case not in self._compiled and name in (TIMED, FIRST_CALL) for task in tasks]
            self._compiled |= {task.case for task in tasks}
        found = measured(self.launcher, *[replace(task, cold=own) for task, own in zip(tasks, cold, strict=True)])
        found += [record for task in tasks for record in first_again(self.launcher, task, found)]
        forked = DEVICES[cases[0].device].start_method == "forkserver" and not cases[0].is_apart
        return [replace(record, layout=self.layout) for record in found] if forked else found

    def measure(self, cases: Sequence[Case], name: str, launch: int, number: int) -> list[Record]:
        """Likewise, written down."""
        self.environment_of(cases[0].device)
        return self.stored(self.attempt(cases, name, launch, number))


def first_again(launcher: Launcher, task: Task, found: Sequence[Record]) -> list[Record]:
    """The first call of a program once more, where it was also the first of the machine."""
    if not any(record.case == task.case and record.metric == OF_MACHINE for record in found):
        return []
    again = measured(launcher, replace(task, measure=FIRST_CALL, cache=f"{task.cache}-again", cold=True))
    return [record for record in again if record.case == task.case and record.metric == OF_PROGRAM and record.values]


def lay_out(launcher: Launcher, cases: Sequence[Case], number: int, is_first: bool = True) -> bool:
    """Have the processes of these cases forked in the layout of memory of this number, if that can be.

    A number's layout is the same in every run, so that two runs of the same code do not differ by the luck of theirs.
    """
    forked = [case for case in cases if DEVICES[case.device].start_method == "forkserver" and not case.is_apart]
    compile, read = any(torch_compile.generates(case.mode) for case in forked), any(map(reads_digits, forked))
    later = [KEYS] if compile and not is_first else []
    imports = [COMPILER] * compile + [PROFILER] * (is_first and not compile) + [VISION] * read + later
    try:
        return bool(forked) and launcher.lay_out(draw(random.Random(number)), imports)
    except Death:  # the launches will say it, each for itself
        return False


def reads_digits(case: Case) -> bool:
    """Whether the case's workload reads them, which takes torchvision."""
    return getattr(WORKLOADS.get(case.workload), "data", "") == "mnist"


def execute(plan: Plan, writer: Writer, show_progress: bool = True) -> Iterator[Record]:
    """Measure the plan, storing and giving back every record. Later launches skip what failed in the first."""
    failed, done = failed_in(plan.before, TIMED), done_by(plan.before)
    total = sum(len(passes(plan, case, launch)) for case in plan.cases for launch in range(rounds(plan)))
    with (
        Session(plan, writer) as session,
        tqdm(total=total, unit="pass", disable=not show_progress, dynamic_ncols=True) as bar,
    ):
        for launch in range(rounds(plan)):
            session.lay_out(plan.cases)
            for number, name, cases in steps_of(plan, launch):
                going = [case for case in cases if case not in failed and (case, name, launch) not in done]
                bar.set_description_str(title(going or cases))
                if going:
                    records = session.measure(going, name, launch, number)
                    yield from records
                    if name == TIMED:
                        failed |= {record.case for record in records if record.status != "measured"}
                bar.update(len(cases))


def steps_of(plan: Plan, launch: int) -> Iterator[tuple[int, str, list[Case]]]:
    """What a launch consists of: a group's number, a pass, and the cases measured by it in the same process.

    For their times these are the rungs of a ladder or the modes of a step, and else one case.
    """
    for number, cases in enumerate(groups(plan.cases)):
        for name in passes(plan, cases[0], launch):
            for some in [cases] if name == TIMED else [[case] for case in cases]:
                yield number, name, some


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
    if case.is_apart:
        return LATER_LAUNCHES
    own = FIRST_LAUNCH if launch == 0 else LATER_LAUNCHES
    return (*own, "latency") if has_latency(case) else own


def has_latency(case: Case) -> bool:
    """Whether single calls of the case are timed, too."""
    return bool(getattr(WORKLOADS.get(case.workload), "latency", False))


def task_for(plan: Plan, case: Case, measure: str, launch: int, cache: Path) -> Task:
    """The task of one pass; a case's passes share a folder for compilers, which only the very first finds empty."""
    return Task(case, measure, launch, plan.budget, str(cache), cold=False, module=plan.module)


def measured(launcher: Launcher, *tasks: Task) -> list[Record]:
    """The records of a task, or of tasks that take turns in one process; a missing device needs no process.

    A process's death is a record, too. Of several tasks it says not which one killed it: each is then measured alone.
    """
    device = DEVICES[tasks[0].case.device]
    metric = {**MAIN_METRIC, **STUDY_METRIC}[tasks[0].measure]
    blanks = [Record("", "", task.case, metric, launch=task.launch) for task in tasks]
    reason = device.unavailable_reason()
    if reason:
        return [replace(blank, status="unavailable", reason=reason) for blank in blanks]
    if tasks[0].case.ranks:
        return measured_by_ranks(tasks, launcher.timeout_s)
    try:
        if len(tasks) == 1:
            function = perform_study if tasks[0].measure in STUDY_METRIC else perform
            return launcher.call(device.start_method, function, tasks[0])
        return Launcher(len(tasks) * launcher.timeout_s).call(device.start_method, perform_in_turns, tasks)
    except Death as death:
        if len(tasks) == 1:
            return [replace(blank, status="broken", reason=death.reason) for blank in blanks]
    alone = [replace(task, cache=f"{task.cache}-alone") for task in tasks]
    return [record for task in alone for record in measured(launcher, task)]
