"""Which part of a run each of several machines measures, so that all take about as long. Pure; no clock.

What is measured in one process stays together, since it takes turns there, and on one machine.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bench.measure.turn_passes import groups
from bench.modes import torch_compile
from bench.records.record import Case, Record

TIMED_METRICS = ("step_time", "latency", "first_call", "first_call_machine", "first_call_warm", "time_to_accuracy")
PROCESS_S = 0.5  # what a launch takes besides what its records say: starting, building and warming up
COUNTED_S = 1.0  # memory and work, of which records do not say how long they took
EAGER_S, COMPILED_S = 3.0, 15.0  # a case that nobody has measured, more or less


def recorded_s(records: Iterable[Record]) -> dict[Case, float]:
    """Seconds that measuring each case took, by the values of earlier records; of other versions of it, too.

    Keys are cases with version 0.
    """
    found: dict[Case, float] = {}
    launches: dict[Case, set[tuple[str, int]]] = {}
    for record in records:
        if record.metric in TIMED_METRICS and record.status == "measured":
            case = replace(record.case, version=0)
            measured_s = (sum(record.values) + sum(record.warm_up_values)) * record.steps_per_value
            found[case] = found.get(case, 0.0) + measured_s
            launches.setdefault(case, set()).add((record.metric, record.launch))
    return {case: seconds + COUNTED_S + PROCESS_S * len(launches[case]) for case, seconds in found.items()}


def costs(cases: Sequence[Case], records: Iterable[Record] = ()) -> dict[Case, float]:
    """Seconds that each case is taken to need: as recorded, else the median of its mode, or a guess."""
    known = recorded_s(records)
    by_mode: dict[str, list[float]] = {}
    for case, seconds in known.items():
        by_mode.setdefault(case.mode, []).append(seconds)

    def guess(case: Case) -> float:
        if case.mode in by_mode:
            return statistics.median(by_mode[case.mode])
        return COMPILED_S if torch_compile.generates(case.mode) else EAGER_S

    return {case: known.get(replace(case, version=0)) or guess(case) for case in cases}


def divided(cases: Sequence[Case], seconds: Mapping[Case, float], shards: int) -> list[list[Case]]:
    """The cases of each shard, in their order: the dearest group first, each to the shard that has least so far.

    The longest is at most 4/3 of what is possible (Graham, *SIAM Journal on Applied Mathematics* 17, 1969), and no
    shorter than the dearest group.
    """
    parts = groups(cases)
    order = sorted(range(len(parts)), key=lambda number: (-sum(seconds[case] for case in parts[number]), number))
    loads, chosen = [0.0] * shards, [list[int]() for _ in range(shards)]
    for number in order:
        least = min(range(shards), key=lambda shard: (loads[shard], shard))
        loads[least] += sum(seconds[case] for case in parts[number])
        chosen[least].append(number)
    return [[case for number in sorted(own) for case in parts[number]] for own in chosen]
