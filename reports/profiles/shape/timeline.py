"""One step drawn against time: a lane per thread and per device stream, its events stacked by nesting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.format.html import short
from reports.profiles.shape.nesting import nest
from reports.profiles.shape.operators import WITH_SELF_TIME
from reports.profiles.shape.windows import Steps
from reports.profiles.trace.columns import of_category
from reports.profiles.trace.dialects import ON_DEVICE
from reports.profiles.trace.reading import Trace

MOST_EVENTS = 2000  # the longest are drawn; shorter ones could hardly be seen, and the raw trace has them
MOST_LANES = 24  # the busiest threads and streams
MOST_ROWS = 60  # of a lane; deeper events are left out
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Lane:
    """A thread or a stream: how many rows its events need, and what they are.

    events: (number of the name, start and length in microseconds since the step began, row), in order of start.
    """

    title: str
    rows: int
    events: Sequence[tuple[int, float, float, int]]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawn step: its name, length, lanes, the names they refer to, and how many events are not drawn."""

    step: str
    length_us: float
    names: Sequence[str]
    lanes: Sequence[Lane]
    left_out: int


def timeline_of(trace: Trace, steps: Steps) -> Timeline:
    """The step whose length is the median, which no accident made longer."""
    events = trace.events
    chosen = int(np.argsort(steps.lengths)[len(steps.names) // 2])
    low, high = int(steps.low[chosen]), int(steps.end[chosen])  # what the device runs late of it is in there
    inside = ((events["end_ns"] > low) & (events["start_ns"] < high)).to_numpy()
    nested = nest(events, inside & of_category(events, *WITH_SELF_TIME))
    depth = pd.Series(nested.depth, index=nested.rows)
    part = events[inside & of_category(events, *WITH_SELF_TIME, *ON_DEVICE)]
    part = part.assign(depth=depth.reindex(part.index).fillna(0).astype(int), length=part["end_ns"] - part["start_ns"])
    drawn = part[part["depth"] < MOST_ROWS].nlargest(MOST_EVENTS, "length").sort_values(["start_ns", "depth"])
    names: dict[str, int] = {}
    drawn_lanes = []
    keys = [of_category(drawn, *ON_DEVICE), drawn["process"].astype(str), drawn["thread"].astype(str)]
    for (on_device, process, thread), group in drawn.groupby(keys, sort=True):
        boxes = list(zip(
            [names.setdefault(short(name, LONGEST_NAME), len(names)) for name in group["name"].astype(str)],
            ((group["start_ns"] - low) / 1e3).tolist(), (group["length"] / 1e3).tolist(), group["depth"].tolist(),
            strict=True,
        ))  # fmt: skip
        title = f"device {process}, stream {thread}" if on_device else f"thread {thread}"
        drawn_lanes.append((group["length"].sum(), Lane(title, 1 + int(group["depth"].max()), boxes)))
    busiest = [lane for _, lane in sorted(drawn_lanes, key=lambda pair: -pair[0])[:MOST_LANES]]
    left_out = len(part) - sum(len(lane.events) for lane in busiest)
    return Timeline(steps.names[chosen], (high - low) / 1e3, list(names), busiest, left_out)
