"""Figures against each other: base and head of every case, their ratio, how sure it is, and what else differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from bench.records.machines import host_of, machine_of
from bench.records.record import Environment
from reports.read.frames import Figure, figures, latest
from reports.read.pairs import time_ratio
from reports.read.rows import NOT_MEASURED, Row, blank, summary_of, verdict_of, with_ratio
from reports.stats.intervals import CONFIDENCE, CONFIDENCE_BETWEEN_RUNS, Ratio, compare
from reports.stats.speedup import speedup
from reports.topics.pace.figures import is_one_machine, pace_of, ratio

# Facts that make a difference nobody asked for, besides the machine.
HIDDEN_FACTS = (
    "torchpace", "ruler", "torch", "torchvision", "python", "numpy", "blas", "malloc", "matmul_precision", "os",
    "hostname", "affinity", "governor", "driver", "cuda", "cudnn", "cudnn_tf32", "gpu_power_limit_w",
    "gpu_max_clock_mhz", "gpu_ecc", "omp_wait_policy", "gomp_spincount", "dirty",
)  # fmt: skip
# What comparing by device is about.
DEVICE_FACTS = ("driver", "cuda", "cudnn", "cudnn_tf32", "gpu_power_limit_w", "gpu_max_clock_mhz", "gpu_ecc")

Environments = Mapping[str, Environment]


def versus(frame: pd.DataFrame, by: str, order: Sequence[str], environments: Environments) -> list[Row]:
    """Every figure of the first value of column `by` against the same figure of each other value.

    Figures are matched by workload, point, metric and whatever of device, dtype and mode is not `by`; what differs
    besides is a warning on the row.
    """
    key = [column for column in ("workload", "point", "device", "dtype", "mode", "metric") if column != by]
    if frame.groupby([by, *key], dropna=False)["threads"].nunique().max() > 1:
        key.append("threads")  # a side that was measured with several numbers of threads says which belong together
    slower = paces(frame, by, order, environments)
    rows: list[Row] = []
    for _, group in frame.groupby(key, sort=False, dropna=False):
        base, *heads = [latest(figures(group[group[by] == value])) for value in order]
        for head, label in zip(heads, order[1:], strict=True):
            if base or head:
                rows += pair(base, head, (order[0], label), environments, by, slower.get(label, 1.0))
    return rows


def paces(frame: pd.DataFrame, by: str, order: Sequence[str], environments: Environments) -> dict[str, float]:
    """How many times slower the machine was for each other run than for the first, where both were watched on one."""
    if by != "source" or not is_one_machine(environments.values()):
        return {}
    base, *heads = (pace_of(figures(frame[frame[by] == value])) for value in order)
    found = {label: ratio(base, head) for label, head in zip(order[1:], heads, strict=True)}
    return {label: slower for label, slower in found.items() if slower is not None}


def allowing(found: Ratio, slower: float) -> Ratio:
    """The ratio of two times where the machine was so many times slower for head: all of that may be in it, or none."""
    if found.low is None or found.high is None:
        return found
    return replace(found, low=found.low / max(1.0, slower), high=found.high / min(1.0, slower))


def confidence(by: str) -> float:
    """How sure an interval is to be: modes are measured next to each other, anything else in another run."""
    return CONFIDENCE if by == "mode" else CONFIDENCE_BETWEEN_RUNS


def pair(
    base: Figure | None,
    head: Figure | None,
    labels: tuple[str, str],
    environments: Environments,
    by: str,
    slower: float,
) -> Iterator[Row]:
    """Two figures as a row, followed by the throughput that step times imply.

    slower: how many times slower the machine was for head, which intervals of times allow for.
    """
    if base is None or head is None or "measured" not in (base.status, head.status) or base.status != head.status:
        yield incomparable(base, head, labels)
        return
    first, second = summary_of(base), summary_of(head)
    row = replace(
        blank(head, "undecided"), base=first.estimate, head=second.estimate, base_low=first.low, base_high=first.high,
        head_low=second.low, head_high=second.high, base_label=labels[0], head_label=labels[1],
    )  # fmt: skip
    if base.version != head.version:
        reason = f"the workload changed from version {base.version} to {head.version}: not the same step"
        yield replace(row, reason=reason, warnings=(reason,), differs=(reason,))
        return
    exact = base.is_exact and head.is_exact
    if head.metric == "step_time":
        found = time_ratio(base, head, confidence(by))
    else:
        found = compare(base.launches, head.launches, exact, confidence(by))
    if head.kind.unit == "s":
        found = allowing(found, slower)
    differs = hidden(base, head, environments, by)
    warnings = base.warnings + head.warnings + differs + found.warnings
    verdict = verdict_of(found, head.kind.lower_is_better, time=head.kind.unit == "s", exact=exact)
    row = replace(with_ratio(row, found), verdict=verdict, warnings=tuple(dict.fromkeys(warnings)), differs=differs)
    yield row
    if head.metric == "step_time" and base.items_per_step and head.items_per_step:
        yield throughput(row, base.items_per_step, head.items_per_step, found)


def incomparable(base: Figure | None, head: Figure | None, labels: tuple[str, str]) -> Row:
    """The row of a figure that at least one side does not have, with the reason of every side."""
    either = head or base
    assert either is not None
    problems = ["missing" if side is None else NOT_MEASURED.get(side.status, "") for side in (base, head)]
    reasons = [
        f"{label}: {side.reason if side else 'not measured'}"
        for side, label, problem in zip((base, head), labels, problems, strict=True)
        if problem
    ]
    values = [summary_of(side).estimate if side and side.status == "measured" else None for side in (base, head)]
    return replace(
        blank(either, next(kind for kind in ("broken", "n/a", "missing") if kind in problems)),
        base=values[0], head=values[1], reason="; ".join(reasons), base_label=labels[0], head_label=labels[1],
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
    first, second = (environments.get(side.environment, Environment(())) for side in (base, head))
    if first.facts and second.facts:
        asked = DEVICE_FACTS if by == "device" else (by,)
        machines = [(host_of if by == "device" else machine_of)(each) for each in (first, second)]
        found += [f"machine differs: {machines[0]} and {machines[1]}"] * (machines[0] != machines[1])
        found += [
            f"{fact} differs: {first.get(fact)} and {second.get(fact)}"
            for fact in HIDDEN_FACTS
            if fact not in asked and first.get(fact) != second.get(fact)
        ]
    return tuple(found)
