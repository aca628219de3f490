"""Takes a case's profile into a folder, pass by pass, each in a fresh process."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bench.devices import DEVICES
from bench.measure.profile_passes import PASSES, perform
from bench.measure.task import Task
from bench.ranks.launch_folder import trace_of
from bench.records.errors import Death
from bench.records.profile_notes import FILE, MEMORY, STACKS, TIMELINE, Notes
from bench.records.record import Case
from bench.runs.fresh import Launcher
from bench.runs.world import Failed, profiled_by_ranks

TRACES_OF_RANKS = "rank-*.json.gz"


@dataclass(frozen=True, slots=True)
class Profiled:
    """A profile that was taken into a folder: its notes, or why there are none."""

    case: Case
    notes: Notes | None
    reason: str = ""


def take(launcher: Launcher, task: Task, notes: Notes, folder: Path, tick: Callable[[], object]) -> Profiled:
    """Take every pass of a case into the folder; `tick` is called after each. The first must work."""
    folder.mkdir(parents=True, exist_ok=True)
    method = DEVICES[task.case.device].start_method
    missing: dict[str, str] = {}
    for name in (FILE, TIMELINE, STACKS, MEMORY):  # of an earlier profile
        (folder / name).unlink(missing_ok=True)
    for name in PASSES:
        try:
            found, reason = launcher.call(method, perform, replace(task, measure=name), str(folder))
        except Death as death:
            found, reason = {}, death.reason
        tick()
        if reason:
            missing[name] = reason
            if name == "timeline":
                with contextlib.suppress(OSError):  # it holds what is not ours
                    folder.rmdir()
                return Profiled(task.case, None, reason)
        notes = replace(notes, **found)
    return Profiled(task.case, replace(notes, missing=missing))


def take_ranks(task: Task, notes: Notes, folder: Path, timeout_s: float) -> Profiled:
    """Have each rank of a case record its steps into the folder: rank-0.json.gz and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(TRACES_OF_RANKS):
        old.unlink()

    def keep(launched: Path) -> None:
        for rank in range(task.case.ranks):
            shutil.copyfile(trace_of(launched, 0, rank), folder / TRACES_OF_RANKS.replace("*", str(rank)))

    try:
        profiled_by_ranks([task], timeout_s, keep)
    except (Failed, Death) as error:
        with contextlib.suppress(OSError):
            folder.rmdir()
        return Profiled(task.case, None, error.reason)
    return Profiled(task.case, notes)


def copy_for_tensorboard(folder: Path, top: Path, label: str) -> None:
    """Put the timeline where TensorBoard with torch-tb-profiler looks for it: a folder per run."""
    place = top / "tensorboard" / label
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / TIMELINE, place / "torchpace.pt.trace.json.gz")
