"""Records as a table to choose from, a row per case and metric; and what was chosen as figures, with every launch."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bench.records.files import Contents
from bench.records.metrics import POOLED, VARIES, Metric, metric_of
from bench.records.record import Environment, Record
from reports.read.columns.arrays import STATUSES, columns_of, in_groups
from reports.read.laid_out import joined, paces_of, usual_references
from reports.read.settings import settings
from reports.read.tails import LATENCY, TAIL, tails_of, why_none


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of one case: the values of its launches, or why there are none. `items` is per step.

    launches: those that share a layout of memory are one.
    turns: for each launch the mode that it took turns with, or nothing. parts: those of the launches that have any.
    machine, readings: likewise what the machine did meanwhile, and what was read with each value. setting: what tells
    its environment from others that measured the same; empty where there is none. layouts: for each launch its run and
    its layout of memory, which launches of other cases had, too; None where it had one of its own. facts: what its last
    process said of itself. paces: for each launch how many times as long as usually in its run the machine took for the
    same work beside it; empty where that is not known. reference_s: seconds that it took usually; None likewise.
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
    layouts: tuple[tuple[str, int] | None, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    paces: tuple[float, ...] = ()
    reference_s: float | None = None

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


# What rows are chosen by; the rest of a figure is read of those that were chosen.
CHOSEN_BY = (
    "workload", "point", "device", "dtype", "mode", "threads", "version", "source", "torch", "commit", "metric",
    "environment", "status", "setting",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """The records of contents in the order of their figures."""

    contents: Contents
    order: np.ndarray

    def figure(self, begin: int, end: int) -> list[Record]:
        """The records of a figure, by where they begin and end in that order."""
        return [self.contents.records[at] for at in self.order[begin:end].tolist()]


def frame_of(contents: Contents, source: str = "") -> pd.DataFrame:
    """One row per figure, in the order measured, by what rows are chosen by: all launches of a case and metric in one
    environment. Columns of its own say which records those are.
    """
    columns = columns_of(contents.records)
    codes = [name.codes for name in (columns.case, columns.metric, columns.environment)]
    order, begins = in_groups(codes)
    cases, metrics, ids = (name[order[begins]] for name in codes)
    known = [contents.environments.get(id, Environment(())) for id in columns.environment.names]
    labels = settings(columns, contents.environments)
    ends = np.append(begins, len(order))[1:]
    of_case = {name: np.array([getattr(case, name) for case in columns.case.names], dtype=object)[cases]
               for name in ("workload", "device", "dtype", "mode", "threads", "version")}  # fmt: skip
    of_environment = {
        "environment": list(columns.environment.names),
        "setting": [labels.get(id, "") for id in columns.environment.names],
        **{fact: [str(each.get(fact) or "") for each in known] for fact in ("torch", "commit")},
    }
    taken = Taken(contents, order)
    return pd.DataFrame({
        **of_case,
        "point": np.array([case.point_text for case in columns.case.names], dtype=object)[cases],
        "metric": np.array(columns.metric.names, dtype=object)[metrics],
        **{name: np.array(values, dtype=object)[ids] for name, values in of_environment.items()},
        "status": worst(columns.status.codes[order], begins),
        "source": source, "taken": [taken] * len(begins), "begin": begins, "end": ends,
    })  # fmt: skip


def figures(frame: pd.DataFrame) -> list[Figure]:
    """The rows of a frame as figures, those of a source followed by the tails of its latencies."""
    found = []
    for _, rows in frame.groupby("source", sort=False):
        chosen = [(row, records_of(row)) for row in rows.itertuples(index=False)]
        usual = usual_references(record for _, records in chosen for record in records)
        read = [figure_of(row, records, usual) for row, records in chosen]
        timed = [figure for figure in read if figure.metric == LATENCY and figure.status == "measured"]
        found += [*read, *map(tail, timed)]
    return found


def records_of(row: Any) -> list[Record]:
    """The records of a row, which are read."""
    records: list[Record] = row.taken.figure(row.begin, row.end)
    return records


def figure_of(row: Any, records: Sequence[Record], usual: Mapping[str, float]) -> Figure:
    """The figure of a row and its records. usual: what the reference work usually took in each run."""
    return Figure(**{name: getattr(row, name) for name in CHOSEN_BY}, **rest_of(records, usual))


def tail(latency: Figure) -> Figure:
    """The 99th percentile of a measured latency in every process; unavailable where too few calls were made."""
    found = replace(latency, metric=TAIL, launches=tails_of(latency.launches))
    return found if found.launches else replace(found, status="unavailable", reason=why_none(latency.launches))


def rest_of(records: Sequence[Record], usual: Mapping[str, float]) -> dict[str, Any]:
    """All of a figure that its row does not say: the launches, and what is known of them."""
    last, launched = records[-1], joined(records)
    runs = {record.run for record in launched}
    return {
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
        "layouts": tuple(layout_of(record) for record in launched for _ in launches_of(record)),
        "facts": next((record.facts for record in reversed(records) if record.facts), ()),
        "paces": paces_of(launched, usual),
        "reference_s": statistics.median(usual[record.run] for record in launched) if runs <= usual.keys() else None,
    }


def layout_of(record: Record) -> tuple[str, int] | None:
    """In which layout of memory of which run a record's process was, if that shared it."""
    return None if record.layout is None else (record.run, record.layout)


def launches_of(record: Record) -> tuple[tuple[float, ...], ...]:
    """The launches that a record has the values of: one, or where nobody kept processes apart, each value by itself."""
    if POOLED in record.warnings:
        return tuple((value,) for value in record.values)
    return (record.values,) if record.values else ()


def worst(codes: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """The status of each figure from those of its launches: broken if any is, unavailable if none was measured."""
    found = np.full(len(begins), "unavailable", dtype=object)
    for status in ("measured", "broken"):
        found[np.logical_or.reduceat(codes == STATUSES.index(status), begins)] = status
    return found


def latest(found: Sequence[Figure]) -> Figure | None:
    """The last measured of several figures of one case, else the last; None where there is none."""
    measured = [figure for figure in found if figure.status == "measured"]
    return measured[-1] if measured else found[-1] if found else None
