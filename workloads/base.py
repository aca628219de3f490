"""What a workload is: one step of work, built anew for every case.

Knows nothing of clocks, repetitions or reports. `Setup`, `Step` and `Workload` are the seam between
revisions: today's ruler measures last month's workloads, so a new field here gets a default and an old
one keeps its meaning.
"""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

Value: TypeAlias = str | int | float | bool
Point: TypeAlias = Mapping[str, Value]
Builder: TypeAlias = Callable[..., "Step"]

F = TypeVar("F")
M = TypeVar("M", bound=nn.Module)

FLOAT_DTYPES = ("float32", "bfloat16", "float16")


# The tensors that setups drew and somebody still holds, by identity: what a step reads, for whoever asks it afterwards.
DRAWN: weakref.WeakValueDictionary[int, Tensor] = weakref.WeakValueDictionary()


class Unavailable(Exception):
    """Raised by a builder when a case cannot exist here; its text completes 'not available, because ...'."""


class WrongAnswer(Exception):
    """Raised by a check when a step computed something else than it should have."""


def leave_as_is(function: F) -> F:
    """The compiler of eager mode: gives back what it was given."""
    return function


@dataclass(frozen=True, slots=True)
class Setup:
    """Where and how a step is built. `compile` wraps the part of a step that torch.compile may take over.

    tolerance: the relative error of an answer that the mode's own rounding explains; None where its dtype decides.
    convolution_tolerance: likewise of an answer that convolutions made, on a device that rounds what they are given.
    has_float64: whether the device computes in double precision.
    group: of a case with ranks, the process group of those that take part; None of any other.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    compile: Callable[[Any], Any] = leave_as_is
    seed: int = 0
    tolerance: float | None = None
    convolution_tolerance: float | None = None
    has_float64: bool = True
    group: Any = None

    def randn(self, *shape: int) -> Tensor:
        """Standard normal numbers, drawn on the CPU in float32 so that every device and dtype gets the same."""
        drawn = torch.randn(*shape).to(self.device, self.dtype)
        DRAWN[id(drawn)] = drawn
        return drawn

    def randint(self, high: int, *shape: int) -> Tensor:
        """Whole numbers from 0 to below `high` in int64, such as tokens and labels; on every device the same."""
        return torch.randint(high, shape).to(self.device)

    def place(self, module: M) -> M:
        """The module on this setup's device and in its dtype."""
        return module.to(self.device, self.dtype)


