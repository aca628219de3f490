"""A compile study: every case eager and compiled in turns, launch by launch, and what compiling made of it.

Stored as soon as it is measured. What the figures mean is for `reports`; whether a case is slower is asked of the
caller, because only slower cases are profiled.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from bench.devices import DEVICES
from bench.measure.compile_passes import LONG_PROFILE, STUDY_METRIC, is_long, perform_study
from bench.measure.environment import capture
from bench.measure.first_call import OF_PROGRAM
from bench.measure.passes import MAIN_METRIC, perform
from bench.measure.task import Task
from bench.modes import torch_compile
from bench.records.errors import Death
from bench.records.files import Writer
from bench.records.record import Case, Environment, Record
from bench.runs.fresh import Launcher
from bench.runs.run import lay_out

COLD_FOLDERS = 2  # first calls with a cache folder of their own, for break-even; one says nothing of how they differ
LATER_METRICS = ("graphs", "graph_breaks", "recompiles", "kernels", "ops", "peak_memory")  # kept of the exact pass
# Kept of the work pass: what a roofline holds a step time against.
WORK_METRICS = ("flops", "arithmetic", "algorithmic_bytes", "touched_bytes", "dispatches")
UNSEEN = "dispatches"  # where they are not known a step is fused, which its record says


@dataclass(frozen=True, slots=True)
class Study:
    """A study's name, its compiled cases, and how often each is measured in a fresh process."""

    run: str
    cases: Sequence[Case]
    launches: int = 3
    timeout_s: float = 300.0
    module: str | None = None


@dataclass(slots=True)
class State:
    """What is known of the study so far: environments by device, and the records of every case."""

    launcher: Launcher
    caches: Path
    environments: dict[str, Environment] = field(default_factory=dict)
    found: dict[Case, list[Record]] = field(default_factory=dict)
    machine: bool = False  # whether there was a first call as on a machine that has compiled nothing


def investigate(
    study: Study, writer: Writer, slower: Callable[[Sequence[Record]], bool], show_progress: bool = True
) -> Iterator[Record]:
    """Measure the study, storing and giving back every record. A case that fails is left; the rest goes on.

    slower: whether a case's records so far say that compiled is slower. Raises Death when no process can be started.
    """
    state = State(Launcher(study.timeout_s), Path(tempfile.mkdtemp(prefix="torchpace-study-")))
    counted: set[tuple[Case, bool]] = set()  # what is the same for every mode is counted once
    total = (study.launches + 2) * len(study.cases)
    try:
        with tqdm(total=total, unit="pass", disable=not show_progress, dynamic_ncols=True) as bar:
            for launch in range(study.launches + 2):
                if launch < study.launches:
                    lay_out(state.launcher, study.cases, launch)
                for number, case in enumerate(study.cases):
                    bar.set_description_str(f"{case.label} {case.device} {case.mode}"[:60].ljust(60))
                    bar.update()
                    if failed(state.found.get(case, ())):
                        continue
                    if launch < study.launches:
                        passes = launch_passes(study, state, case, number, launch, counted)
                    elif launch == study.launches:
                        passes = cold_passes(study, state, case, number, slower)
                    else:
                        passes = profile_passes(study, state, case, number, slower)
                    yield from stored(study, state, writer, case, passes)
    finally:
        shutil.rmtree(state.caches, ignore_errors=True)


def failed(records: Sequence[Record]) -> bool:
    """Whether a case's turns came to nothing in some launch."""
    return any(record.metric == "step_time" and record.status != "measured" for record in records)


def stored(study: Study, state: State, writer: Writer, case: Case, passes: Iterator[list[Record]]) -> Iterator[Record]:
    """The records of a case's passes, named, written and kept as they come."""
    for found in passes:
        if case.device not in state.environments:
            state.environments[case.device] = state.launcher.call(
                DEVICES[case.device].start_method, capture, case.device, study.module
            )
        environment = state.environments[case.device]
        records = [replace(record, run=study.run, environment=environment.id) for record in found]
        writer.add(environment, records)
        state.found.setdefault(case, []).extend(records)
        yield from records


