"""What to look at first: the largest changes, what is broken, what a run shows by itself. Draws nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.records.metrics import metric_of
from reports.format import units
from reports.read.names import anchor, key, name, where
from reports.read.rows import DERIVED, Row, summary_of
from reports.read.runs import Material
from reports.topics.absent.section import cause
from reports.topics.cells import interval, value
from reports.topics.compare.section import SHADES, speedups
from reports.topics.further.section import figure_id
from reports.topics.ladder.figures import ladders
from reports.topics.ladder.text import ratio

CHANGED = ("slower", "faster", "worse", "better", "changed")
MOST_TIMES = 5
MOST_OTHERS = 3  # of each other metric
MOST_BROKEN = 5
MOST_NOISY = 3
WIDE = 0.1  # half an interval, as a share of the step time, from which on a reader is told


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: what (a shade of colour and a word), of which case, its evidence, and where more is."""

    shade: str
    word: str
    name: str
    where: str
    evidence: str
    target: str


def size(row: Row) -> float:
    """How large a change is, in either direction."""
    return abs(math.log(row.ratio)) if row.ratio and math.isfinite(row.ratio) else math.inf


def changes(material: Material, rows: Sequence[Row]) -> Iterator[Finding]:
    """The largest changes that are beyond doubt: of step times, of peak memory, and of what has no topic of its own."""
    others = (row.metric for row in rows if row.metric not in DERIVED and "page" in metric_of(row.metric).shown)
    for metric in dict.fromkeys(("step_time", "peak_memory", *others)):
        found = [row for row in rows if row.metric == metric and row.verdict in CHANGED]
        for row in sorted(found, key=size, reverse=True)[: MOST_TIMES if metric == "step_time" else MOST_OTHERS]:
            label = [row.head_label] * (len(material.runs) > 2)
            evidence = f"{interval(row)}: {value(row.base, row)} → {value(row.head, row)}"
            yield Finding(
                SHADES.get(row.verdict, row.verdict), in_words(row), name(row), " · ".join((where(row), *label)),
                evidence, target(row, row.head_label),
            )  # fmt: skip


def in_words(row: Row) -> str:
    """What happened to a figure: 'slower', 'more memory', 'less energy'."""
    metric = metric_of(row.metric)
    if row.metric == "step_time":
        return row.verdict
    thing = "memory" if row.metric == "peak_memory" else metric.words
    if row.verdict not in SHADES:  # another time; or nobody knows which way is better
        return f"{thing} {row.verdict}"
    return f"{'more' if (row.verdict == 'worse') == metric.lower_is_better else 'less'} {thing}"


def target(row: Row, label: str) -> str:
    """Where the figure of a run stands on the page."""
    kind = {"step_time": "time", "peak_memory": "memory"}.get(row.metric)
    return anchor(kind, *key(row), label) if kind else figure_id(row, label)


def broken(material: Material) -> Iterator[Finding]:
    """The cases whose step is broken."""
    found = [figure for _, figure in material.figures if figure.status == "broken" and figure.metric == "step_time"]
    for figure in found[:MOST_BROKEN]:
        yield Finding("broken", "broken", name(figure), where(figure), figure.reason, anchor("not", *cause(figure)))


def alone_findings(material: Material) -> Iterator[Finding]:
    """What every run shows by itself."""
    yield from gained(material)
    yield from climbed(material)
    yield from noisy(material)


def gained(material: Material) -> Iterator[Finding]:
    """The case for which compiling pays most, and the one that it slows most."""
    for run in material.runs:
        rows = sorted((row for row in speedups(run.figures) if row.ratio), key=lambda row: row.ratio or 1.0)
        ends = (*rows[-1:], *rows[:1])
        for row in (row for row, verdict in zip(ends, ("faster", "slower"), strict=False) if row.verdict == verdict):
            evidence, target = f"{interval(row)} times eager's speed", anchor("compile", *key(row), material.said(run))
            yield Finding(row.verdict, row.verdict, name(row), where(row), evidence, target)


def climbed(material: Material) -> Iterator[Finding]:
    """The fastest rung of every ladder, if it is faster than the bottom one."""
    for run in material.runs:
        for ladder in ladders(run.figures):
            best = max(
                (tread for tread in ladder.treads if tread.total), key=lambda tread: tread.rate or 0, default=None
            )
            if best is not None and best.total is not None and best.total.value > 1:
                target = anchor("rung", *key(best.figure), material.said(run))
                yield Finding(
                    "faster", f"ladder up to {best.rung}", ladder.workload, where(best.figure),
                    f"{ratio(best.total)} times the throughput of its bottom rung", target,
                )  # fmt: skip


def noisy(material: Material) -> Iterator[Finding]:
    """The cases whose step time is known least."""
    widths = [(summary_of(figure), run, figure) for run, figure in material.measured("step_time")]
    wide = [(found, run, figure) for found, run, figure in widths if (found.half_width or 0.0) > WIDE]
    for found, run, figure in sorted(wide, key=lambda each: -(each[0].half_width or 0.0))[:MOST_NOISY]:
        evidence = f"{units.quantity(found.estimate, 's')} ± {units.percent(found.half_width)} between launches"
        target = anchor("time", *key(figure), material.said(run))
        yield Finding("undecided", "uncertain", name(figure), where(figure), evidence, target)
