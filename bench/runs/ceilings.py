"""Which probes find a machine's ceilings, and how large each can be made within its time.

A probe is a case of workloads/ceilings.py, measured by the ordinary path in fresh processes. Its first process only
tries: how large a product fits the budget is found there, because a type that the hardware lacks can be a hundred times
slower than one that it has.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from bench.devices import DEVICES
from bench.measure.environment import capture
from bench.measure.task import Task, setup_on
from bench.measure.timer import Budget, Clock, block_time
from bench.modes.enter import entered
from bench.modes.torch_compile import MODES
from bench.records.errors import Death, describe
from bench.records.files import Writer
from bench.records.points import text_of
from bench.records.record import Case, Environment, Record
from bench.runs.fresh import Launcher
from bench.runs.run import measured
from workloads.base import WORKLOADS, Point, Unavailable, Workload, load_suite

LAUNCHES = 3  # fresh processes per probe: two or more give an interval
STEPS_PER_LAUNCH = 10  # at least: three answers, calibrating, three values, and one to check
GROWTH = 8  # how many times the work of a product grows from one size to the next
COLD = 20  # how many times as long a first call may take, which readies libraries,
COLD_S = 1.0  # or how long, whatever it is allowed later: cuBLAS took 0.13 s of an H200
WARM_UP_SHARE = 0.2  # of a launch's time
START_S = 60.0  # a process has so long to start, build its step and check its answers before it counts as hung
HANGS = 10  # times the budget, likewise
LEAST_S = 0.05  # of a probe
MATMUL = "ceilings.matmul"
PRODUCTS = (MATMUL, "ceilings.matmul_tf32")  # of these a size is chosen
MEMORY_SHARE = 4  # a working set may be this part of the machine's memory


@dataclass(frozen=True, slots=True)
class Choice:
    """The point of a probe that is to be measured, or why there is none."""

    point: Point | None
    reason: str = ""


def probes(device: str, dtypes: Sequence[str], threads: int) -> list[tuple[Case, ...]]:
    """The probes of a device, each as its candidates in order of size; of several, the fastest is measured."""
    workloads = [workload for name, workload in load_suite().items() if name.startswith("ceilings.")]
    found: list[tuple[Case, ...]] = []
    for workload in workloads:
        for dtype in dtypes if workload.name == MATMUL else ("float32",):
            cases = tuple(case_at(workload, point, device, dtype, threads) for point in workload.points)
            found += [cases] if workload.name in PRODUCTS else [(case,) for case in cases]
    return found


def case_at(workload: Workload, point: Point, device: str, dtype: str, threads: int) -> Case:
    """The eager case of a workload at a point."""
    return Case(workload.name, workload.version, tuple(point.items()), device, dtype, "eager", threads)


def climb(
    points: Sequence[Point], build: Callable[[Point], tuple[Callable[[], object], int]], clock: Clock, allowed_s: float
) -> Choice:
    """The point with the most items per second among those whose step takes at most `allowed_s`.

    `build` gives a step at a point and its items. Points are tried in order, until the next would take too long.
    """
    best, best_rate = None, 0.0
    for point in points:
        run, items = build(point)
        first_s = block_time(run, 1, clock)
        step_s = (
            first_s if first_s > max(COLD * allowed_s, COLD_S) else min(block_time(run, 1, clock) for _ in range(3))
        )
        if step_s > allowed_s:
            if best is None:
                return Choice(
                    None, f"a trial at {text_of(point.items())} took {step_s:.3g} s, too long for the budget (--budget)"
                )
            break
        if items / step_s > best_rate:
            best, best_rate = point, items / step_s
        if step_s * GROWTH > allowed_s:
            break
    return Choice(best)


def scout(cases: Sequence[Case], allowed_s: float) -> Choice:
    """In a fresh process: which of the cases to measure."""
    first = cases[0]
    device = DEVICES[first.device]
    load_suite()
    workload = WORKLOADS[first.workload]

    def build(point: Point) -> tuple[Callable[[], object], int]:
        step = workload.build(setup_on(device, first.dtype, MODES["eager"]), **point)
        return step.run, step.items

    try:
        with entered("eager", first.threads):
            return climb([dict(case.point) for case in cases], build, device.clock, allowed_s)
    except Unavailable as why:
        return Choice(None, str(why))
    except Exception as error:  # a device refuses a type in ways of its own
        return Choice(None, describe(error))


def too_large(case: Case, environment: Environment) -> str:
    """Why the case's working set is not to be had here; empty where it is."""
    known = environment.get("gpu_memory_bytes") if case.device != "cpu" else environment.get("memory_bytes")
    wanted = dict(case.point).get("working_set")
    if isinstance(known, int) and isinstance(wanted, int) and wanted > known / MEMORY_SHARE:
        return f"a working set of {wanted} bytes is more than a quarter of the memory ({known} bytes)"
    return ""


