"""How one figure of a row is written, whichever topic shows it: its amount with unit, its ratio, how sure it is.

Computes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.records.metrics import metric_of
from reports.format import units
from reports.read.frames import Figure
from reports.read.rows import NAMES, Row

USUAL = {"dtype": ("float32", ""), "mode": ("eager", "")}
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
    return sureness(row.base, row.base_low, row.base_high) if row is not None else units.DASH


def sureness(amount: float | None, low: float | None, high: float | None) -> str:
    """Half the interval of an amount as a percentage of it."""
    if not amount or low is None or high is None:
        return units.DASH
    return UNKNOWN if low <= 0 or high / low > WIDEST else "± " + units.percent((high - low) / 2 / amount)


def placed(text: str, case: Row | Figure) -> str:
    """Where something was measured, with what tells its environment from others, where there are any."""
    return f"{text} ({case.setting})" if case.setting else text


def varying(cases: Sequence[Sequence[str]]) -> list[int]:
    """Which of the names differ between cases (workload, point, then a value of each name), and so need a column."""
    return [index for index in range(len(NAMES)) if len({case[index + 2] for case in cases}) > 1]


def telling(cases: Sequence[Sequence[str]]) -> list[int]:
    """The same, with the type and the mode where all cases have the same unusual one, which no heading says."""
    unusual = {
        NAMES.index(name) for name, usual in USUAL.items() for case in cases if case[NAMES.index(name) + 2] not in usual
    }
    return sorted(unusual | set(varying(cases)))
