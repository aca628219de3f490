"""One metric of every case as a series over commits, and what changed along it. Asks nothing of git: order is given.

A series is one case on one machine: figures of different machines are not one series. Another torch (driver, Python,
ruler, ...) does not end a series but is named at a change that falls together with it, since an upgrade that made a
workload slower is what a history is to show; only where two or more commits were measured with several versions of
torch side by side is each version a series of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

import numpy as np

from bench.records.files import Contents
from bench.records.metrics import Metric, metric_of
from bench.records.record import Case, Environment
from reports.read.columns.arrays import columns_of
from reports.read.settings import SHORT
from reports.stats.changes import Change, exact_changes, noisy_changes
from reports.stats.level_shifts import MIN_POINTS
from reports.topics.compare.figures import HIDDEN_FACTS
from reports.topics.history.measured import Cell, Estimates, cells, environments_in_order, looked_at
from reports.topics.history.origins import SIDE_BY_SIDE, settings_of


@dataclass(frozen=True, slots=True)
class Point:
    """A case at a commit: the estimate over all launches there, in the metric's unit; None where it is broken.

    run: empty, except for what was measured with uncommitted changes or without a commit: each such run stands alone.
    place: where in the order of commits, from 0.
    """

    commit: str
    run: str
    torch: str
    place: int
    value: float | None
    reason: str
    environment: Environment
    data: str
    varies: bool = False

    @property
    def name(self) -> str:
        """The commit as people read it, with a plus when there were uncommitted changes."""
        return f"{self.commit[:SHORT]}{'+' if self.run else ''}" if self.commit else self.run


@dataclass(frozen=True, slots=True)
class Series:
    """A case on a machine over commits; changes count the points that have a value, as `measured` lists them."""

    case: Case
    metric: Metric
    machine: str
    torch: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether every difference is a change."""
        return self.metric.assumes == "exact" and not any(point.varies for point in self.points)

    @property
    def measured(self) -> tuple[Point, ...]:
        """The points with a value; a noisy figure of 0 counts as none, since it has no logarithm."""
        return tuple(p for p in self.points if p.value is not None and (self.is_exact or p.value > 0))

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
    at = looked_at(contents, metric, order, globs)
    groups: dict[tuple[Case, str], list[Cell]] = defaultdict(list)
    for cell in cells(contents, at):
        groups[cell.case, cell.machine].append(cell)
    pointing = Pointing(contents, metric_of(metric), at, {commit: place for place, commit in enumerate(order)})
    return [
        Series(case, metric_of(metric), machine, "", tuple(pointing.points(found)))
        for (case, machine), found in groups.items()
    ]


class Pointing:
    """From the cells of a case to its points."""

    def __init__(self, contents: Contents, metric: Metric, at: np.ndarray, places: Mapping[str, int]) -> None:
        self.contents, self.metric, self.places, self.at = contents, metric, places, at
        self.columns = columns_of(contents.records)
        self.estimates = Estimates(self.columns, at)
        self.is_broken = self.columns.is_status("broken")[at]
        self.varies = self.columns.varies[at]

    def points(self, found: Sequence[Cell]) -> list[Point]:
        """The points of a case on a machine, in order: what was measured at one commit stays as measured, uncommitted
        changes after the commit itself.
        """
        setting = settings_of([cell.where for cell in found], self.contents.environments)
        keyed: dict[tuple[str, str, str], list[np.ndarray]] = defaultdict(list)
        for cell in found:
            commit, run, id = cell.where
            keyed[commit, run, setting(id)].append(cell.records)
        points = [
            self.point(key, records[0] if len(records) == 1 else np.sort(np.concatenate(records)))
            for key, records in keyed.items()
        ]
        return sorted(points, key=lambda point: (point.place, bool(point.run)))

    def point(self, key: tuple[str, str, str], records: np.ndarray) -> Point:
        """All launches of a case at a commit as one point; broken if any of them is."""
        broken, last = records[self.is_broken[records]], self.at[records[-1]]
        varies = bool(self.varies[records].any())
        exact = self.metric.assumes == "exact" and not varies
        value = None if len(broken) else self.estimates.of(records, exact)
        reason = self.contents.records[int(self.at[broken[0]])].reason if len(broken) else ""
        id = self.columns.environment.names[self.columns.environment.codes[last]]
        environment = self.contents.environments.get(id, Environment(()))
        data = self.columns.data.names[self.columns.data.codes[last]]
        return Point(*key, self.places.get(key[0], 0), value, reason, environment, data, varies)


def axis_of(series: Sequence[Series]) -> list[tuple[str, str]]:
    """Commit and run of every point that any of the series has, in order."""
    found = {(point.place, bool(point.run), point.run, point.commit) for each in series for point in each.points}
    return [(commit, run) for _, _, run, commit in sorted(found)]


def split_by_torch(series: Series) -> list[Series]:
    """The series itself, or one per torch where two or more commits were measured with several versions."""
    versions: dict[tuple[str, str], set[str]] = defaultdict(set)
    for point in series.points:
        versions[point.commit, point.run].add(point.torch)
    if sum(len(found) > 1 for found in versions.values()) < SIDE_BY_SIDE:
        return [series]
    torches = dict.fromkeys(point.torch for point in series.points)
    return [
        replace(series, torch=torch, points=tuple(p for p in series.points if p.torch == torch)) for torch in torches
    ]


def with_changes(series: Sequence[Series], least: float) -> list[Series]:
    """The series with their changes: exact figures by equality, noisy ones all together, so that chance is shared."""
    values = [[point.value or 0.0 for point in each.measured] for each in series]
    noisy = [index for index, each in enumerate(series) if not each.is_exact]
    found = dict(zip(noisy, noisy_changes([values[index] for index in noisy], least), strict=True))
    return [
        replace(each, changes=tuple(found[index] if index in found else exact_changes(values[index])))
        for index, each in enumerate(series)
    ]
