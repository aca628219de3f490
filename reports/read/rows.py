"""A row of a report: one metric of one case, base and head, their ratio, and what it means. Plain data."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bench.records.metrics import POOLED
from reports.read.frames import Figure
from reports.stats.intervals import ONE_LAUNCH, UNSURE, Ratio, Summary, summarize
from reports.stats.levelled import levelled

SAME_WITHIN = 0.03  # an interval of the ratio inside 1 +- this counts as the same
COMPARED = ("slower", "faster", "same", "undecided")  # what comparing two times comes to
NOT_MEASURED = {"broken": "broken", "unavailable": "n/a"}
DERIVED = ("throughput", "speedup", "break_even_steps")  # metrics of rows that no record has


@dataclass(frozen=True, slots=True)
class Row:
    """Values are in `unit`, with their 95 % intervals; unknown is None.

    ratio: head / base, or for the metric "speedup" eager time / compiled time. Its interval is 95 % between modes that
    were measured next to each other, and 99 % otherwise.
    verdict: slower or faster (times), worse or better (other metrics), changed (where it is not known which way is
    better), same, undecided, missing (on one side), broken, n/a; measured, when there is only one side; never, for a
    break-even that does not come.
    differs: those of the warnings that say what else is not the same on both sides.
    setting: what tells its environment from others that measured the same. torch, commit, environment: of the head
    where there are two. confidence: of the ratio's interval.
    """

    workload: str
    point: str
    device: str
    dtype: str
    mode: str
    threads: int
    metric: str
    unit: str
    verdict: str
    base: float | None = None
    head: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    warnings: tuple[str, ...] = ()
    reason: str = ""
    base_low: float | None = None
    base_high: float | None = None
    head_low: float | None = None
    head_high: float | None = None
    spread: float | None = None
    item: str = ""
    data: str = ""
    base_label: str = ""
    head_label: str = ""
    differs: tuple[str, ...] = ()
    setting: str = ""
    torch: str = ""
    commit: str = ""
    environment: str = ""
    confidence: float | None = None


def blank(figure: Figure, verdict: str) -> Row:
    """A row that identifies the figure and gives no value yet."""
    return Row(
        workload=figure.workload, point=figure.point, device=figure.device, dtype=figure.dtype, mode=figure.mode,
        threads=figure.threads, metric=figure.metric, unit=figure.kind.unit, verdict=verdict, item=figure.item,
        data=figure.data, setting=figure.setting, torch=figure.torch, commit=figure.commit,
        environment=figure.environment,
    )  # fmt: skip


def with_ratio(row: Row, ratio: Ratio) -> Row:
    """The row with a ratio and its interval."""
    return replace(row, ratio=ratio.value, ratio_low=ratio.low, ratio_high=ratio.high)


def summary_of(figure: Figure) -> Summary:
    """The summary of a measured figure's launches, levelled where the machine's pace beside them is known.

    Of values that were not kept by process the median is shown.
    """
    found = summarize(figure.launches, figure.is_exact)
    if figure.paces and not figure.is_exact:
        level = summarize(levelled(figure.launches, figure.paces))
        found = replace(found, estimate=level.estimate, low=level.low, high=level.high)
    return replace(found, estimate=middle(figure)) if POOLED in figure.warnings else found


def middle(figure: Figure) -> float:
    """The median of all values, as the tools that pool them show it."""
    return statistics.median(value for launch in figure.launches for value in launch)


def doubts(own: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """A figure's own warnings and those of its statistics, without saying twice why nothing is known."""
    told = any(UNSURE in warning for warning in own)
    return tuple(dict.fromkeys([*own, *(warning for warning in found if not (told and warning == ONE_LAUNCH))]))


def verdict_of(ratio: Ratio, lower_is_better: bool | None, time: bool, exact: bool = False) -> str:
    """What a ratio head / base means. Without an interval nothing is decided."""
    worse, better = ("slower", "faster") if time else ("worse", "better")
    if lower_is_better is None:
        worse = better = "changed"
    grown, shrunk = (worse, better) if lower_is_better else (better, worse)
    if exact:
        return "same" if ratio.value == 1 else grown if ratio.value > 1 else shrunk
    if ratio.low is None or ratio.high is None:
        # A loss that comes out the very same is the same; a time that does is luck.
        return "same" if ratio.value == 1 and not time else "undecided"
    if ratio.low >= 1 - SAME_WITHIN and ratio.high <= 1 + SAME_WITHIN:
        return "same"
    return grown if ratio.low > 1 else shrunk if ratio.high < 1 else "undecided"


# What tells cases of one workload and point apart.
NAMES = ("device", "dtype", "mode", "threads", "setting")


def case_of(row: Row | Figure) -> tuple[str, ...]:
    """What identifies the case of a row or figure, as text: workload, point, then a value of each name."""
    return row.workload, row.point, *(str(getattr(row, name)) for name in NAMES)


TEXTS = ("warnings", "differs")  # fields that are several texts


def by_case(rows: Sequence[Row]) -> dict[tuple[str, ...], dict[str, Row]]:
    """The rows of each case by metric, in order of appearance."""
    cases: dict[tuple[str, ...], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        cases[case_of(row)].setdefault(row.metric, row)
    return cases


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """The rows as a pandas table, one column per field; several texts of one field stand in one, between semicolons."""
    columns = {name: [getattr(row, name) for row in rows] for name in Row.__dataclass_fields__}
    for name in TEXTS:
        columns[name] = ["; ".join(texts) for texts in columns[name]]
    return pd.DataFrame(columns)
