"""Figures against each other: base and head of every case, their ratio, how sure it is, and what else differs."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from bench.records.machines import host_of, machine_of
from bench.records.metrics import POOLED
from bench.records.record import Environment
from reports.read.frames import Figure, figures, latest
from reports.read.pairs import at_one_pace, time_ratio
from reports.read.rows import NOT_MEASURED, Row, blank, doubts, summary_of, verdict_of, with_ratio
from reports.read.runs import label
from reports.read.settings import RUNS, compared_rows
from reports.stats.intervals import CONFIDENCE, CONFIDENCE_BETWEEN_RUNS, Ratio, compare
from reports.stats.speedup import speedup
from reports.topics.pace.figures import Allowance, Slower, allowance, is_one_machine

# Facts that make a difference nobody asked for, besides the machine.
HIDDEN_FACTS = (
    "torchpace", "ruler", "torch", "torchvision", "python", "numpy", "blas", "malloc", "matmul_precision", "os",
    "hostname", "affinity", "governor", "driver", "cuda", "cudnn", "cudnn_tf32", "gpu_power_limit_w",
    "gpu_max_clock_mhz", "gpu_ecc", "gpu_mig", "omp_wait_policy", "gomp_spincount", "dirty",
)  # fmt: skip
# What comparing by device is about.
DEVICE_FACTS = ("driver", "cuda", "cudnn", "cudnn_tf32", "gpu_power_limit_w", "gpu_max_clock_mhz", "gpu_ecc", "gpu_mig")

Environments = Mapping[str, Environment]


def versus(frame: pd.DataFrame, by: str, order: Sequence[str], environments: Environments) -> list[Row]:
    """Every figure of the first value of column `by` against the same figure of each other value.

    Figures are matched by workload, point, metric and whatever of device, dtype and mode is not `by`; what differs
    besides is a warning on the row. Where a side was measured in several environments and the sides are of the same
    run, they are compared environment by environment; else the newest counts.
    """
    frame = compared_rows(frame, by, environments)
    found = figures(frame)
    key = [name for name in ("workload", "point", "device", "dtype", "mode", "metric") if name != by]
    if many_threads(found, (by, *key)):
        key.append("threads")  # a side that was measured with several numbers of threads says which belong together
    slower = allowances(frame, by, order, environments)
    groups: dict[tuple[object, ...], list[Figure]] = defaultdict(list)
    for figure in found:
        groups[tuple(getattr(figure, name) for name in key)].append(figure)
    return [row for group in groups.values() for row in compared(group, by, order, environments, slower)]


def many_threads(found: Sequence[Figure], key: Sequence[str]) -> bool:
    """Whether any case was measured with more than one number of threads."""
    threads: dict[tuple[object, ...], set[int]] = defaultdict(set)
    for figure in found:
        threads[tuple(getattr(figure, name) for name in key)].add(figure.threads)
    return any(len(counts) > 1 for counts in threads.values())


def compared(
    group: Sequence[Figure], by: str, order: Sequence[str], environments: Environments, slower: Mapping[str, Allowance]
) -> Iterator[Row]:
    """The rows of one case and metric."""
    sides: dict[str, list[Figure]] = defaultdict(list)
    for figure in group:
        sides[str(getattr(figure, by))].append(figure)
    for value in order[1:]:
        labels = (label(order[0], by), label(value, by))
        for base, head in partners(sides[order[0]], sides[value], by, environments):
            yield from pair(base, head, labels, environments, by, slower.get(value, Allowance()))


def partners(
    bases: Sequence[Figure], heads: Sequence[Figure], by: str, environments: Environments
) -> list[tuple[Figure | None, Figure | None]]:
    """Which figures are compared: of one run each with its own, of one machine or setting likewise, else the newest.

    A case that was never to be measured on the other side, of another mode or device, is no pair.
    """
    if by in RUNS:
        for alike in (lambda figure: figure.setting, lambda figure: machine_of(facts_of(figure, environments))):
            there, here = ({alike(figure): figure for figure in side} for side in (bases, heads))
            shared = [name for name in there if name and name in here]
            if shared and max(len(there), len(here)) > 1:
                return [(there[name], here[name]) for name in shared]
        base, head = latest(bases), latest(heads)
        return [(base, head)] if base or head else []
    own = {origin(figure): figure for figure in heads}
    together = [(base, own[origin(base)]) for base in bases if origin(base) in own]
    if together or not bases or not heads:
        return [*together]
    return [(latest(bases), latest(heads))]


def facts_of(figure: Figure, environments: Environments) -> Environment:
    """The environment that a figure was taken in; one of which nothing is known where it is not there."""
    return environments.get(figure.environment, Environment(()))


def are_of_one_machine(base: Figure, head: Figure, environments: Environments) -> bool:
    """Whether the same work beside their values says how fast the machine was for either."""
    return is_one_machine([facts_of(base, environments), facts_of(head, environments)])


def origin(figure: Figure) -> tuple[str, ...]:
    """What figures of one run have in common; a GPU's facts are in no environment of the CPU's."""
    return figure.source, figure.setting, figure.torch, figure.commit


def allowances(frame: pd.DataFrame, by: str, order: Sequence[str], environments: Environments) -> dict[str, Allowance]:
    """How many times slower the machine may have been for each other run than for the first, where that is the same."""
    if by != "source" or not is_one_machine(environments.values()):
        return {}
    base, *heads = (figures(frame[frame[by] == value]) for value in order)
    return {value: allowance(base, head) for value, head in zip(order[1:], heads, strict=True)}


def allowing(found: Ratio, slower: Slower) -> Ratio:
    """The ratio of two times where the machine may have been slower for head: all of that is in it, or none."""
    if found.low is None or found.high is None:
        return found
    least, most = slower
    return replace(found, low=found.low / most, high=found.high / least)


def confidence(base: Figure, head: Figure, by: str) -> float:
    """How sure an interval is to be: modes of a run are measured next to each other, anything else in another run."""
    return CONFIDENCE if by == "mode" and origin(base) == origin(head) else CONFIDENCE_BETWEEN_RUNS


def pair(
    base: Figure | None, head: Figure | None, labels: tuple[str, str], environments: Environments, by: str,
    slower: Allowance,
) -> Iterator[Row]:  # fmt: skip
    """Two figures as a row, followed by the throughput that step times imply.

    slower: how many times slower the machine may have been for head, which intervals of times allow for.
    """
    if base is None or head is None or "measured" not in (base.status, head.status) or base.status != head.status:
        yield incomparable(base, head, labels)
        return
    if are_of_one_machine(base, head, environments):
        base, head = at_one_pace(base, head)
    first, second = summary_of(base), summary_of(head)
    row = replace(
        blank(head, "undecided"), base=first.estimate, head=second.estimate, base_low=first.low, base_high=first.high,
        head_low=second.low, head_high=second.high, base_label=labels[0], head_label=labels[1],
    )  # fmt: skip
    if base.version != head.version:
        yield of_versions(row, base, head)
        return
    exact, sure = base.is_exact and head.is_exact, confidence(base, head, by)
    if head.metric == "step_time":
        found = time_ratio(base, head, sure)
    else:
        found = compare(base.launches, head.launches, exact, sure)
    if head.kind.unit == "s":
        found = allowing(found, slower.of(base, head))
    differs = hidden(base, head, environments, by)
    if (POOLED in base.warnings or POOLED in head.warnings) and first.estimate:
        found = replace(found, value=second.estimate / first.estimate)
    warnings = doubts(base.warnings + head.warnings + differs, found.warnings)
    verdict = verdict_of(found, head.kind.lower_is_better, time=head.kind.unit == "s", exact=exact)
    row = replace(with_ratio(row, found), verdict=verdict, warnings=warnings, differs=differs, confidence=sure)
    yield row
    if head.metric == "step_time" and base.items_per_step and head.items_per_step:
        yield throughput(row, base.items_per_step, head.items_per_step, found)


def of_versions(row: Row, base: Figure, head: Figure) -> Row:
    """The row of two versions of a workload, which are not compared; asv's are digests that nobody knows."""
    versions = f" from version {base.version} to {head.version}" if base.device else ""
    reason = f"the workload changed{versions}: not the same step"
    return replace(row, reason=reason, warnings=(reason,), differs=(reason,))


