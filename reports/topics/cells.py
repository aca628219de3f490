"""How one figure of a row is written, whichever topic shows it: its amount with unit, its ratio, how sure it is.

Computes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.records.metrics import metric_of
from reports.format import units
from reports.read.rows import Row

NEVER = "never"
UNKNOWN = "not known"
WIDEST = 10.0  # an interval whose ends differ by more than so many times says nothing


def value(amount: float | None, row: Row) -> str:
    """An amount of the row's metric, with its unit."""
    if row.metric == "throughput":
        return units.rate(amount, row.item or "item")
    if row.metric == "break_even_steps" and amount == math.inf:
        return NEVER
    written = metric_of(row.metric).written
    if written == "percent":
        return units.percent(amount)
    if written == "digits":
        return units.DASH if amount is None else f"{amount:.3g}"
    return units.quantity(amount, row.unit)


def interval(row: Row) -> str:
    """The row's ratio with its interval, such as '1.04 [1.01, 1.07]'."""
    text = units.ratio(row.ratio)
    if row.ratio_low is None or row.ratio_high is None or row.ratio_low == row.ratio_high:
        return text
    if row.ratio_low <= 0 or row.ratio_high / row.ratio_low > WIDEST:
        return UNKNOWN
    return f"{text} [{units.ratio(row.ratio_low)}, {units.ratio(row.ratio_high)}]"


def half_width(row: Row | None) -> str:
    """Half the interval of a row's base as a percentage of it."""
    if row is None or row.base is None or row.base_low is None or row.base_high is None or row.base == 0:
        return units.DASH
    if row.base_low <= 0 or row.base_high / row.base_low > WIDEST:
        return UNKNOWN
    return "± " + units.percent((row.base_high - row.base_low) / 2 / row.base)


NAMES = ("device", "dtype", "mode", "threads")  # what tells cases of one workload and point apart


def case_of(row: Row) -> tuple[str, ...]:
    """What identifies the row's case, as text."""
    return row.workload, row.point, row.device, row.dtype, row.mode, str(row.threads)


def varying(cases: Sequence[Sequence[str]]) -> list[int]:
    """Which of the names differ between cases (workload, point, then a value of each name), and so need a column."""
    return [index for index in range(len(NAMES)) if len({case[index + 2] for case in cases}) > 1]
