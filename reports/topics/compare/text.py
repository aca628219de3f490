"""One run, mode or device against another, as tables. Computes nothing."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

from bench.records.metrics import metric_of
from bench.records.record import Environment
from reports.format import units
from reports.format.tables import grid, plain, title
from reports.read.rows import NAMES, Row, case_of
from reports.stats.intervals import CONFIDENCE_BETWEEN_RUNS
from reports.topics.cells import interval, telling, value, varying
from reports.topics.notes import machine, missing_table, warnings_text


def versus_text(rows: Sequence[Row], environments: Mapping[str, Environment], style: str = "table") -> str:
    """A table per metric: base, head, their ratio, what it means; then what could not be compared, and warnings."""
    parts = [plain(machine(environments, rows), style), *answered(rows)]
    compared = [row for row in rows if row.verdict not in ("n/a", "broken", "missing")]
    if compared and all(row.differs for row in compared):
        parts.append("Something else differs in all of them; see the warnings.")
    marked = 0 < sum(bool(row.differs) for row in compared) < len(compared)  # a mark on everything says nothing
    by_mode = any(row.head_label == row.mode for row in compared)
    shown = (varying if by_mode else telling)([case_of(row) for row in compared])
    left = ["workload", "point", *(NAMES[index] for index in shown)]
    for metric in tabled(compared):
        chosen = [row for row in compared if row.metric == metric]
        for base, head in dict.fromkeys((row.base_label, row.head_label) for row in chosen):
            cells = [
                [row.workload, row.point, *[case_of(row)[index + 2] for index in shown], value(row.base, row),
                 value(row.head, row), interval(row), row.verdict + (" (!)" if marked and row.differs else "")]
                for row in chosen
                if (row.base_label, row.head_label) == (base, head)
            ]  # fmt: skip
            headers = [*left, base, head, f"ratio [{sure(chosen)}]", "verdict"]
            parts.append(f"{title(metric, style)}\n\n{grid(headers, cells, style, len(left))}")
    if marked:
        parts.append("(!): something else differs, too; see the warnings.")
    parts += [missing_table(rows, style), warnings_text(rows, style)]
    return "\n\n".join(part for part in parts if part)


def sure(rows: Sequence[Row]) -> str:
    """How sure the intervals are: as sure as the least sure of them."""
    return units.percent(min((row.confidence for row in rows if row.confidence), default=CONFIDENCE_BETWEEN_RUNS))


def tabled(compared: Sequence[Row]) -> list[str]:
    """The metrics that have a table: without throughput, whose ratios are those of step times turned over."""
    changed = {row.metric for row in compared if row.verdict != "same"}
    metrics = [
        metric
        for metric in dict.fromkeys(row.metric for row in compared)
        if metric in changed or "compare if changed" not in metric_of(metric).shown
    ]
    return [metric for metric in metrics if metric != "throughput" or "step_time" not in metrics]


def answered(rows: Sequence[Row]) -> list[str]:
    """How many step times became what, and which change could have been seen; nothing where there are none."""
    times = [row for row in rows if row.metric == "step_time"]
    if not times:
        return []
    counts = Counter(row.verdict for row in times)
    return ["step_time: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()), resolution(times)]


def resolution(times: Sequence[Row]) -> str:
    """In words, which change the compared step times could have shown."""
    widths = [
        math.sqrt(row.ratio_high / row.ratio_low) - 1 for row in times if row.ratio_low and row.ratio_high is not None
    ]
    if not widths:
        return "No step time here has an interval: each side needs two processes or more."
    return (
        f"In half of the cases a change below {units.percent(statistics.median(widths))} cannot be told from none; "
        "more launches on both sides can tell smaller ones."
    )
