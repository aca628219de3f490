"""How far the cases of a run under way are from being known: what decides which is measured next."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from bench.records.record import FRAMEWORKS, RANKS, RUNGS, Case, Record
from reports.read.laid_out import joined, paces_of, usual_references
from reports.read.rows import SAME_WITHIN
from reports.read.tails import LATENCY, tails_of
from reports.stats import distance
from reports.stats.intervals import Launches
from reports.stats.levelled import levelled

TIMED = ("step_time", LATENCY)
TAIL_WITHIN = 4.0  # times as wide as that of a median the interval of a 99th percentile may be
BASE = "eager"  # the mode against which others are compared


def distance_of(records: Sequence[Record], within: float) -> float:
    """How many times too wide the widest interval is: of times, `within`; of another mode's gain, one that decides."""
    by_case: dict[Case, list[Record]] = defaultdict(list)
    in_turns: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.metric in TIMED and record.values:
            by_case[record.case].append(record)
        if record.values and record.turns and record.turns not in (RUNGS, RANKS, FRAMEWORKS):
            in_turns[record.case.mode].append(record)
    if not by_case:
        return math.inf
    far = [of_case(level_values_of(found), found[0].metric, within) for found in by_case.values()]
    base = in_turns.pop(BASE, None)
    if base is not None:
        far += [distance.of_pair(*together(base, found), SAME_WITHIN) for found in in_turns.values()]
    return max(far)


def of_case(launches: Launches, metric: str, within: float) -> float:
    """How many times too wide the interval of a time is; of latencies, that of the 99th percentile, if it is wider."""
    tails = tails_of(launches) if metric == LATENCY else ()
    of_tail = distance.of_figure(tails, TAIL_WITHIN * within) if len(tails) > 1 else 0.0
    return max(distance.of_figure(launches, within), of_tail)


def values_of(records: Sequence[Record]) -> Launches:
    """The values of one figure, launch by launch; those in one layout of memory are one."""
    return [record.values for record in joined(records)]


def level_values_of(records: Sequence[Record]) -> Launches:
    """Likewise, as at the pace that the machine usually had beside them."""
    found = joined(records)
    return levelled([record.values for record in found], paces_of(found, usual_references(found)))


def together(base: Sequence[Record], head: Sequence[Record]) -> tuple[Launches, Launches]:
    """The launches that both have, with as many values of either."""
    first, second = ({record.launch: record for record in records} for records in (base, head))
    pairs = [(record, second[launch]) for launch, record in first.items() if launch in second]
    pairs = [(one, other) for one, other in pairs if len(one.values) == len(other.values)]
    return values_of([one for one, _ in pairs]), values_of([other for _, other in pairs])
