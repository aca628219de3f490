"""The steps that a trace was taken over: windows of time, marked by the profiler's `step()`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.profiles.trace.columns import of_category, where
from reports.profiles.trace.dialects import MARKS, ON_CPU, ON_DEVICE
from reports.profiles.trace.reading import Trace

WHOLE = "whole trace"
DISTURBED = 1.5  # a step so many times longer than the median
PAUSE = 0.05  # a gap above this share of a step is no part of it: the profiler waited or warmed up


@dataclass(frozen=True, slots=True)
class Steps:
    """Windows in order of time. `marked`: the trace says where steps begin; otherwise the whole counts as one."""

    names: tuple[str, ...]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    marked: bool

    @property
    def mean_s(self) -> float:
        """Seconds of a step, on average."""
        return float((self.high - self.low).mean()) / 1e9

    def within(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the times lie in a step."""
        last = np.searchsorted(self.low, times, side="right") - 1
        found: NDArray[np.bool_] = (last >= 0) & (times < self.high[last])
        return found


def steps_of(trace: Trace) -> Steps:
    """The marked steps, or the whole trace as one.

    On a device work runs on after the step that queued it. A step therefore reaches to the start of the next, and
    the last one to the end of the last device activity.
    """
    events = trace.events
    busy = of_category(events, *ON_CPU, *ON_DEVICE)
    marks = events[of_category(events, "user_annotation", "cpu_op") & where(events["name"], is_mark)]
    marks = marks.drop_duplicates(["name", "start_ns"])
    if marks.empty:
        whole = events[busy] if busy.any() else events
        begin, end = int(whole["start_ns"].min()), int(whole["end_ns"].max())
        return Steps((WHOLE,), np.array([begin]), np.array([max(end, begin + 1)]), marked=False)
    low, high = marks["start_ns"].to_numpy(), marks["end_ns"].to_numpy()
    next_low = np.append(low[1:], max(high[-1], last_on_device(trace, int(low[-1]))))
    follows = next_low - high <= PAUSE * (high - low)
    follows[-1] = True
    ends = np.where(follows, next_low, np.minimum(high, next_low))
    return Steps(tuple(marks["name"].astype(str)), low, np.maximum(ends, low + 1), marked=True)


def undisturbed(steps: Steps) -> Steps:
    """Without the steps that took much longer than the median: of equal steps, those that something else disturbed."""
    lengths = steps.high - steps.low
    kept = lengths <= DISTURBED * np.median(lengths)
    names = tuple(name for name, keep in zip(steps.names, kept, strict=True) if keep)
    return Steps(names, steps.low[kept], steps.high[kept], steps.marked)


def last_on_device(trace: Trace, after_ns: int) -> int:
    """When the last device activity ended that began after a time; 0 for none."""
    events = trace.events
    late = events[of_category(events, *ON_DEVICE) & (events["start_ns"] >= after_ns).to_numpy()]
    return int(late["end_ns"].max()) if len(late) else 0


def is_mark(name: str) -> bool:
    """Whether an event of this name is a whole step."""
    return name.startswith(MARKS)
