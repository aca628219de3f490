"""Records as a table: one row per case and metric, with the values of every launch. Draws no conclusions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.records.files import Contents
from bench.records.metrics import POOLED, VARIES, Metric, metric_of
from bench.records.record import Environment, Record
from reports.read.laid_out import joined
from reports.read.settings import settings
from reports.read.tails import with_tails


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of one case: the values of its launches, or why there are none. `items` is per step.

    launches: those that share a layout of memory are one.
    turns: for each launch the mode that it took turns with, or nothing. parts: those of the launches that have any.
    machine, readings: likewise what the machine did meanwhile, and what was read with each value. setting: what tells
    its environment from others that measured the same; empty where there is none.
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
    setting: str = ""
    readings: tuple[tuple[tuple[str, tuple[float, ...]], ...], ...] = ()

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
    return with_tails(pd.DataFrame(rows_of(contents, source), columns=list(Figure.__dataclass_fields__)))


def rows_of(contents: Contents, source: str) -> list[dict[str, Any]]:
    """The figures as rows: all launches of a case and metric in one environment."""
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in contents.records:
        groups.setdefault((record.case, record.metric, record.environment), []).append(record)
    labels = settings(contents.records, contents.environments)
    rows = []
    for (_, _, id), records in groups.items():
        environment = contents.environments.get(str(id), Environment(()))
        rows.append(row_of(records, environment) | {"source": source, "setting": labels.get(str(id), "")})
    return rows


def figures(frame: pd.DataFrame) -> list[Figure]:
    """The rows of a frame as figures."""
    rows: list[dict[Any, Any]] = frame.to_dict("records")
    return [Figure(**row) for row in rows]


def row_of(records: Sequence[Record], environment: Environment) -> dict[str, Any]:
    """The launches of one figure as a row; facts that the environment does not know are empty."""
    last, case = records[-1], records[-1].case
    launched = joined(records)
    return {
        "workload": case.workload,
        "point": case.point_text,
        "device": case.device,
        "dtype": case.dtype,
        "mode": case.mode,
        "threads": case.threads,
        "version": case.version,
        "torch": str(environment.get("torch") or ""),
        "commit": str(environment.get("commit") or ""),
        "metric": last.metric,
        "environment": last.environment,
        "status": worst([record.status for record in records]),
        "reason": next((record.reason for record in records if record.reason), ""),
        "launches": tuple(launch for record in launched for launch in launches_of(record)),
        "items": float(last.items) if last.items is not None else math.nan,
        "item": last.item,
        "data": last.data,
        "warnings": tuple(dict.fromkeys(warning for record in records for warning in record.warnings)),
        "turns": tuple(record.turns for record in launched if record.values),
        "parts": tuple(record.parts for record in records if record.parts),
        "machine": tuple(record.machine for record in records if record.machine),
        "readings": tuple(record.readings for record in records if record.readings),
    }


def launches_of(record: Record) -> tuple[tuple[float, ...], ...]:
    """The launches that a record has the values of: one, or where nobody kept processes apart, each value by itself."""
    if POOLED in record.warnings:
        return tuple((value,) for value in record.values)
    return (record.values,) if record.values else ()


def worst(statuses: Sequence[str]) -> str:
    """The status of several launches: broken if any is, unavailable if none was measured."""
    return next((status for status in ("broken", "measured") if status in statuses), "unavailable")


def latest(found: Sequence[Figure]) -> Figure | None:
    """The last measured of several figures of one case, else the last; None where there is none."""
    measured = [figure for figure in found if figure.status == "measured"]
    return measured[-1] if measured else found[-1] if found else None
