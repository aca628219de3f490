"""What was measured of a metric, case by case and commit by commit, computed over arrays. Asks nothing of git."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from bench.records.files import Contents
from bench.records.record import Case, Environment
from reports.read.columns.arrays import Columns, columns_of, in_groups
from reports.stats.intervals import estimate_of
from reports.topics.history.origins import Where, origin_of


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A case in one environment, and where runs stand alone in one run; its records, in the order of the runs.

    Records are places in what was looked at, which follow each other as the runs do.
    """

    case: Case
    machine: str
    where: Where
    records: np.ndarray


def in_run_order(columns: Columns) -> np.ndarray:
    """The records in the order of their runs, whose names are times; the rest as they come, first."""
    names = [name if name[:1].isdigit() else "" for name in columns.run.names]
    ranks = {name: rank for rank, name in enumerate(sorted(set(names)))}
    by_name = np.array([ranks[name] for name in names], dtype=np.int64)
    return np.argsort(by_name[columns.run.codes], kind="stable")


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


def looked_at(contents: Contents, metric: str, commits: Iterable[str], globs: Sequence[str]) -> np.ndarray:
    """The records of a metric, in the order of their runs, at these commits (all, if there are none)."""
    columns, known = columns_of(contents.records), set(commits)
    origins = [origin_of(contents.environments.get(id, Environment(()))) for id in columns.environment.names]
    at_commits = np.array([not known or commit in known for _, commit, _, _ in origins], dtype=bool)
    wanted = np.array([matches(case, globs) for case in columns.case.names], dtype=bool)
    of_metric = np.array([name == metric for name in columns.metric.names], dtype=bool)
    chosen = ~columns.is_status("unavailable")
    for flags, name in ((at_commits, columns.environment), (wanted, columns.case), (of_metric, columns.metric)):
        chosen = chosen & flags[name.codes]
    order = in_run_order(columns)
    found: np.ndarray = order[chosen[order]]
    return found


def cells(contents: Contents, at: np.ndarray) -> Iterator[Cell]:
    """The cells of these records, cases and machines in order of appearance."""
    columns = columns_of(contents.records)
    origins = [origin_of(contents.environments.get(id, Environment(()))) for id in columns.environment.names]
    alone = np.array([alone for *_, alone in origins], dtype=bool)
    environment, case = columns.environment.codes[at], columns.case.codes[at]
    run = np.where(alone[environment], columns.run.codes[at] + 1, 0) if len(at) else at
    order, begins = in_groups([case, environment, run])
    for places in np.split(order, begins[1:]) if len(at) else []:
        first = places[0]
        machine, commit, _, _ = origins[environment[first]]
        name = columns.run.names[run[first] - 1] if run[first] else ""
        where = (commit, name, columns.environment.names[environment[first]])
        yield Cell(columns.case.names[case[first]], machine, where, places)


class Estimates:
    """The estimates of a figure over sets of records, from what is computed once for all of them.

    at: the records that sets are places in.
    """

    def __init__(self, columns: Columns, at: np.ndarray) -> None:
        self.values, self.ends = columns.values, columns.ends[at]
        self.begins = self.ends - columns.counts[at]
        self.medians = columns.medians(at)

    def of(self, places: np.ndarray, exact: bool) -> float:
        """As `summarize` has it of the records' values."""
        if exact:
            stretches = zip(self.begins[places].tolist(), self.ends[places].tolist(), strict=True)
            return float(np.median(np.concatenate([self.values[begin:end] for begin, end in stretches])))
        return estimate_of(self.medians[places])
