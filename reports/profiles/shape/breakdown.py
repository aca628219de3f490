"""Where the time of a step goes: by phase on the CPU, by activity on a device. The parts add up to the step exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.profiles.shape.nesting import NONE, Nest, ancestor
from reports.profiles.shape.overlaps import Union, shares, union
from reports.profiles.shape.windows import Steps
from reports.profiles.trace.columns import devices, lanes, of_category, where
from reports.profiles.trace.dialects import MARK, ON_CPU, ON_DEVICE, WAITS
from reports.profiles.trace.reading import Trace

PHASES = ("data", "optimizer", "backward", "forward", "other")
ACTIVITIES = ("kernel", "communication", "copy", "data", "CPU only", "idle")
LOADER, OPTIMIZER, BACKWARD = "enumerate(DataLoader)", "Optimizer.", "autograd::engine::evaluate_function"

WORK = ("loader", "forward", "backward", "optimizer")
ASIDE, TALKS = "user_annotation", "gloo:"  # how gloo's threads mark that a collective is under way
FORWARD = ("DistributedDataParallel.forward", "FSDP::pre_forward", "FSDP::root_pre_forward")

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
    data = loading(events)
    optimizer = mine & where(events["name"], lambda name: name.startswith(OPTIMIZER))
    forward = mine & of_category(events, "cpu_op")
    parts = [of(events, data), of(events, optimizer), backward_of(events, nest), of(events, forward)]
    return Breakdown(PHASES, np.array(shares(parts, steps.low, steps.high)))


def worked(trace: Trace, steps: Steps, nest: Nest) -> Breakdown | None:
    """What a rank on the CPU works in each phase, waiting for others left out; None where it talks to none over gloo.

    None, too, of one with a device: its phases are queued long before they are worked, and gloo has but its barriers.

    A phase is from where it begins to where the next does: the loader from the step's beginning, forward from the first
    operator that is neither the loader's nor the optimizer's, backward from the autograd engine's first node, the
    optimizer from the end of the last collective. A rank waits while a collective is under way and it runs no operator:
    a hook in its backward pass is work, and that another rank comes late is none.
    """
    events = trace.events
    if of_category(events, *ON_DEVICE).any():
        return None
    talk = of(events, of_category(events, ASIDE) & where(events["name"], lambda name: name.startswith(TALKS)))
    backward = backward_of(events, nest)
    if not len(talk.starts) or not len(backward.starts):
        return None
    mine = on_main_thread(events)
    begins = [first_in(forward_starts(events, nest, mine), steps), first_in(backward.starts, steps)]
    begins.append(last_in(talk.ends, steps))
    low = [steps.low]
    for begin in begins:
        low.append(np.clip(begin, low[-1], steps.high))
    operators = of(events, mine & of_category(events, "cpu_op"))
    busy = union(np.append(operators.starts, backward.starts), np.append(operators.ends, backward.ends))
    parts = [
        end - begin - shares([busy, talk], begin, end)[1]
        for begin, end in zip(low, [*low[1:], steps.high], strict=True)
    ]
    return Breakdown(WORK, np.array(parts))


def forward_starts(events: pd.DataFrame, nest: Nest, mine: NDArray[np.bool_]) -> Ints:
    """When the stepping thread begins forward passes: as wrappers mark them; else operators that prepare no step.

    The marks are before whatever Python the forward pass begins with.
    """
    starts = events["start_ns"].to_numpy()
    marked = mine & where(events["name"], lambda name: name.startswith(FORWARD))
    if marked.any():
        return np.sort(starts[marked])
    rows = nest.rows[outermost_operators(events, nest)]
    rows = rows[mine[rows]]
    aside = of(events, mine & where(events["name"], lambda name: name.startswith((LOADER, OPTIMIZER))))
    return np.sort(starts[rows][aside.covered(starts[rows], starts[rows] + 1) == 0])


def first_in(times: Ints, steps: Steps) -> Ints:
    """The first of the times in each step; its end where there is none."""
    place = np.searchsorted(times, steps.low)
    found = np.append(times, np.iinfo(np.int64).max)[place]
    return np.where(found < steps.high, found, steps.high)


def last_in(times: Ints, steps: Steps) -> Ints:
    """The last of the times in each step; its end where there is none."""
    place = np.searchsorted(np.sort(times), steps.high) - 1
    found = np.where(place >= 0, np.sort(times)[np.maximum(place, 0)], np.iinfo(np.int64).min)
    return np.where(found > steps.low, found, steps.high)


def loading(events: pd.DataFrame) -> NDArray[np.bool_]:
    """Which events are waits for a DataLoader, on the thread that takes the steps."""
    return on_main_thread(events) & where(events["name"], lambda name: name.startswith(LOADER))


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


def by_activity(
    trace: Trace, windows: tuple[Ints, Ints], collective: NDArray[np.bool_], own: NDArray[np.bool_] | None = None
) -> Breakdown | None:
    """Kernel, communication, copy, data, CPU only, idle: what devices did, and else the CPU; None without a device.

    Where several things ran at once the first of these counts: communication that a kernel hides costs nothing, nor
    does waiting for a DataLoader (data) while a device has work.
    windows: from when to when, such as steps, which are the columns. collective: which events are communication. own:
    which are of the devices that are meant; all unless said.
    """
    events = trace.events
    on_device = of_category(events, *ON_DEVICE) & (own if own is not None else True)
    if not on_device.any():
        return None
    kernel = on_device & of_category(events, "kernel")
    copy = on_device & ~kernel
    on_cpu = of_category(events, "cpu_op", "cuda_runtime")
    chosen = (kernel & ~collective, kernel & collective, copy, loading(events), on_cpu)
    parts = [of(events, each) for each in chosen]
    return Breakdown(ACTIVITIES, np.array(shares(parts, *windows)))


def while_waiting(trace: Trace, steps: Steps, collective: NDArray[np.bool_]) -> Breakdown | None:
    """What devices did while the stepping thread waited for them, by wait; None without a device or a wait."""
    events = trace.events
    waiting = on_main_thread(events) & where(events["name"], lambda name: name in WAITS)
    waits = of(events, waiting & steps.within(events["start_ns"].to_numpy()))
    return by_activity(trace, (waits.starts, waits.ends), collective) if len(waits.starts) else None


def by_device(trace: Trace, steps: Steps, collective: NDArray[np.bool_], rows: Ints) -> dict[str, Breakdown]:
    """The activities of every device by itself, where several did something in the steps; rows: what that was."""
    on_device = of_category(trace.events, *ON_DEVICE)
    device = devices(trace.events)
    names = sorted(set(device[rows]), key=lambda name: (len(name), name))
    if len(names) < 2:
        return {}
    windows = (steps.begin, steps.end)
    found = {name: by_activity(trace, windows, collective, on_device & (device == name)) for name in names}
    return {name: parts for name, parts in found.items() if parts is not None}


def of(events: pd.DataFrame, chosen: NDArray[np.bool_]) -> Union:
    """The union of the chosen events."""
    part = events[chosen]
    return union(part["start_ns"].to_numpy(), part["end_ns"].to_numpy())
