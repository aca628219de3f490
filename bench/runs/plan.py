"""Which cases a run measures: workloads x points x devices x dtypes x modes. Measures nothing."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from bench.modes.torch_compile import MODES
from bench.records.errors import UsageError
from bench.records.record import Case
from workloads.base import Point, Value, Workload


class SelectionError(UsageError):
    """A selection that cannot be: what was given, and what there is to choose from."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user asked for. Empty `modes` means each workload's default modes; `axes` replaces axis values."""

    globs: Sequence[str] = ()
    devices: Sequence[str] = ("cpu",)
    dtypes: Sequence[str] = ("float32",)
    modes: Sequence[str] = ()
    threads: int = 1
    axes: Mapping[str, Sequence[Value]] = field(default_factory=dict)


def choose(kind: str, wanted: Iterable[str], choices: Iterable[str]) -> list[str]:
    """The wanted names, each once, in order. Raises SelectionError naming the nearest choices."""
    choices, chosen = list(choices), list(dict.fromkeys(wanted))
    for name in chosen:
        if name not in choices:
            raise SelectionError(f"{kind} {name!r} unknown; {nearest(name, choices)}")
    return chosen


def nearest(name: str, choices: Sequence[str]) -> str:
    """All choices when they are few, else those most like `name`."""
    if len(choices) <= 12:
        return f"choose from {', '.join(choices)}"
    close = difflib.get_close_matches(name, choices, n=3, cutoff=0.5)
    close = close or [choice for choice in choices if name.strip("*?") and name.strip("*?") in choice][:3]
    if close:
        return f"did you mean {' or '.join(close)}?"
    return "`torchpace list` shows them all"


def points(workload: Workload, axes: Mapping[str, Sequence[Value]]) -> list[Point]:
    """The workload's points, with the values of `axes` in place of its own on the axes it has."""
    replaced = {axis: values for axis, values in axes.items() if axis in workload.axes}
    found: dict[tuple[tuple[str, Value], ...], None] = {}
    for point in workload.points:
        for values in itertools.product(*replaced.values()):
            found[tuple({**point, **dict(zip(replaced, values, strict=True))}.items())] = None
    return [dict(point) for point in found]


def cases(workloads: Mapping[str, Workload], selection: Selection) -> list[Case]:
    """The selected cases, a point's modes next to each other; without globs, those of the default suite.

    Raises SelectionError for a glob that matches nothing, or an axis that no selected workload has.
    """
    for workload in workloads.values():
        choose(f"{workload.name}: mode", workload.default_modes, MODES)
    unused_globs, unused_axes = set(selection.globs), set(selection.axes)
    planned: list[Case] = []
    if not selection.globs:
        workloads = {name: workload for name, workload in workloads.items() if in_default_suite(workload)}
    for workload, device, dtype in itertools.product(workloads.values(), selection.devices, selection.dtypes):
        for point in points(workload, selection.axes):
            for mode in selection.modes or workload.default_modes:
                case = Case(
                    workload.name, workload.version, tuple(point.items()), device, dtype, mode, selection.threads
                )
                hits = {glob for glob in selection.globs if matches(case, glob)}
                if selection.globs and not hits:
                    continue
                unused_globs -= hits
                unused_axes -= set(point)
                planned.append(case)
    if unused_globs:
        glob = sorted(unused_globs)[0]
        raise SelectionError(f"no workload matches {glob!r}; {nearest(glob, list(workloads))}")
    if unused_axes:
        known = sorted({axis for workload in workloads.values() for axis in workload.axes})
        axis = sorted(unused_axes)[0]
        raise SelectionError(f"no selected workload has an axis {axis!r}; {nearest(axis, known)}")
    return planned


def in_default_suite(workload: Workload) -> bool:
    """Whether the workload is measured when none is named; those of before there was a choice are."""
    return getattr(workload, "default", True)


def matches(case: Case, glob: str) -> bool:
    """Whether the glob names the case's workload, or its workload with its point."""
    return fnmatchcase(case.workload, glob) or fnmatchcase(case.label, glob.replace(", ", ","))
