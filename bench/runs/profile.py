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
from bench.records.profile_notes import FILE, MEMORY, STACKS, TIMELINE, Notes
from bench.records.record import Case
from bench.runs.fresh import Death, Launcher


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


def copy_for_tensorboard(folder: Path, top: Path, label: str) -> None:
    """Put the timeline where TensorBoard with torch-tb-profiler looks for it: a folder per run."""
    place = top / "tensorboard" / label
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / TIMELINE, place / "torchpace.pt.trace.json.gz")
