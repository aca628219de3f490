"""Where the time of a step goes: by phase on the CPU, by activity on a device. The parts add up to the step exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.profiles.shape.nesting import NONE, Nest, ancestor
from reports.profiles.shape.overlaps import Union, shares, union
from reports.profiles.shape.windows import Steps
from reports.profiles.trace.columns import lanes, of_category, where
from reports.profiles.trace.dialects import COMMUNICATION, MARK, ON_CPU, ON_DEVICE
from reports.profiles.trace.reading import Trace

PHASES = ("data", "optimizer", "backward", "forward", "other")
ACTIVITIES = ("kernel", "communication", "copy", "CPU only", "idle")
LOADER, OPTIMIZER, BACKWARD = "enumerate(DataLoader)", "Optimizer.", "autograd::engine::evaluate_function"

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Nanoseconds of each part (rows of `parts`) in each step (columns)."""

    names: tuple[str, ...]
    parts: NDArray[np.int64]

    @property
    def fractions(self) -> dict[str, float]:
        """Each part's share of all steps together; they add up to 1."""
        whole = int(self.parts.sum())
        return {name: int(part.sum()) / whole for name, part in zip(self.names, self.parts, strict=True)}

    def mean_s(self, name: str) -> float:
        """Seconds of a part per step."""
        return float(self.parts[self.names.index(name)].mean()) / 1e9


def by_phase(trace: Trace, steps: Steps, nest: Nest) -> Breakdown:
    """Data, optimizer, backward, forward, other: the time of the thread that takes the steps.

    data: waiting for a DataLoader. optimizer: step and zero_grad. backward: the autograd engine, on whatever thread.
    forward: all other operators (the loss is among them). other: no operator ran: Python, or waiting for a device.
    """
    events = trace.events
    mine = on_main_thread(events)
    data = mine & where(events["name"], lambda name: name.startswith(LOADER))
    optimizer = mine & where(events["name"], lambda name: name.startswith(OPTIMIZER))
    forward = mine & of_category(events, "cpu_op")
    parts = [of(events, data), of(events, optimizer), backward_of(events, nest), of(events, forward)]
    return Breakdown(PHASES, np.array(shares(parts, steps.low, steps.high)))


def on_main_thread(events: pd.DataFrame) -> NDArray[np.bool_]:
    """Which events are on the thread that takes the steps; without marks, on the one where operators run longest."""
    choices = (
        of_category(events, MARK),
        of_category(events, "cpu_op"),
        of_category(events, *ON_CPU),
    )
    chosen = next((events[choice] for choice in choices if choice.any()), None)
    if chosen is None:
        return np.zeros(len(events), dtype=bool)
    lane = lanes(events)
    lengths = (chosen["end_ns"] - chosen["start_ns"]).groupby(lane[chosen.index]).sum()
    found: NDArray[np.bool_] = lane == lengths.index.to_numpy()[lengths.to_numpy().argmax()]
    return found


def outermost_operators(events: pd.DataFrame, nest: Nest) -> Ints:
    """The positions, in the nest, of operators that no other operator is around."""
    is_operator = of_category(events, "cpu_op")[nest.rows]
    innermost = ancestor(nest.parent, is_operator)
    above = np.where(nest.parent == NONE, NONE, innermost[nest.parent])
    return np.flatnonzero(is_operator & (above == NONE))


def backward_of(events: pd.DataFrame, nest: Nest) -> Union:
    """When the autograd engine ran: its nodes, and the time between two when no other operator began meanwhile."""
    rows = nest.rows[outermost_operators(events, nest)]
    is_node = where(events["name"], lambda name: name.startswith(BACKWARD))[rows]
    starts, ends = events["start_ns"].to_numpy()[rows], events["end_ns"].to_numpy()[rows]
    others = np.sort(starts[~is_node])
    order = np.argsort(starts[is_node], kind="stable")
    starts, ends = starts[is_node][order], ends[is_node][order].copy()
    if len(starts) > 1:
        begun = np.searchsorted(others, ends[:-1]) != np.searchsorted(others, starts[1:])
        ends[:-1] = np.where(begun, ends[:-1], np.maximum(ends[:-1], starts[1:]))
    return union(starts, ends)


def by_activity(trace: Trace, steps: Steps) -> Breakdown | None:
    """Kernel, communication, copy, CPU only, idle: what the device did, and the CPU meanwhile; None without a device.

    Where several things ran at once the first of these counts: communication that a kernel hides costs nothing.
    """
    events = trace.events
    if not of_category(events, *ON_DEVICE).any():
        return None
    kernel = of_category(events, "kernel")
    communicates = kernel & where(events["name"], is_communication)
    copy = of_category(events, "gpu_memcpy", "gpu_memset")
    on_cpu = of_category(events, "cpu_op", "cuda_runtime")
    parts = [of(events, chosen) for chosen in (kernel & ~communicates, communicates, copy, on_cpu)]
    return Breakdown(ACTIVITIES, np.array(shares(parts, steps.begin, steps.end)))


def is_communication(name: str) -> bool:
    """Whether a kernel moves data between devices or ranks."""
    return name.lower().startswith(COMMUNICATION)


def of(events: pd.DataFrame, chosen: NDArray[np.bool_]) -> Union:
    """The union of the chosen events."""
    part = events[chosen]
    return union(part["start_ns"].to_numpy(), part["end_ns"].to_numpy())
