"""Launches as observations: those of one layout of memory are one, since what it does to a step is in all of them; and
each has the machine's pace beside it.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bench.records.record import REFERENCE, Record


def joined(records: Sequence[Record]) -> list[Record]:
    """Records of one figure, those of one run and layout as one with the values of all, in the order measured."""
    found: dict[object, Record] = {}
    for number, record in enumerate(records):
        shared = record.layout is not None and record.values
        key = (record.run, record.layout, record.turns, record.status) if shared else number
        before = found.get(key)
        found[key] = together(before, record) if before else record
    return list(found.values())


def together(first: Record, second: Record) -> Record:
    """The first record with the values of both, and with what was read with all of them."""
    more = dict(second.readings)
    read = tuple((name, own + more[name]) for name, own in first.readings if name in more)
    return replace(first, values=first.values + second.values, readings=read)


def reference_of(record: Record) -> float | None:
    """Seconds that the reference work usually took beside the record's values; None where nobody looked."""
    looks = dict(record.readings).get(REFERENCE)
    return statistics.median(looks) if looks else None


def usual_references(records: Iterable[Record]) -> dict[str, float]:
    """What the reference work usually took in each run, beside all launches of all its cases."""
    found: dict[str, list[float]] = defaultdict(list)
    for record in records:
        if reference_s := reference_of(record):
            found[record.run].append(reference_s)
    return {run: statistics.median(looks) for run, looks in found.items()}


def paces_of(launched: Sequence[Record], usual: Mapping[str, float]) -> tuple[float, ...]:
    """For each observation, how many times as long as usually in its run the reference work took beside it.

    Nothing where it is not known of all of them.
    """
    looks = [(reference_of(record), usual.get(record.run)) for record in launched if record.values]
    paces = [own_s / usual_s for own_s, usual_s in looks if own_s and usual_s]
    return tuple(paces) if len(paces) == len(looks) else ()
