"""A whole profile, ready to be shown: everything that the sections of a report say of one case or of one trace.

A part that is not there is None, and `missing` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.records.profile_notes import FILE, MEMORY, STACKS, TIMELINE, Notes, read_notes
from reports.format import units
from reports.profiles.shape.breakdown import Breakdown, by_activity, by_device, by_phase, while_waiting, worked
from reports.profiles.shape.communication import communicates, communication_table
from reports.profiles.shape.flame import Box, boxes, flame_of, nest_all
from reports.profiles.shape.launches import Launches, launches_of, unowned, unseen_graphs, with_devices
from reports.profiles.shape.memory import MemoryProfile, allocated_by_operator, memory_profiles
from reports.profiles.shape.merged import parted
from reports.profiles.shape.modules import ModuleTree, add_flops, add_memory, module_tree
from reports.profiles.shape.nesting import NONE
from reports.profiles.shape.operators import calls_table, kernel_table, nest_operators, operator_table, without_operator
from reports.profiles.shape.timeline import Timeline, timeline_of
from reports.profiles.shape.windows import Steps, every, marks_elsewhere, steps_of
from reports.profiles.trace.reading import Trace, read_trace

NO_STACKS = "the trace has no stacks; take it with with_stack=True"
COVERED = 0.9  # of the time from the first step to the last that steps take: what lies between is worth saying
NO_MODULES = "no module was called"
NO_MEMORY = "the trace has no allocations; take it with profile_memory=True"


@dataclass(frozen=True, slots=True)
class Profile:
    """One case's profile, or that of one rank's trace made elsewhere.

    waited: what devices did meanwhile, by wait for them. worked: what a rank does besides waiting for others. step_s:
    seconds per step without the profiler; None when not measured. sources: the files it was made from.
    unseen_graphs: launches of graphs in the steps whose kernels the trace does not hold.
    """

    title: str
    sources: Sequence[Path]
    steps: Steps
    phases: Breakdown
    activities: Breakdown | None
    waited: Breakdown | None
    worked: Breakdown | None
    by_device: Mapping[str, Breakdown]
    communication: pd.DataFrame
    operators: pd.DataFrame
    by_shape: pd.DataFrame
    kernels: pd.DataFrame
    timeline: Timeline
    flame: Sequence[Box] = ()
    modules: ModuleTree | None = None
    memories: Sequence[MemoryProfile] = ()
    allocated: Mapping[str, float] = field(default_factory=dict)  # bytes per step by operator
    notes: Notes | None = None
    rank: int | None = None
    ranks: int | None = None  # of the job
    devices: Sequence[str] = ()
    recorded_ns: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # lengths of all steps
    unseen_graphs: int = 0
    missing: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    @property
    def memory(self) -> MemoryProfile | None:
        """The memory of the device with the highest peak."""
        return max(self.memories, key=lambda each: each.peak_bytes, default=None)

    @property
    def step_s(self) -> float | None:
        """Seconds per step without the profiler."""
        return median(self.notes.step_values_s) if self.notes and self.notes.step_values_s else None


def profile_folders(path: Path) -> list[Path]:
    """The folders at or directly below a path that hold a profile, in order of their names."""
    if (path / FILE).is_file():
        return [path]
    return sorted(found.parent for found in path.glob(f"*/{FILE}"))


Choice = Callable[[Steps], NDArray[np.bool_]]  # which steps a profile is of


def read_profile(folder: Path, chosen: Choice = every) -> Profile:
    """The profile in a folder that `torchpace profile` wrote. Raises TraceError, StoringError."""
    notes = read_notes(folder)
    case = notes.case
    others = [case.dtype] * (case.dtype != "float32") + [f"{case.threads} threads"] * (case.threads != 1)
    title = " ".join([case.label, case.device, case.mode, *others])
    timeline = read_trace(folder / TIMELINE)
    stacks = read_trace(folder / STACKS) if "stacks" not in notes.missing else None
    memory = read_trace(folder / MEMORY) if "memory" not in notes.missing else None
    return make(title, timeline, stacks, memory, notes, chosen)


def read_foreign(path: Path, step_mark: str = "", chosen: Choice = every, name: str = "") -> list[Profile]:
    """The profile in a trace made elsewhere, or those of all processes in it. Raises TraceError.

    step_mark: a GLOB of what is a step there. name: what it is called, where another one has the file's name.
    """
    found = []
    for trace in parted(read_trace(path, step_mark)):
        rank = "" if trace.rank is None else f" (rank {trace.rank})"
        found.append(make((name or path.name) + rank, trace, trace, trace, None, chosen))
    return found


def make(
    title: str, trace: Trace, stacks: Trace | None, memory: Trace | None, notes: Notes | None, chosen: Choice
) -> Profile:
    """Every part of the profile that the traces allow, of the chosen steps."""
    steps, launches, left_out, recorded_ns = shown_steps(trace, chosen)
    windows = (steps.begin, steps.end)
    nested = nest_operators(trace)
    calls = calls_table(trace, steps, nested, launches)
    collective = communicates(trace, nested, launches)
    nobodys_s = without_operator(trace, calls, launches)
    missing = dict(notes.missing) if notes else {}
    flame: Sequence[Box] = ()
    modules = None
    if stacks is not None and (stacks.events["category"] == "python_function").any():
        stacked_steps = steps_of(stacks)
        flame, modules = called(stacks, stacked_steps.kept(chosen(stacked_steps)) if notes else steps, notes)
        if modules is None:
            missing["modules"] = NO_MODULES
    else:
        missing.setdefault("stacks", NO_STACKS)
        missing["modules"] = missing["stacks"]
    if modules is not None:
        measured(modules, notes, memory)
    remembered = memories_of(memory, notes) if memory is not None else []
    if not remembered:
        missing.setdefault("memory", NO_MEMORY)
    return Profile(
        title=title, sources=[t.path for t in dict.fromkeys(filter(None, (trace, stacks, memory)))],
        steps=steps, phases=by_phase(trace, steps, nested), activities=by_activity(trace, windows, collective),
        waited=while_waiting(trace, steps, collective), worked=worked(trace, steps, nested),
        by_device=by_device(trace, steps, collective, launches.rows[launches.steps != NONE]),
        communication=communication_table(trace, steps, launches, collective),
        operators=operator_table(calls, steps, nobodys_s=nobodys_s),
        by_shape=operator_table(calls, steps, ("name", "shapes")),
        kernels=kernel_table(trace, steps, launches), timeline=timeline_of(trace, steps), flame=flame, modules=modules,
        memories=remembered, allocated=allocated_by_operator(memory, steps_of(memory)) if memory is not None else {},
        notes=notes, rank=trace.rank, ranks=trace.ranks, devices=trace.devices, recorded_ns=recorded_ns,
        unseen_graphs=unseen_graphs(trace, steps), missing=missing,
        warnings=[*(notes.warnings if notes else ()), *trace.warnings, *left_out],
    )  # fmt: skip


def measured(modules: ModuleTree, notes: Notes | None, memory: Trace | None) -> None:
    """Enter what modules compute and allocate, where it is known."""
    if notes is not None:
        add_flops(modules, notes.module_flops)
    if memory is not None:
        add_memory(modules, memory, steps_of(memory))


def called(stacks: Trace, steps: Steps, notes: Notes | None) -> tuple[Sequence[Box], ModuleTree | None]:
    """The flame graph and the modules of the steps; no modules where none was called."""
    everything = nest_all(stacks)
    names = notes.module_names if notes else {}
    return boxes(flame_of(stacks, steps, everything)), module_tree(stacks, steps, everything, names)


def shown_steps(trace: Trace, chosen: Choice) -> tuple[Steps, Launches, list[str], NDArray[np.int64]]:
    """The chosen steps with what their devices did, in words what is left out, and how long all that there are took."""
    steps = steps_of(trace)
    launches = launches_of(trace, steps)
    steps, warnings = with_devices(steps, trace, launches), unowned(trace, launches)
    if graphs := unseen_graphs(trace, steps):
        launched = "1 graph launch has" if graphs == 1 else f"{graphs} graph launches have"
        warnings.append(f"{launched} no kernels in the trace: what devices did then, and their idle time, is not known")
    span_ns, covered_ns = int(steps.high[-1] - steps.low[0]), int((steps.high - steps.low).sum())
    if covered_ns < COVERED * span_ns:
        between = units.percent(1 - covered_ns / span_ns)
        warnings.append(f"{between} of the time from the first mark to the last is between steps, and in no figure")
    kept = chosen(steps)
    if others := int((~kept).sum()):
        warnings.append(f"{others} of {len(steps.names)} steps, the longest and the shortest, are left out")
    if elsewhere := marks_elsewhere(trace.events):
        warnings.append(f"{elsewhere} marks of steps on other threads, or inside of others, are left out")
    return steps.kept(kept), launches.kept(kept), warnings, steps.lengths


def memories_of(trace: Trace, notes: Notes | None) -> list[MemoryProfile]:
    """The memory of the devices that the case runs on; of a trace made elsewhere, of the kind that allocated most."""
    steps = steps_of(trace)
    if notes is not None:
        known = {int(address): kind for address, kind in notes.addresses.items()}
        held = None if notes.held is None else {int(address): size for address, size in notes.held.items()}
        return memory_profiles(trace, steps, notes.memory_device or 0, known, held is None, held or {})
    if trace.memory.empty:
        return []
    traffic = trace.memory["bytes"].abs().groupby(trace.memory["device_type"]).sum()
    return memory_profiles(trace, steps, int(traffic.index.to_numpy()[traffic.to_numpy().argmax()]))
