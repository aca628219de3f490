"""What was measured of a metric at each commit, over arrays: a point is made into an object where it is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import overload

import numpy as np

from bench.records.files import Contents
from bench.records.metrics import metric_of
from bench.records.record import Case, Environment
from reports.read.columns.arrays import Coded, Columns, columns_of, in_groups
from reports.read.settings import SHORT
from reports.stats.intervals import estimate_of
from reports.topics.history.origins import SIDE_BY_SIDE, origin_of, settings_of


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


class Looking:
    """The records of a metric at some commits (all, if there are none), in the order of their runs.

    at: which records. The other arrays are of these, too, but `place`, which is of the names of commits.
    """

    def __init__(self, contents: Contents, metric: str, order: Sequence[str], globs: Sequence[str]) -> None:
        self.contents, self.metric = contents, metric_of(metric)
        self.columns = columns = columns_of(contents.records)
        origins = [origin_of(contents.environments.get(id, Environment(()))) for id in columns.environment.names]
        machine, commit, torch = (Coded.made(origin[n] for origin in origins) for n in range(3))
        places = {name: place for place, name in enumerate(order)}
        known = np.array([not order or origin[1] in places for origin in origins], dtype=bool)
        wanted = np.array([matches(case, globs) for case in columns.case.names], dtype=bool)
        of_metric = np.array([name == metric for name in columns.metric.names], dtype=bool)
        chosen = ~columns.is_status("unavailable")
        for flags, name in ((known, columns.environment), (wanted, columns.case), (of_metric, columns.metric)):
            chosen &= flags[name.codes]
        ordered = in_run_order(columns)
        self.at = at = ordered[chosen[ordered]]
        self.environment, self.case = columns.environment.codes[at], columns.case.codes[at]
        self.place = np.array([places.get(name, 0) for name in commit.names], dtype=np.int32)
        self.machine, self.commit, self.torch = (
            Coded(name.names, name.codes[self.environment]) for name in (machine, commit, torch)
        )
        alone = np.array([origin[3] for origin in origins], dtype=bool)[self.environment]
        runs = np.where(alone, columns.run.codes[at] + 1, 0).astype(np.int32)
        self.run = Coded(("", *columns.run.names), runs)
        self.setting = self.settings()

    def settings(self) -> Coded:
        """What tells a point from others of its commit: torch, or where environments stand side by side, theirs."""
        names, codes = {name: code for code, name in enumerate(self.torch.names)}, self.torch.codes.copy()
        ids = self.columns.environment.names
        for cells, rows in self.side_by_side():
            where = [(self.commit.of(at), self.run.of(at), ids[self.environment[at]]) for at in cells.tolist()]
            setting = settings_of(where, self.contents.environments)
            codes[rows] = [names.setdefault(setting(ids[id]), len(names)) for id in self.environment[rows].tolist()]
        return Coded(tuple(names), codes)

    def side_by_side(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Of cases that several environments measured at several commits: a record of each of these, and all."""
        spots = [self.case, self.machine.codes, self.commit.codes, self.run.codes]
        order, begins = in_groups([*spots, self.environment])
        cells = order[begins]
        grouped, of_spot = in_groups([codes[cells] for codes in spots])
        crowded = cells[grouped[of_spot[np.diff(np.append(of_spot, len(cells))) > 1]]]
        found, times = np.unique(
            np.stack([self.case[crowded], self.machine.codes[crowded]]), axis=1, return_counts=True
        )
        for case, machine in found[:, times >= SIDE_BY_SIDE].T:
            mine = (self.case == case) & (self.machine.codes == machine)
            yield cells[mine[cells]], np.flatnonzero(mine)

    def points(self) -> Iterator[tuple[Case, str, Points]]:
        """The points of every case on every machine, in order of appearance."""
        if not len(self.at):
            return
        keys = [self.case, self.machine.codes, self.commit.codes, self.run.codes, self.setting.codes]
        order, begins = in_groups(keys)
        found = Points(self, *self.seen(order, begins), order[begins], self.setting.codes[order[begins]])
        first = order[begins]
        of_series, series = in_groups([self.case[first], self.machine.codes[first]])
        for rows in np.split(of_series, series[1:]):
            at = first[rows[0]]
            # What was measured at one commit stays as measured, uncommitted changes after the commit itself.
            own = found.take(rows)
            own = own.take(np.lexsort((own.run > 0, own.place)))
            yield self.columns.case.names[self.case[at]], self.machine.of(at), own

    def seen(self, order: np.ndarray, begins: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of each point the estimate (NaN where it is broken), its last and its first broken record, if it varies."""
        at = self.at[order]
        ends = np.append(begins, len(at))[1:]
        varies = np.logical_or.reduceat(self.columns.varies[at], begins)
        is_broken, broken = self.columns.is_status("broken")[at], np.full(len(begins), -1, dtype=np.int32)
        if is_broken.any():
            places = np.where(is_broken, np.arange(len(at)), len(at))
            broken = np.append(at, -1)[np.minimum.reduceat(places, begins)]
        values, medians = np.full(len(begins), np.nan), self.columns.medians(at)
        counts = np.add.reduceat(self.columns.counts[at], begins)
        one = (broken < 0) & (ends - begins == 1) & ((counts == 1) | (self.metric.assumes != "exact") | varies)
        values[one] = medians[begins[one]]
        for point in np.flatnonzero((broken < 0) & ~one).tolist():
            own = slice(begins[point], ends[point])
            is_exact = self.metric.assumes == "exact" and not varies[point]
            values[point] = np.median(self.columns.values_of(at[own])) if is_exact else estimate_of(medians[own])
        return values, at[ends - 1], broken, varies


@dataclass(frozen=True, slots=True, eq=False)
class Points(Sequence[Point]):
    """Points as arrays. last, broken: records, -1 for none; first: a place in what was looked at."""

    looking: Looking
    value: np.ndarray
    last: np.ndarray
    broken: np.ndarray
    varies: np.ndarray
    first: np.ndarray
    setting: np.ndarray

    @property
    def commit(self) -> np.ndarray:
        """The codes of their commits."""
        codes: np.ndarray = self.looking.commit.codes[self.first]
        return codes

    @property
    def run(self) -> np.ndarray:
        """The codes of their runs; 0 where they do not stand alone."""
        codes: np.ndarray = self.looking.run.codes[self.first]
        return codes

    @property
    def place(self) -> np.ndarray:
        """Where in the order of commits, from 0."""
        places: np.ndarray = self.looking.place[self.commit]
        return places

    @property
    def spot(self) -> np.ndarray:
        """A number for each commit and run."""
        spots: np.ndarray = self.commit.astype(np.int64) * len(self.looking.run.names) + self.run
        return spots

    def take(self, rows: np.ndarray) -> Points:
        """Some of them: their numbers, or a flag for each."""
        columns = (self.value, self.last, self.broken, self.varies, self.first, self.setting)
        return Points(self.looking, *(column[rows] for column in columns))

    def __len__(self) -> int:
        return len(self.value)

    @overload
    def __getitem__(self, at: int) -> Point: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Point]: ...
    def __getitem__(self, at: int | slice) -> Point | Sequence[Point]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        looking, first, last = self.looking, self.first[at], self.last[at]
        is_broken = bool(self.broken[at] >= 0)
        id = looking.columns.environment.of(last)
        return Point(
            looking.commit.of(first), looking.run.of(first), looking.setting.names[self.setting[at]],
            int(self.place[at]), None if is_broken else float(self.value[at]),
            looking.contents.records[int(self.broken[at])].reason if is_broken else "",
            looking.contents.environments.get(id, Environment(())), looking.columns.data.of(last),
            bool(self.varies[at]),
        )  # fmt: skip


def in_run_order(columns: Columns) -> np.ndarray:
    """The records in the order of their runs, whose names are times; the rest as they come, first."""
    names = [name if name[:1].isdigit() else "" for name in columns.run.names]
    ranks = {name: rank for rank, name in enumerate(sorted(set(names)))}
    by_name = np.array([ranks[name] for name in names], dtype=np.int32)
    return np.argsort(by_name[columns.run.codes], kind="stable").astype(np.int32)


def environments_in_order(contents: Contents) -> Iterator[Environment]:
    """The environments that were measured in, by the order of runs."""
    columns = columns_of(contents.records)
    codes = columns.environment.codes[in_run_order(columns)]
    for code in codes[np.sort(np.unique(codes, return_index=True)[1])].tolist():
        yield contents.environments.get(columns.environment.names[code], Environment(()))


def matches(case: Case, globs: Iterable[str]) -> bool:
    """Whether any glob matches the case's workload or its label; no globs match all."""
    globs = list(globs)
    return not globs or any(fnmatchcase(case.workload, g) or fnmatchcase(case.label, g) for g in globs)
