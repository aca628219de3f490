"""One metric of every case as a series over commits, and what changed along it. Asks nothing of git: order is given.

A series is one case on one machine: figures of different machines are not one series. Another torch (driver, Python,
ruler, ...) does not end a series but is named at a change that falls together with it, since an upgrade that made a
workload slower is what a history is to show; only where two or more commits were measured with several versions of
torch side by side is each version a series of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

import numpy as np

from bench.records.files import Contents
from bench.records.metrics import Metric
from bench.records.record import Case
from reports.stats.changes import Change, exact_changes, noisy_changes
from reports.stats.level_shifts import MIN_POINTS
from reports.topics.compare.figures import HIDDEN_FACTS
from reports.topics.history.measured import Looking, Points, environments_in_order
from reports.topics.history.origins import SIDE_BY_SIDE


@dataclass(frozen=True, slots=True)
class Series:
    """A case on a machine over commits; changes count the points that have a value, as `measured` lists them."""

    case: Case
    metric: Metric
    machine: str
    torch: str
    points: Points
    changes: tuple[Change, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether every difference is a change."""
        return self.metric.assumes == "exact" and not self.points.varies.any()

    @property
    def measured(self) -> Points:
        """The points with a value; a noisy figure of 0 counts as none, since it has no logarithm."""
        return self.points.take(self.points.value >= 0 if self.is_exact else self.points.value > 0)

    @property
    def too_few(self) -> bool:
        """Whether there are too few points to say anything."""
        return len(self.measured) < (2 if self.is_exact else MIN_POINTS)

    @property
    def largest(self) -> Change | None:
        """The largest change, up or down."""
        return max(self.changes, key=size_of, default=None)

    def verdict(self, change: Change) -> str:
        """What a change means: slower or faster for times, worse or better for the rest, where either is known."""
        if self.metric.better is None:
            return "changed"
        worse = (change.ratio > 1) == (self.metric.better == "lower")
        return ("slower" if worse else "faster") if self.metric.unit == "s" else "worse" if worse else "better"

    @property
    def keeps_its_host(self) -> bool:
        """Whether another host is an event: a hosted runner has another name nearly every time."""
        hosts = [point.environment.get("hostname") for point in self.measured]
        return 2 * sum(a != b for a, b in pairwise(hosts)) < len(hosts)

    def differs(self, change: Change) -> tuple[str, ...]:
        """What else became different where the change may have begun."""
        first, last = self.measured[change.earliest], self.measured[change.latest]
        facts = [fact for fact in HIDDEN_FACTS if fact != "hostname" or self.keeps_its_host]
        pairs = [(fact, first.environment.get(fact), last.environment.get(fact)) for fact in facts]
        pairs.append(("data", first.data or None, last.data or None))
        return tuple(f"{fact}: {a} to {b}" for fact, a, b in pairs if a is not None and b is not None and a != b)


def size_of(change: Change) -> float:
    """How large a change is, the same for twice as slow and twice as fast."""
    return max(change.ratio, 1 / change.ratio) if change.ratio > 0 else float("inf")


def commits_of(contents: Contents) -> dict[str, float | None]:
    """The commits that were measured, in order of appearance, each with its date (s since 1970) where it is known."""
    found: dict[str, float | None] = {}
    for environment in environments_in_order(contents):
        date = environment.get("commit_date")
        if commit := str(environment.get("commit") or ""):
            found[commit] = float(date) if isinstance(date, (int, float)) else found.get(commit)
    return found


def without_git(commits: Mapping[str, float | None]) -> tuple[list[str], str]:
    """The commits by date where all dates are known, else as they appeared; and in words which of the two."""
    if commits and all(date is not None for date in commits.values()):
        return sorted(commits, key=lambda commit: commits[commit] or 0.0), "by commit date"
    return list(commits), "in the order measured"


def inserted(known: Sequence[tuple[str, float]], others: Mapping[str, float]) -> list[str]:
    """Commits whose order is known, with dates, and among them others, each before the first known later one."""
    order = list(known)
    for commit, date in sorted(others.items(), key=lambda item: item[1]):
        index = next((index for index, (_, other) in enumerate(order) if other > date), len(order))
        order.insert(index, (commit, date))
    return [commit for commit, _ in order]


def history(contents: Contents, metric: str, order: Sequence[str], globs: Sequence[str], least: float) -> list[Series]:
    """The series of a metric over the commits in their order, changes found, the largest change first.

    Commits that are not in the order are left out. least: the smallest ratio - 1 that is named as a change.
    """
    series = list(chain.from_iterable(split_by_torch(each) for each in series_of(contents, metric, order, globs)))
    return sorted(with_changes(series, least), key=rank)


def rank(series: Series) -> tuple[bool, float]:
    """Largest changes first, those with too few points last."""
    return series.too_few, -size_of(series.largest) if series.largest else 0.0


def series_of(contents: Contents, metric: str, order: Sequence[str], globs: Sequence[str]) -> list[Series]:
    """One series per case and machine, without changes yet."""
    looking = Looking(contents, metric, order, globs)
    return [Series(case, looking.metric, machine, "", points) for case, machine, points in looking.points()]


def axis_of(series: Sequence[Series]) -> dict[int, tuple[str, str]]:
    """Commit and run of every spot at which any of the series has a point, in order."""
    found: dict[int, tuple[int, bool, str, str]] = {}
    for each in series:
        spots, rows = np.unique(each.points.spot, return_index=True)
        for spot, row in zip(spots.tolist(), rows.tolist(), strict=True):
            if spot not in found:
                point = each.points[row]
                found[spot] = (point.place, bool(point.run), point.run, point.commit)
    return {spot: (commit, run) for spot, (_, _, run, commit) in sorted(found.items(), key=lambda item: item[1])}


def split_by_torch(series: Series) -> list[Series]:
    """The series itself, or one per torch where two or more commits were measured with several versions."""
    points = series.points
    torches = points.setting[np.sort(np.unique(points.setting, return_index=True)[1])]
    if len(torches) == 1:
        return [series]
    _, versions = np.unique(np.unique(np.stack([points.spot, points.setting]), axis=1)[0], return_counts=True)
    if (versions > 1).sum() < SIDE_BY_SIDE:
        return [series]
    names = points.looking.setting.names
    return [replace(series, torch=names[torch], points=points.take(points.setting == torch)) for torch in torches]


def with_changes(series: Sequence[Series], least: float) -> list[Series]:
    """The series with their changes: exact figures by equality, noisy ones all together, so that chance is shared."""
    values = [each.measured.value for each in series]
    noisy = [index for index, each in enumerate(series) if not each.is_exact]
    found = dict(zip(noisy, noisy_changes([values[index] for index in noisy], least), strict=True))
    return [
        replace(each, changes=tuple(found[index] if index in found else exact_changes(values[index].tolist())))
        for index, each in enumerate(series)
    ]