def incomparable(base: Figure | None, head: Figure | None, labels: tuple[str, str]) -> Row:
    """The row of a figure that at least one side does not have, with the reason of every side."""
    either = head or base
    assert either is not None
    problems = ["missing" if side is None else NOT_MEASURED.get(side.status, "") for side in (base, head)]
    reasons: dict[str, list[str]] = defaultdict(list)
    for side, name, problem in zip((base, head), labels, problems, strict=True):
        if problem:
            reasons[side.reason if side else "not measured"].append(name)
    values = [summary_of(side).estimate if side and side.status == "measured" else None for side in (base, head)]
    said = "; ".join(f"{' and '.join(names)}: {reason}" for reason, names in reasons.items())
    return replace(
        blank(either, next(kind for kind in ("broken", "n/a", "missing") if kind in problems)),
        base=values[0], head=values[1], reason=said, base_label=labels[0], head_label=labels[1],
    )  # fmt: skip


def throughput(row: Row, base_items: float, head_items: float, found: Ratio) -> Row:
    """The throughput that a row of step times implies; its ratio is head / base, so above 1 is faster."""
    gained, scale = speedup(found), head_items / base_items
    assert row.base is not None
    assert row.head is not None

    def rate(items: float, seconds: float | None) -> float | None:
        return items / seconds if seconds else None

    return replace(
        row, metric="throughput", unit="1/s", base=rate(base_items, row.base), head=rate(head_items, row.head),
        base_low=rate(base_items, row.base_high), base_high=rate(base_items, row.base_low),
        head_low=rate(head_items, row.head_high), head_high=rate(head_items, row.head_low),
        ratio=gained.value * scale, ratio_low=gained.low * scale if gained.low else None,
        ratio_high=gained.high * scale if gained.high else None,
    )  # fmt: skip


def hidden(base: Figure, head: Figure, environments: Environments, by: str) -> tuple[str, ...]:
    """What differs between the two figures besides `by`."""
    found = []
    if base.threads != head.threads:
        found.append(f"threads differ: {base.threads} and {head.threads}")
    if base.data != head.data:
        found.append(f"data differ: {base.data or 'none'} and {head.data or 'none'}")
    return (*found, *differing(facts_of(base, environments), facts_of(head, environments), by))


@functools.lru_cache(maxsize=256)
def differing(first: Environment, second: Environment, by: str) -> tuple[str, ...]:
    """What differs between two environments besides `by`. Thousands of figures share them."""
    if not first.facts or not second.facts:
        return ()
    asked = DEVICE_FACTS if by == "device" else (by,)
    machines = [(host_of if by == "device" else machine_of)(each) for each in (first, second)]
    found = [f"machine differs: {machines[0]} and {machines[1]}"] * (machines[0] != machines[1])
    found += [
        f"{fact} differs: {first.get(fact)} and {second.get(fact)}"
        for fact in HIDDEN_FACTS
        if fact not in asked and first.get(fact) != second.get(fact)
    ]
    return tuple(found)
