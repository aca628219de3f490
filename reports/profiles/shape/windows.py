"""The steps that a trace was taken over, as windows of time on the CPU: marked by the profiler's `step()`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.profiles.trace.columns import lanes, of_category
from reports.profiles.trace.dialects import MARK, ON_CPU, ON_DEVICE
from reports.profiles.trace.reading import Trace

WHOLE = "whole trace"
PAUSE = 0.05  # a gap above this share of a step is no part of it: the profiler waited or warmed up

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps in order of time. `marked`: the trace says where they begin; otherwise the whole counts as one.

    low, high: from when to when the CPU was at a step. begin, end: from when to when the step took the machine's time.
    The two differ where a device runs behind the CPU: it is then at a step when the CPU is long at others.
    """

    names: tuple[str, ...]
    low: Ints
    high: Ints
    begin: Ints
    end: Ints
    marked: bool

    @property
    def lengths(self) -> Ints:
        """Nanoseconds of every step."""
        return self.end - self.begin

    @property
    def mean_s(self) -> float:
        """Seconds of a step, on average."""
        return float(self.lengths.mean()) / 1e9

    @property
    def on_cpu_s(self) -> float:
        """Seconds that the CPU was at a step, on average."""
        return float((self.high - self.low).mean()) / 1e9

    def at(self, times: Ints) -> Ints:
        """The number of the step that the CPU was at, from 0; -1 for none."""
        last = np.searchsorted(self.low, times, side="right") - 1
        found: Ints = np.where((last >= 0) & (times < self.high[last]), last, -1)
        return found

    def within(self, times: Ints) -> NDArray[np.bool_]:
        """Which of the times the CPU spent at a step."""
        found: NDArray[np.bool_] = self.at(times) >= 0
        return found

    def kept(self, chosen: NDArray[np.bool_]) -> Steps:
        """The chosen steps alone."""
        names = tuple(name for name, keep in zip(self.names, chosen, strict=True) if keep)
        low, high, begin, end = (times[chosen] for times in (self.low, self.high, self.begin, self.end))
        return replace(self, names=names, low=low, high=high, begin=begin, end=end)


def steps_of(trace: Trace) -> Steps:
    """The marked steps, or the whole trace as one; a step reaches to the next, unless there is a pause between."""
    events = trace.events
    marks = marks_of(events)
    if marks.empty:
        busy = of_category(events, *ON_CPU, *ON_DEVICE)
        whole = events[busy] if busy.any() else events
        low = np.array([int(whole["start_ns"].min())])
        high = np.maximum(np.array([int(whole["end_ns"].max())]), low + 1)
        return Steps((WHOLE,), low, high, low, high, marked=False)
    low, high = marks["start_ns"].to_numpy(), marks["end_ns"].to_numpy()
    next_low = np.append(low[1:], high[-1])
    follows = next_low - high <= PAUSE * (high - low)
    high = np.maximum(np.where(follows, next_low, np.minimum(high, next_low)), low + 1)
    return Steps(told_apart(marks["name"].astype(str)), low, high, low, high, marked=True)


def marks_of(events: pd.DataFrame) -> pd.DataFrame:
    """The events that are whole steps: of one thread, and none inside another."""
    marks: pd.DataFrame = events[of_category(events, MARK)]
    if marks.empty:
        return marks
    lane = lanes(events)[marks.index]
    length = (marks["end_ns"] - marks["start_ns"]).groupby(lane).sum()
    marks = marks[lane == length.index.to_numpy()[length.to_numpy().argmax()]]
    ends = np.maximum.accumulate(marks["end_ns"].to_numpy())
    inside = np.append(False, marks["end_ns"].to_numpy()[1:] <= ends[:-1])
    outermost: pd.DataFrame = marks[~inside]
    return outermost


def marks_elsewhere(events: pd.DataFrame) -> int:
    """How many marks there are that no step is made of; the same one on two threads counts once."""
    every = events[of_category(events, MARK)].drop_duplicates(["name", "start_ns"])
    return len(every) - len(marks_of(events))


def told_apart(names: Iterable[str]) -> tuple[str, ...]:
    """The names; those that occur again are numbered."""
    counts = Counter(names := list(names))
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name} #{seen[name]}" if counts[name] > 1 else name)
    return tuple(found)


def every(steps: Steps) -> NDArray[np.bool_]:
    """All steps."""
    return np.ones(len(steps.names), dtype=bool)


def middle(steps: Steps) -> NDArray[np.bool_]:
    """The steps of the middle half by length: a disturbed one is not among them, and their parts add up."""
    count = len(steps.names)
    cut = round(count / 4)
    ranks = np.argsort(np.argsort(steps.lengths, kind="stable"), kind="stable")
    found: NDArray[np.bool_] = (ranks >= cut) & (ranks < max(count - cut, cut + 1))
    return found
