"""How far the cases of a run under way are from being known: what decides which is measured next."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.records.record import RUNGS, Case, Record
from reports.read.rows import SAME_WITHIN
from reports.stats import distance
from reports.stats.intervals import Launches

TIMED = ("step_time", "latency")
BASE = "eager"  # the mode against which others are compared


def distance_of(records: Sequence[Record], within: float) -> float:
    """How many times too wide the widest interval is: of times, `within`; of another mode's gain, one that decides."""
    by_case: dict[Case, dict[int, Sequence[float]]] = defaultdict(dict)
    for record in records:
        if record.metric in TIMED and record.values:
            by_case[record.case][record.launch] = record.values
    if not by_case:
        return math.inf
    far = [distance.of_figure(list(launches.values()), within) for launches in by_case.values()]
    in_turns: dict[str, dict[int, Sequence[float]]] = defaultdict(dict)
    for record in records:
        if record.values and record.turns and record.turns != RUNGS:
            in_turns[record.case.mode][record.launch] = record.values
    base = in_turns.pop(BASE, None)
    if base is not None:
        far += [distance.of_pair(*together(base, launches), SAME_WITHIN) for launches in in_turns.values()]
    return max(far)


def together(base: Mapping[int, Sequence[float]], head: Mapping[int, Sequence[float]]) -> tuple[Launches, Launches]:
    """The launches that both have, with as many values of either."""
    shared = [launch for launch in base if launch in head and len(base[launch]) == len(head[launch])]
    return [base[launch] for launch in shared], [head[launch] for launch in shared]
