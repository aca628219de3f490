"""What changed along many series at once: steps and drifts, with false finds held down over all. Pure; no files.

Over all series of a report, steps and drifts are each held to half of LEVEL by Benjamini and Hochberg's procedure
("Controlling the false discovery rate", JRSS B 57, 1995): when nothing changed anywhere, at most one report in twenty
names anything, and else at most a twentieth of the series named is named wrongly, on average.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from reports.stats.drifts import Drift, Size, drift_of, size_of
from reports.stats.level_shifts import MIN_POINTS, Step, best_splits, news_of, steps_of

LEVEL = 0.05
KINDS = 2  # steps and drifts share the level

Kind: TypeAlias = Literal["step", "drift"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a series; points are numbered from 0.

    A step lies between points `before` and `after`. A drift begins between them and goes on until point `until`.
    earliest, latest: the point after which, and that by which, it began, to 95 %.
    ratio, low, high: new level / old level (for a drift: its end / its beginning) with the 95 % interval; infinite
    from 0. p: chance of such a find in a series without one; None for exact figures, which have no chance in them.
    """

    kind: Kind
    before: int
    after: int
    until: int
    earliest: int
    latest: int
    ratio: float
    low: float
    high: float
    p: float | None


@dataclass(frozen=True, slots=True)
class Examined:
    """A series with the steps that are significant, and the stretches between those steps that are no slope."""

    y: np.ndarray
    steps: list[Step]
    stretches: list[tuple[int, int, Drift | None]]

    @property
    def drift_p(self) -> float:
        """The p-value of the series' surest drift, for all its stretches together."""
        tested = [drift.p for _, _, drift in self.stretches if drift]
        return min(1.0, min(tested) * len(tested)) if tested else 1.0


def exact_changes(values: Sequence[float]) -> list[Change]:
    """Every change of an exact figure: each place where it differs from the value before."""
    return [
        Change("step", at - 1, at, at, at - 1, at, ratio, ratio, ratio, None)
        for at in range(1, len(values))
        if values[at] != values[at - 1]
        for ratio in [values[at] / values[at - 1] if values[at - 1] else math.inf]
    ]


def noisy_changes(
    series: Sequence[Sequence[float] | np.ndarray], least: float, level: float = LEVEL
) -> list[list[Change]]:
    """The changes of each series of positive figures, in order; `least` is the smallest ratio - 1 worth naming.

    A series of fewer than MIN_POINTS points has none. Raises ValueError for figures that are not positive.
    """
    arrays = [np.asarray(values, dtype=float) for values in series]
    if not all((values > 0).all() for values in arrays):
        raise ValueError("a series has figures that are not above 0, whose logarithms do not exist")
    logs = [np.log(values) for values in arrays]
    enough = [y for y in logs if len(y) >= MIN_POINTS]
    found = iter(changes_of_logs(enough, math.log1p(least), level / KINDS))
    return [next(found) if len(y) >= MIN_POINTS else [] for y in logs]


def changes_of_logs(logs: Sequence[np.ndarray], least: float, level: float) -> list[list[Change]]:
    """The changes of each series of logarithms; `least` in logarithms, `level` for steps and for drifts alike."""
    independent = [best_splits(y) for y in logs]
    news = [news_of(y, splits) for y, splits in zip(logs, independent, strict=True)]
    splits = [each.judged(part) for each, part in zip(independent, news, strict=True)]
    cut = cut_of([split.least_p for split in splits], level)
    examined = [
        examine(y, steps_of(y, split, part, cut) if split.least_p <= cut else [], least)
        for y, split, part in zip(logs, splits, news, strict=True)
    ]
    drift_cut = cut_of([each.drift_p for each in examined], level)
    return [resolved(each, least, drift_cut) for each in examined]


def cut_of(p_values: Sequence[float], level: float) -> float:
    """The largest p-value that is significant among these, by Benjamini and Hochberg; below 0 when none is."""
    ordered = np.sort(np.asarray(p_values, dtype=float))
    allowed = level * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    passing = np.flatnonzero(ordered <= allowed)
    return float(allowed[passing[-1]]) if len(passing) else -1.0


def examine(y: np.ndarray, steps: list[Step], least: float) -> Examined:
    """The series cut at the steps that are large enough and no slope; each stretch with its trend."""
    edges = [0, *[step.at for step in steps if stands(step, least)], len(y)]
    stretches = [(start, end, drift_of(y[start:end])) for start, end in itertools.pairwise(edges)]
    return Examined(y, steps, stretches)


def stands(step: Step, least: float) -> bool:
    """Whether a step is one whatever else the series does."""
    return abs(step.size) >= least and not step.slope_fits_better


def resolved(examined: Examined, least: float, drift_cut: float) -> list[Change]:
    """Steps and drifts: a stretch that drifts has no steps in it, and any other keeps what was found there."""
    changes = [change_of_step(step) for step in examined.steps if stands(step, least)]
    tested = sum(drift is not None for _, _, drift in examined.stretches)
    for start, end, drift in examined.stretches:
        is_sure = drift and not drift.step_fits_better and drift.p * tested <= drift_cut
        size = size_of(examined.y[start:end], drift) if drift and is_sure else None
        if drift and size and leads_far(size, drift.apart, least):
            changes.append(change_of_drift(drift, size, start, end))
        else:
            changes += [
                change_of_step(step)
                for step in examined.steps
                if start < step.at < end and abs(step.size) >= least and not stands(step, least)
            ]
    return sorted(changes, key=lambda change: change.before)


def leads_far(size: Size, apart: float, least: float) -> bool:
    """Whether a drift leads far enough by its slope, and its ends lie as far apart.

    The slope alone would call one small step large, whose height is spread over few pairs of points.
    """
    return min(abs(size.value), abs(apart)) >= least and size.value * apart > 0


def change_of_step(step: Step) -> Change:
    """A step in logarithms as a ratio."""
    return Change(
        "step", step.at - 1, step.at, step.at, step.earliest, step.latest, math.exp(step.size), math.exp(step.low),
        math.exp(step.high), step.p,
    )  # fmt: skip


def change_of_drift(drift: Drift, size: Size, start: int, end: int) -> Change:
    """A drift of the stretch from `start` to `end` (exclusive) as a ratio, in points of the whole series."""
    first = start + drift.start
    return Change(
        "drift", first, first + 1, end - 1, start + drift.earliest, start + drift.latest + 1, math.exp(size.value),
        math.exp(size.low), math.exp(size.high), drift.p,
    )  # fmt: skip