def launch_passes(
    study: Study, state: State, case: Case, number: int, launch: int, counted: set[tuple[Case, bool]]
) -> Iterator[list[Record]]:
    """One launch of a case: its turns and, in the first, what can be counted of either mode and over other sizes."""
    cache = str(state.caches / f"{number}-0")
    turns = Task(case, "turns", launch, cache=cache, cold=launch == 0, module=study.module)
    records = attempted(state.launcher, turns)
    yield records
    if launch > 0 or failed(records):
        return
    plain = replace(case, mode="eager")
    of_dynamo = torch_compile.compiled(case.mode)
    eager_counts, sizes = (plain, False) not in counted, of_dynamo and (plain, True) not in counted
    counted |= {(plain, False), (plain, of_dynamo)}
    # What is counted, not timed, may run at the same time.
    with ThreadPoolExecutor(2) as pool:
        long = is_long(records)
        own = None if long else pool.submit(counts_of, state.launcher, replace(turns, measure="exact"))
        others = pool.submit(of_any_mode, state.launcher, turns, plain, eager_counts and not long, sizes)
        if own:
            yield own.result()
        yield others.result()


def of_any_mode(launcher: Launcher, turns: Task, plain: Case, counts: bool, sizes: bool) -> list[Record]:
    """What is the same for every mode of a case: what the eager step counts, and recompilations over other sizes."""
    eager = counts_of(launcher, replace(turns, measure="exact", case=plain, cache="")) if counts else []
    return [*eager, *attempted(launcher, replace(turns, measure="sizes"))] if sizes else eager


def counts_of(launcher: Launcher, task: Task) -> list[Record]:
    """The exact figures that a study tells, and the work of a step; instructions and outcomes are no part of it."""
    exact = [each for each in attempted(launcher, task) if each.metric in LATER_METRICS or each.status == "broken"]
    if any(each.status == "broken" for each in exact):
        return exact  # once is enough
    work = attempted(launcher, replace(task, measure="work"))
    return exact + [each for each in work if each.metric in WORK_METRICS and (each.values or each.metric == UNSEEN)]


def cold_passes(
    study: Study, state: State, case: Case, number: int, slower: Callable[[Sequence[Record]], bool]
) -> Iterator[list[Record]]:
    """First calls with empty cache folders, besides the one of the first launch; for cases that may break even.

    Of one case, as on a machine that has compiled nothing. A case whose first launch was that has one more.
    """
    found = state.found.get(case, ())
    had = [record for record in found if record.metric == OF_PROGRAM and record.case == case]
    headers = [""] * ((1 if slower(found) else COLD_FOLDERS) - len(had))
    if not state.machine and torch_compile.has_headers(case.mode, case.device):
        state.machine = True
        headers.append(str(state.caches / "headers"))
    for folder, own in enumerate(headers, start=1):
        cache = state.caches / f"{number}-{folder}"
        launch = study.launches + folder - 1
        yield attempted(state.launcher, Task(case, "cold", launch, cache=str(cache), headers=own, module=study.module))
        shutil.rmtree(cache, ignore_errors=True)


def profile_passes(
    study: Study, state: State, case: Case, number: int, slower: Callable[[Sequence[Record]], bool]
) -> Iterator[list[Record]]:
    """Where a step's time goes in either mode, of a case that compiling made slower."""
    found = state.found.get(case, ())
    if not slower(found):
        return
    if is_long([record for record in found if record.launch == 0]):
        yield [Record("", "", case, "operator_time", status="unavailable", reason=LONG_PROFILE)]
        return
    task = Task(case, "operators", cache=str(state.caches / f"{number}-0"), cold=False, module=study.module)
    yield attempted(state.launcher, task)


def attempted(launcher: Launcher, task: Task) -> list[Record]:
    """The task's records; the process's death is one too, and a missing device needs no process."""
    device = DEVICES[task.case.device]
    ours = task.measure in STUDY_METRIC
    metric = (STUDY_METRIC if ours else MAIN_METRIC)[task.measure]
    blank = Record("", "", task.case, metric, launch=task.launch)
    reason = device.unavailable_reason()
    if reason:
        return [replace(blank, status="unavailable", reason=reason)]
    try:
        return launcher.call(device.start_method, perform_study if ours else perform, task)
    except Death as death:
        return [replace(blank, status="broken", reason=death.reason)]
