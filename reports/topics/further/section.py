"""Every metric that has a place on the page and no topic of its own: what it was, and against the first run. Draws
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.metrics import Metric, metric_of
from reports.read.frames import Figure
from reports.read.names import anchor, key, name, where
from reports.read.rows import Row
from reports.read.runs import Material, Run
from reports.topics.ceilings.figures import Roof
from reports.topics.cells import half_width, interval, value
from reports.topics.compare.section import SHADES, run_rows
from reports.topics.overview.figures import single
from reports.topics.section import Section

Compared = dict[tuple[object, ...], Row]


@dataclass(frozen=True, slots=True)
class Entry:
    """One case in one run; its figures are texts. ratio, verdict: against the first run, empty where there is none."""

    id: str
    name: str
    where: str
    run: str
    color: str
    amount: str
    sure: str
    ratio: str
    verdict: str
    shade: str


@dataclass(frozen=True, slots=True)
class Table:
    """One metric with its cases. `what` is the metric in a sentence, with which way is better."""

    id: str
    title: str
    what: str
    entries: tuple[Entry, ...]


def section(material: Material, roofs: Sequence[Roof]) -> Section | None:
    """A table per metric, if there is any."""
    found = tables(material)
    return Section("further", "Further figures", found) if found else None


def tables(material: Material) -> list[Table]:
    """The metrics in the order measured; the runs of a case stand below each other."""
    metrics = dict.fromkeys(figure.metric for _, figure in material.figures if figure.status == "measured")
    compared: Compared = {(row.metric, *key(row), row.head_label): row for row in run_rows(material)}
    return [
        Table(
            anchor("metric", name), metric_of(name).words, sentence(metric_of(name)),
            tuple(entry(material, run, figure, compared) for run, figure in material.measured(name)),
        )
        for name in metrics
        if "page" in metric_of(name).shown
    ]  # fmt: skip


def sentence(metric: Metric) -> str:
    """What the metric is, and which way is better."""
    better = f"{metric.better} is better" if metric.better else "which way is better is not known"
    return f"{metric.what}; {better}"


def figure_id(case: Figure | Row, label: str) -> str:
    """Where a case's figure is found."""
    return anchor("figure", case.metric, *key(case), label)


def entry(material: Material, run: Run, figure: Figure, compared: Compared) -> Entry:
    """One figure as a row."""
    own = next(single(figure))
    against = compared.get((figure.metric, *key(figure), run.label))
    known = against is not None and against.ratio is not None
    return Entry(
        figure_id(figure, material.said(run)), name(figure), where(figure), material.said(run), run.color,
        value(own.base, own), half_width(own), interval(against) if against and known else "",
        against.verdict if against and known else "", SHADES.get(against.verdict, "") if against and known else "",
    )  # fmt: skip
