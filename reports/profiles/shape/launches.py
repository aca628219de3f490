"""Which call of the CPU launched what a device did, and so to which step and operator it belongs.

A device runs behind the CPU: what it does during the mark of a step was mostly launched by an earlier one. So nothing
is told by when it ran, except in traces that hold no launches at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.format import units
from reports.profiles.shape.nesting import NONE
from reports.profiles.shape.windows import Steps
from reports.profiles.trace.columns import ABSENT, of_category, where
from reports.profiles.trace.dialects import ON_DEVICE
from reports.profiles.trace.reading import Trace

CALLS = ("cuda_runtime",)  # of any device's runtime or driver
GRAPH = "GraphLaunch"  # in the names of calls that replay a graph, of any runtime or driver
BY_TIME = "no launch is in the trace: what the device did is counted to the step during which it began"

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Launches:
    """What devices did, one entry each: its row in the trace's events; the row of the call that launched it, and of the
    operator with its external id (NONE where there is none); the step that the CPU was at then (NONE for none).

    by_time: the trace has no launches, so that steps are those during which things began.
    """

    rows: Ints
    calls: Ints
    operators: Ints
    steps: Ints
    by_time: bool

    def kept(self, chosen: NDArray[np.bool_]) -> Launches:
        """With the chosen steps alone, numbered anew; what belonged to another belongs to none."""
        numbers = np.append(np.where(chosen, np.cumsum(chosen) - 1, NONE), NONE)
        return replace(self, steps=numbers[self.steps])


def launches_of(trace: Trace, steps: Steps) -> Launches:
    """The launch and the step of everything that devices did."""
    events = trace.events
    rows = np.flatnonzero(of_category(events, *ON_DEVICE))
    calls = matched(events, rows, of_category(events, *CALLS), "correlation")
    by_id = matched(events, rows, operators(events), "external_id")
    starts = events["start_ns"].to_numpy()
    by_time = (
        bool(len(rows)) and not numbered(events, of_category(events, *CALLS)).any() and bool((by_id == NONE).all())
    )
    launch = rows if by_time else np.where(calls != NONE, calls, by_id)
    found = np.where(launch != NONE, steps.at(starts[launch]), NONE)
    if not steps.marked:  # the whole trace is one step, whatever launched its parts
        found = np.zeros_like(found)
    return Launches(rows, calls, by_id, found, by_time)


def numbered(events: pd.DataFrame, chosen: NDArray[np.bool_], column: str = "correlation") -> NDArray[np.bool_]:
    """Which of the chosen events have a number in the column; 0 is none."""
    numbers = events[column].to_numpy()
    found: NDArray[np.bool_] = chosen & (numbers != ABSENT) & (numbers != 0)
    return found


def operators(events: pd.DataFrame) -> NDArray[np.bool_]:
    """Which events are operators, or what somebody named; the mark around a whole step is neither."""
    return of_category(events, "cpu_op", "user_annotation")


def matched(events: pd.DataFrame, rows: Ints, others: NDArray[np.bool_], column: str) -> Ints:
    """For each of the rows, the row among the others with the same number in the column; NONE where there is none.

    Numbers are of a process. In a file that was merged from several, of several others with one number the last that
    began before is meant.
    """
    numbers, starts = events[column].to_numpy(), events["start_ns"].to_numpy()
    theirs = np.flatnonzero(numbered(events, others, column))
    if not len(theirs) or not len(rows):
        return np.full(len(rows), NONE)
    order = np.lexsort((starts[theirs], numbers[theirs]))
    theirs = theirs[order]
    known, first = np.unique(numbers[theirs], return_index=True)
    place = np.minimum(np.searchsorted(known, numbers[rows]), len(known) - 1)
    there = known[place] == numbers[rows]
    if len(known) == len(theirs):
        return np.where(there, theirs[place], NONE)
    last = np.append(first[1:], len(theirs)) - 1
    found = first[place].copy()
    for index in np.flatnonzero(there & (last > first)[place]).tolist():
        begin, end = first[place[index]], last[place[index]] + 1
        before = int(np.searchsorted(starts[theirs[begin:end]], starts[rows[index]], side="right"))
        found[index] = begin + max(0, before - 1)
    return np.where(there, theirs[found], NONE)


def with_devices(steps: Steps, trace: Trace, launches: Launches) -> Steps:
    """The steps with the time that their devices took.

    A step ends when the CPU and the devices have both done it, and begins when the CPU begins it, or when the one
    before has ended if that is later; the first, when the devices are done with what came before it.
    """
    own = launches.steps != NONE
    if not own.any() or not steps.marked:
        return steps
    starts, ends = (trace.events[name].to_numpy()[launches.rows] for name in ("start_ns", "end_ns"))
    last = np.zeros(len(steps.names), dtype=np.int64)
    np.maximum.at(last, launches.steps[own], ends[own])
    first = starts[own].min()
    # What came before may go on beside the first step's own work, on another stream: the step has begun all the same.
    earlier = min(first, ends[~own & (starts < first)].max(initial=0))
    end = np.maximum.accumulate(np.maximum(np.maximum(steps.high, last), earlier))
    return replace(steps, begin=np.maximum(steps.low, np.append(earlier, end[:-1])), end=end)


def unseen_graphs(trace: Trace, steps: Steps) -> int:
    """How many graphs were launched in the steps of which the trace holds nothing that a device did."""
    events = trace.events
    replays = of_category(events, *CALLS) & where(events["name"], lambda name: GRAPH in name)
    replays &= steps.within(events["start_ns"].to_numpy())
    seen = events["correlation"].to_numpy()[of_category(events, *ON_DEVICE)]
    return int((replays & ~np.isin(events["correlation"].to_numpy(), seen)).sum())


def unowned(trace: Trace, launches: Launches) -> list[str]:
    """In words, what no recorded step launched, and where steps had to be told by time; nothing where all is known."""
    found = [BY_TIME] if launches.by_time else []
    others = launches.rows[launches.steps == NONE]
    if len(others):
        lengths = (trace.events["end_ns"] - trace.events["start_ns"]).to_numpy()[others]
        things = f"{len(others)} device event{'s' * (len(others) > 1)}"
        time = units.quantity(float(lengths.sum()) / 1e9, "s")
        found.append(f"{things} ({time}) of no recorded step, such as work queued before the first, are left out")
    return found
