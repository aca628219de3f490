"""What an earlier run of the same name has measured already, so that another need not. Pure; no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.measure.passes import MAIN_METRIC
from bench.records.errors import UsageError
from bench.records.record import Case, Environment, Record

FIRST_CALL = ("first_call", "cold")  # the metric of a first call, and the pass that takes it where nobody is timed
FACTS_NAMED = 3
MAIN_PASSES = ("time", "training")  # one of which each case has, in every launch
PASS_OF = {metric: name for name, metric in MAIN_METRIC.items()} | dict([FIRST_CALL])

Done = frozenset[tuple[Case, str, int]]
"""A case, a pass, and the launch in which it was measured, or found not to be."""


def done_by(records: Iterable[Record]) -> Done:
    """What the records are of."""
    return frozenset((r.case, PASS_OF[r.metric], r.launch) for r in records if r.metric in PASS_OF)


def layouts_of(records: Iterable[Record]) -> int:
    """The number of the next layout of memory, which none of the records had."""
    return max((record.layout + 1 for record in records if record.layout is not None), default=0)


def launches_of(records: Sequence[Record], cases: Sequence[Case], name: str) -> list[list[Record]]:
    """What a pass found of some cases that are measured together, launch by launch."""
    own = [record for record in records if record.case in cases and record.metric == MAIN_METRIC[name]]
    numbers = sorted({record.launch for record in own})
    return [[record for record in own if record.launch == number] for number in numbers]


def took_s(records: Iterable[Record], process_s: float) -> float:
    """Seconds that a launch took, more or less: those of its values, and of its process."""
    return process_s + sum(sum(record.values) * record.steps_per_value for record in records)


def failed_in(records: Iterable[Record], name: str) -> set[Case]:
    """The cases that a pass found not to be measurable."""
    return {record.case for record in records if record.metric == MAIN_METRIC[name] and record.status != "measured"}


def is_finished(records: Sequence[Record], launches: int | None) -> bool:
    """Whether a case's records are all that it was to have, or say that it cannot be measured.

    launches: how many it was to have; None for some, where the time decided.
    """
    main = [record for record in records if PASS_OF.get(record.metric) in MAIN_PASSES]
    if any(record.status != "measured" for record in main):
        return True
    passes = {PASS_OF.get(record.metric) for record in records}
    counted = passes >= {"memory", "work"} or "training" in passes
    alone = any(not record.case.is_apart for record in records)  # of these neither memory nor work is taken
    return (counted or not alone) and len({record.launch for record in main}) >= (launches or 1)


def check_same(now: Environment, before: Iterable[Environment]) -> None:
    """Raise UsageError where a run was begun in another environment than there is now: no figure is of two."""
    for then in before:
        names = dict.fromkeys([*dict(then.facts), *dict(now.facts)])
        other = [name for name in names if then.get(name) != now.get(name)]
        if other:
            told = ", ".join(f"{name} {then.get(name)} then and {now.get(name)} now" for name in other[:FACTS_NAMED])
            raise UsageError(f"the run was begun in another environment: {told}; its figures would not go together")
