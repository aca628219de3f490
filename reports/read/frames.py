"""Records as a table: one row per case and metric, with the values of every launch. Draws no conclusions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.records.files import Contents
from bench.records.metrics import VARIES, Metric, metric_of
from bench.records.record import Environment, Record
from reports.read.tails import with_tails

CASE = ["workload", "point", "device", "dtype", "mode", "threads", "version"]
# Where a figure comes from: the source it was read from, and the facts that people compare by.
ORIGIN = ["source", "torch", "commit"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of one case: the values of its launches, or why there are none. `items` is per step.

    turns: for each launch the mode that it took turns with, or nothing. parts: those of the launches that have any.
    machine: likewise what the machine did meanwhile.
    """

    workload: str
    point: str
    device: str
    dtype: str
    mode: str
    threads: int
    version: int
    source: str
    torch: str
    commit: str
    metric: str
    environment: str
    status: str
    reason: str
    launches: tuple[tuple[float, ...], ...]
    items: float
    item: str
    data: str
    warnings: tuple[str, ...]
    turns: tuple[str, ...] = ()
    parts: tuple[tuple[tuple[str, float], ...], ...] = ()
    machine: tuple[tuple[tuple[str, float], ...], ...] = ()

    @property
    def kind(self) -> Metric:
        """The metric's definition."""
        return metric_of(self.metric)

    @property
    def is_exact(self) -> bool:
        """Whether it is the same in every run of the same code, so that two are compared for equality."""
        return self.kind.assumes == "exact" and VARIES not in self.warnings

    @property
    def items_per_step(self) -> float | None:
        """Items per step, or None when the record does not say."""
        return None if math.isnan(self.items) else self.items


def frame_of(contents: Contents, source: str = "") -> pd.DataFrame:
    """One row per figure, in the order measured, then the tails of latencies; the columns are the fields of Figure."""
    frame = pd.DataFrame([row_of(record, contents.environments, source) for record in contents.records])
    grouped = frame.groupby([*CASE, *ORIGIN, "metric", "environment"], sort=False, dropna=False)
    found = grouped.agg(
        status=("status", worst),
        reason=("reason", lambda texts: next((text for text in texts if text), "")),
        launches=("values", lambda values: tuple(value for value in values if value)),
        items=("items", "last"),
        item=("item", "last"),
        data=("data", "last"),
        warnings=("warnings", lambda warnings: tuple(dict.fromkeys(w for ws in warnings for w in ws))),
        turns=("turns", lambda turns: tuple(turn for launch in turns for turn in launch)),
        parts=("parts", lambda parts: tuple(part for part in parts if part)),
        machine=("machine", lambda machine: tuple(facts for facts in machine if facts)),
    ).reset_index()
    return with_tails(found)


def figures(frame: pd.DataFrame) -> list[Figure]:
    """The rows of a frame as figures."""
    rows: list[dict[Any, Any]] = frame.to_dict("records")
    return [Figure(**row) for row in rows]


def row_of(record: Record, environments: Mapping[str, Environment], source: str) -> dict[str, Any]:
    """One record as a row; facts that its environment does not know are empty."""
    environment = environments.get(record.environment, Environment(()))
    case = record.case
    return {
        "workload": case.workload,
        "point": case.point_text,
        "device": case.device,
        "dtype": case.dtype,
        "mode": case.mode,
        "threads": case.threads,
        "version": case.version,
        "source": source,
        "torch": str(environment.get("torch") or ""),
        "commit": str(environment.get("commit") or ""),
        "metric": record.metric,
        "environment": record.environment,
        "status": record.status,
        "reason": record.reason,
        "values": record.values,
        "items": float(record.items) if record.items is not None else math.nan,
        "item": record.item,
        "data": record.data,
        "warnings": record.warnings,
        "turns": (record.turns,) if record.values else (),
        "parts": record.parts,
        "machine": record.machine,
    }


def worst(statuses: pd.Series[str]) -> str:
    """The status of several launches: broken if any is, unavailable if none was measured."""
    seen = set(statuses)
    return "broken" if "broken" in seen else "measured" if "measured" in seen else "unavailable"


def latest(found: Sequence[Figure]) -> Figure | None:
    """The last measured of several figures of one case, else the last; None where there is none."""
    measured = [figure for figure in found if figure.status == "measured"]
    return measured[-1] if measured else found[-1] if found else None
