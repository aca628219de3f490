"""The figures of a report as one tidy table, to be kept in the page and loaded with pandas. Draws nothing."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from reports.read.frames import Figure
from reports.read.rows import summary_of
from reports.read.runs import Material, Run

LARGEST = 700_000  # characters of JSON; a page that is mailed stays small
LOAD = (
    "import json, re, pandas as pd; "
    'page = open("report.html", encoding="utf-8").read(); '
    "frame = pd.DataFrame(**json.loads(re.search(r'id=\"records\">(.*?)</script>', page, re.S)[1]))"
)
COLUMNS = (
    "run", "workload", "point", "device", "dtype", "mode", "threads", "version", "metric", "unit", "status", "reason",
    "estimate", "low", "high", "spread", "items", "item", "torch", "commit", "values",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Embedded:
    """The table as `pandas.DataFrame(**table)` takes it. complete: whether the raw values are in it."""

    table: dict[str, Any]
    complete: bool


def embedded(material: Material) -> Embedded:
    """One row per case, metric and run; the values are lists by launch, to six digits, or left out of a large page."""
    rows = [row(run, figure) for run, figure in material.figures]
    table = {"columns": list(COLUMNS), "data": rows}
    complete = len(json.dumps(table, allow_nan=False)) <= LARGEST
    if not complete:
        table = {"columns": list(COLUMNS[:-1]), "data": [row[:-1] for row in rows]}
    return Embedded(table, complete)


def row(run: Run, figure: Figure) -> list[Any]:
    """One figure; unknown is null."""
    summary = summary_of(figure) if figure.status == "measured" else None
    facts = (summary.estimate, summary.low, summary.high, summary.spread) if summary else (None,) * 4
    values = [[six_digits(value) for value in launch] for launch in figure.launches]
    return [
        run.label, figure.workload, figure.point, figure.device, figure.dtype, figure.mode, int(figure.threads),
        int(figure.version), figure.metric, figure.kind.unit, figure.status, figure.reason,
        *(six_digits(fact) for fact in facts), figure.items_per_step, figure.item, figure.torch, figure.commit, values,
    ]  # fmt: skip


def six_digits(value: float | None) -> float | None:
    """The value to six digits; null for what JSON has no word for."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