@dataclass(frozen=True, slots=True)
class Step:
    """One step, ready to run.

    run: enqueues one step and returns its answer; every call does the same amount of work and never
        synchronizes by itself.
    items: items processed per step, in the unit that the workload names.
    check: raises `WrongAnswer` when an answer is wrong; it is given the first, and the last after timing. A step that
        has neither this nor `check_first` is measured, with a warning.
    check_first: likewise, given the first three answers in order, for steps whose answers change as they train.
    resized: makes, for a number of items, the call of the same compiled function on a batch of that size.
    outcome: trains from scratch and returns what came of it, such as {"accuracy": 0.97} (unit 1).
    random: the answer depends on random numbers drawn while running (dropout).
    data: the data set the step reads, in words; empty when it makes its own numbers.
    tested: how many test samples the outcome's accuracy is a share of; 0 where it is not said.
    inputs: the tensors that it reads, in which other numbers may be drawn after it was timed, to see that it computes;
        by default those that both run and check hold.
    target: where answers are accuracies, the one at which training is done; cap: after how many steps it is given up.
    """

    run: Callable[[], Tensor]
    items: int = 1
    check: Callable[[Tensor], None] | None = None
    outcome: Callable[[], Mapping[str, float]] | None = None
    random: bool = False
    data: str = ""
    check_first: Callable[[Sequence[Tensor]], None] | None = None
    resized: Callable[[int], Callable[[], Tensor]] | None = None
    tested: int = 0
    target: float | None = None
    cap: int = 0
    inputs: Sequence[Tensor] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """A named family of steps: one builder, and the points at which it is measured.

    A point that says how many `ranks` it has is run in as many processes, each of which builds the step and calls it.

    not_compiled: why torch.compile has nothing to do here; empty where it has.
    default_modes: the modes the default suite measures.
    data: the data set it needs ("mnist"), made ready before anything is measured.
    default: whether it is part of the default suite; else it is measured only when a GLOB names it.
    compiles: some of its steps call torch.compile by themselves, in eager mode too.
    seeds: in how many fresh processes, a seed each, its steps are run until they reach their target; 0 for steps timed
        by themselves.
    latency: single calls are timed too, for their median and 99th percentile: a step that somebody waits for.
    """

    name: str
    builder: Builder
    points: tuple[Point, ...]
    item: str
    version: int = 1
    dtypes: tuple[str, ...] = ("float32",)
    not_compiled: str = ""
    default_modes: tuple[str, ...] = ("eager",)
    data: str = ""
    doc: str = field(default="", compare=False)
    default: bool = True
    compiles: bool = False
    seeds: int = 0
    latency: bool = False

    @property
    def axes(self) -> dict[str, tuple[Value, ...]]:
        """Every axis with the values it takes, in the order of the points."""
        axes: dict[str, dict[Value, None]] = {}
        for point in self.points:
            for axis, value in point.items():
                axes.setdefault(axis, {})[value] = None
        return {axis: tuple(values) for axis, values in axes.items()}

    def build(self, setup: Setup, **point: Value) -> Step:
        """A fresh step at `point`; the same seed gives the same weights and data every time."""
        torch.manual_seed(setup.seed)
        return self.builder(setup, **point)


WORKLOADS: dict[str, Workload] = {}


def points_of(name: str, points: Iterable[Point] | None, axes: Mapping[str, Sequence[Value]]) -> tuple[Point, ...]:
    """The points given, or the product of the axes. Raises ValueError for both, and for an axis without a list."""
    if points is not None and axes:
        raise ValueError(f"workload {name!r} gives both points and axes ({', '.join(axes)}); give one of them")
    for axis, values in axes.items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise ValueError(f"axis {axis!r} of workload {name!r} is {values!r}; give a tuple: {axis}=({values!r},)")
    if points is None:
        points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    return tuple(points)


def workload(
    name: str,
    /,
    *,
    item: str,
    version: int = 1,
    dtypes: Sequence[str] = ("float32",),
    not_compiled: str = "",
    default_modes: Sequence[str] = ("eager",),
    data: str = "",
    default: bool = True,
    compiles: bool = False,
    seeds: int = 0,
    latency: bool = False,
    points: Iterable[Point] | None = None,
    **axes: Sequence[Value],
) -> Callable[[Builder], Builder]:
    """Register the decorated builder as a workload, at the product of `axes` or at the given `points`.

    Raises ValueError when the name is taken or has no dot, or when both axes and points are given.
    """
    if "." not in name:
        raise ValueError(f"workload name {name!r} needs a subject and a name, such as 'linear_regression.train_step'")
    chosen = points_of(name, points, axes)

    def register(builder: Builder) -> Builder:
        taken = WORKLOADS.get(name)
        if taken is not None and taken.builder.__module__ != builder.__module__:
            raise ValueError(f"workload {name!r} is defined in {taken.builder.__module__} and in {builder.__module__}")
        WORKLOADS[name] = Workload(
            name, builder, chosen, item, version, tuple(dtypes), not_compiled, tuple(default_modes), data,
            doc=(builder.__doc__ or "").strip().split("\n")[0], default=default, compiles=compiles, seeds=seeds,
            latency=latency,
        )  # fmt: skip
        return builder

    return register


def load_suite() -> dict[str, Workload]:
    """Import every module of this package, whichever there are, and give the workloads they define by name."""
    import workloads  # noqa: PLC0415 - the package imports this module

    for module in sorted(found.name for found in pkgutil.walk_packages(workloads.__path__, "workloads.")):
        importlib.import_module(module)
    return dict(WORKLOADS)
