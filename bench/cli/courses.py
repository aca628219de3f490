"""Along which axis `torchpace scale` measures what: from what its options say to cases. Measures nothing."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.cli.options import choose_devices
from bench.records.errors import UsageError
from bench.records.points import Value, parse_value

if TYPE_CHECKING:
    from bench.runs.along.doubling import Along
    from workloads.base import Workload


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of an axis: to double from `first`, or the smallest there is, up to `last`; or these values."""

    axis: str
    values: tuple[Value, ...] = ()
    doubles: bool = False
    last: Value | None = None

    @property
    def is_course(self) -> bool:
        """Whether it is to be measured along this axis, and not at one value of it."""
        return self.doubles or len(self.values) > 1


def asked(text: str) -> Asked:
    """'size', 'size=64:', 'size=64:4096', 'size=64,128' or 'batch=8'; for argparse."""
    axis, equals, said = text.partition("=")
    if not axis or (equals and not said):
        raise argparse.ArgumentTypeError(f"{text!r} is not AXIS, AXIS=FIRST:, AXIS=FIRST:LAST or AXIS=VALUE[,VALUE...]")
    if not equals:
        return Asked(axis, doubles=True)
    first, colon, last = said.partition(":")
    ends = [parse_value(end) for end in (first, last) if end]
    if colon and ends and not any(isinstance(end, str) for end in ends):
        if not first or not all(map(is_size, ends)):
            raise argparse.ArgumentTypeError(f"{text!r}: sizes double from a number above 0, up to another one")
        return Asked(axis, (ends[0],), True, ends[1] if last else None)
    return Asked(axis, tuple(dict.fromkeys(parse_value(value) for value in said.split(","))))


def is_size(value: Value) -> bool:
    """Whether something can grow along it: a number above 0."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf


def along_of(options: argparse.Namespace, workloads: Mapping[str, Workload]) -> Along:
    """What is measured along which axis. Raises UsageError for what cannot be."""
    from bench.modes.torch_compile import MODES  # noqa: PLC0415 - these import torch
    from bench.records.record import RANKS, Case  # noqa: PLC0415
    from bench.runs.along.doubling import Along  # noqa: PLC0415
    from bench.runs.plan import choose  # noqa: PLC0415
    from workloads.base import FLOAT_DTYPES  # noqa: PLC0415

    (name,) = choose("workload", [options.name], workloads)
    workload = workloads[name]
    choose(f"{name}: axis", [each.axis for each in options.axis], workload.axes)
    course = course_of(options.axis, workload)
    point = {**workload.points[0], **{each.axis: each.values[0] for each in options.axis if each.axis != course.axis}}
    point[course.axis] = course.values[0]
    if RANKS in point or workload.seeds:
        raise UsageError(f"{name} is not timed step by step in one process; `torchpace run` measures it")
    modes = choose("mode", options.mode, MODES) or list(workload.default_modes)
    (dtype,) = choose("dtype", [options.dtype], FLOAT_DTYPES)
    cases = [
        Case(name, workload.version, tuple(point.items()), device_of(options.device), dtype, mode, options.threads)
        for mode in modes
    ]
    return Along(cases, course.axis, course.values, not course.doubles, course.last)


def course_of(axes: Sequence[Asked], workload: Workload) -> Asked:
    """The axis along which is measured, with a value to begin with. Raises UsageError."""
    names = [each.axis for each in axes]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"axis {twice[0]} is given twice; give it once, with all of its values")
    courses = [each for each in axes if each.is_course]
    if len(courses) != 1:
        own = next((axis for axis in workload.axes), "size")
        given = " and ".join(each.axis for each in courses)
        why = f"{given} are {len(courses)}" if given else "one value only fixes an axis"
        raise UsageError(
            f"give one axis to measure along, such as --axis {own}, --axis {own}=64: or --axis {own}=64,128,256; {why}"
        )
    course = courses[0]
    values = course.values or tuple(sorted(filter(is_size, workload.axes[course.axis]), key=float))[:1]
    wrong = [value for value in values or workload.axes[course.axis] if not is_size(value)]
    if wrong or not values:
        raise UsageError(
            f"{course.axis}={wrong[0]} of {workload.name} is no number above 0: nothing can be doubled there"
        )
    return replace(course, values=values)


def device_of(name: str | None) -> str:
    """The one device that is measured on: a GPU if there is one, unless another was asked for."""
    from bench.runs.along.doubling import present  # noqa: PLC0415 - imports torch

    if name and "," in name:
        raise UsageError("a course is measured on one device; run it once for each")
    if name and name != "auto":
        return choose_devices([name])[0]
    found = [each for each in choose_devices(["auto"]) if present(each)]
    return next((each for each in found if each != "cpu"), "cpu")