def begin(device: str) -> None:
    """In a fresh process: do what any probe does first."""
    load_suite()
    torch.ones(8, device=DEVICES[device].torch_device()).sum()
    DEVICES[device].synchronize()


class Prober:
    """Measures probes, each within `budget_s` seconds, and kills those that hang."""

    def __init__(self, run: str, budget_s: float = LEAST_S) -> None:
        self.run = run
        self.launcher = Launcher(START_S)
        self.start_s = 0.0  # what a process needs for that; it is part of the time that is given
        self.allow(budget_s)

    def allow(self, budget_s: float) -> None:
        """Give each probe so many seconds, processes' starts not counted."""
        self.budget_s = budget_s
        self.launcher.timeout_s = START_S + HANGS * budget_s

    def divide(self, whole_s: float, probes: int) -> None:
        """Share a time out among so many probes, processes' starts counted."""
        self.allow(max(LEAST_S, whole_s / probes - LAUNCHES * self.start_s))

    def environment(self, device: str) -> Environment:
        """Where the probes are measured. Raises Death when no process can be started."""
        method = DEVICES[device].start_method
        found: Environment = self.launcher.call(method, capture, device, None)
        started_s = time.monotonic()
        self.launcher.call(method, begin, device)  # the first had to wait for imports, maybe
        self.start_s = max(self.start_s, time.monotonic() - started_s)
        return found

    def chosen(self, cases: Sequence[Case], environment: Environment) -> Case | Record:
        """Which of a probe's candidates to measure; or the record that says why none."""
        case, reason = cases[0], too_large(cases[0], environment)
        if len(cases) > 1:
            choice = self.scouted(cases)
            if choice.point is None:
                reason = choice.reason
            else:
                case = replace(case, point=tuple(choice.point.items()))
        if not reason:
            return case
        return Record(self.run, environment.id, case, "step_time", status="unavailable", reason=reason)

    def launch(self, case: Case, environment: Environment, number: int) -> Record:
        """What one process finds."""
        records = measured(self.launcher, Task(case, "time", number, self.budget()))
        (record,) = (record for record in records if record.metric == "step_time")
        why = record.reason.replace(" (--timeout)", "")  # this command's limit follows from its budget
        return replace(record, run=self.run, environment=environment.id, reason=why)

    def scouted(self, cases: Sequence[Case]) -> Choice:
        """What the trial says; its death is an answer, too."""
        device = DEVICES[cases[0].device]
        try:
            found: Choice = self.launcher.call(
                device.start_method, scout, cases, self.budget_s / LAUNCHES / STEPS_PER_LAUNCH
            )
        except Death as death:
            return Choice(None, f"the trial failed: {death.reason.replace(' (--timeout)', '')}")
        return found

    def budget(self) -> Budget:
        """A launch's share of the probe's time."""
        share_s = self.budget_s / LAUNCHES
        return Budget(warm_up_s=WARM_UP_SHARE * share_s, sample_s=(1 - WARM_UP_SHARE) * share_s, max_values=1000)


def measure_ceilings(
    prober: Prober, environment: Environment, planned: Sequence[Sequence[Case]], writer: Writer
) -> Iterator[Record]:
    """Measure the probes, storing each process's record as soon as there is one.

    Each round goes through all probes, so that the processes of a probe are spread over the whole time: what disturbs
    the machine for some seconds then disturbs one of them.
    """
    going: list[Case] = []
    for cases in planned:
        choice = prober.chosen(cases, environment)
        if isinstance(choice, Record):
            writer.add(environment, [choice])
            yield choice
        else:
            going.append(choice)
    for number in range(LAUNCHES):
        for case in list(going):
            record = prober.launch(case, environment, number)
            writer.add(environment, [record])
            yield record
            if record.status != "measured":
                going.remove(case)


def measured_whole(records: Iterable[Record]) -> set[Case]:
    """The cases that some run measured in all of its processes, or found that it could not measure."""
    counts: Counter[tuple[Case, str]] = Counter()
    for record in records:
        counts[record.case, record.run] += 1 if record.status == "measured" else LAUNCHES
    return {case for (case, _), count in counts.items() if count >= LAUNCHES}
