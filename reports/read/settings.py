"""What tells apart the environments in which one case was measured, in a few words for tables. Draws nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import pandas as pd

from bench.records.machines import machine_of
from bench.records.record import Environment
from reports.format.units import DASH
from reports.read.columns.arrays import Coded, Columns, in_groups

MOST = 4  # environments that stand beside each other in a table
RUNS = ("source", "torch", "commit", "setting")  # what tells runs apart; other columns tell apart what one run measured
SHORT = 10  # characters of a commit that are shown
Facts: TypeAlias = Callable[[Environment], str]


def settings(columns: Columns, environments: Mapping[str, Environment]) -> dict[str, str]:
    """A label for each environment that measured a case which another one measured, too: what differs between them.

    As few facts as tell them apart, those first that people compare by. Environments that are not in it need no label.
    """
    # Of whatever version: that is one more reason to tell two apart.
    cases = Coded.made(replace(case, version=0) for case in columns.case.names).codes[columns.case.codes]
    order, begins = in_groups([cases, columns.metric.codes, columns.environment.codes])
    measured: dict[tuple[int, int], list[str]] = defaultdict(list)
    for at in order[begins].tolist():
        id = columns.environment.names[columns.environment.codes[at]]
        measured[cases[at], columns.metric.codes[at]].append(id)
    groups = {frozenset(ids) for ids in measured.values() if len(ids) > 1}
    crowded = {id: environments.get(id, Environment(())) for ids in groups for id in ids}
    facts = telling(groups, crowded)
    return {id: labelled(environment, facts) or id for id, environment in crowded.items()}


def telling(groups: Iterable[frozenset[str]], environments: Mapping[str, Environment]) -> list[Facts]:
    """As few facts as tell apart the environments of every group, where facts can."""
    groups = list(groups)
    chosen: list[Facts] = []
    labels: dict[str, tuple[str, ...]] = dict.fromkeys(environments, ())
    for fact in facts_of(list(environments.values())):
        found = {id: (*labels[id], fact(environment)) for id, environment in environments.items()}
        if told_apart(groups, found) > told_apart(groups, labels):
            labels = found
            chosen.append(fact)
    return chosen


def labelled(environment: Environment, facts: Sequence[Facts]) -> str:
    """The facts of an environment in words."""
    return ", ".join(fact(environment) for fact in facts)


def told_apart(groups: Iterable[Iterable[str]], labels: Mapping[str, object]) -> int:
    """How many different labels there are, group by group."""
    return sum(len({labels[id] for id in ids}) for ids in groups)


def facts_of(environments: Sequence[Environment]) -> list[Facts]:
    """The facts in the order in which they are tried, each as text."""
    others = dict.fromkeys(name for environment in environments for name, _ in environment.facts)
    return [
        lambda each: f"torch {each.get('torch') or DASH}",
        commit,
        machine_of,
        lambda each: f"Python {each.get('python') or DASH}",
        *(plain(name) for name in others),
    ]


def commit(environment: Environment) -> str:
    """The commit, with a plus when there were uncommitted changes."""
    head = str(environment.get("commit") or "")
    return f"commit {head[:SHORT] or DASH}{'+' * bool(environment.get('dirty'))}"


def plain(name: str) -> Facts:
    """A fact by its name."""

    def text(environment: Environment) -> str:
        value = environment.get(name)
        return f"{name} {DASH if value is None else value}"

    return text


def newest(frame: pd.DataFrame, environments: Mapping[str, Environment]) -> tuple[pd.DataFrame, list[str]]:
    """The frame without the environments of which there are too many to read, the oldest; and a line that says so."""
    labels = [label for label in in_time(frame, environments) if label]
    if len(labels) <= MOST:
        return frame, []
    kept = ["", *labels[-MOST:]]
    said = (
        f"Measured in {len(labels)} settings, of which the newest {MOST} are shown ({'; '.join(labels[-MOST:])}). "
        "`torchpace history` shows all, and --format csv."
    )
    return frame[frame["setting"].isin(kept)], [said]


CASE = ("workload", "point", "device", "dtype", "mode", "threads", "metric")  # what is the same in every run


def compared_rows(frame: pd.DataFrame, by: str, environments: Mapping[str, Environment]) -> pd.DataFrame:
    """The rows that can come to be compared: of each case and run the last and the last measured, those of each
    machine, and those of settings that several runs have. All, where `by` does not tell runs apart.
    """
    if by not in RUNS:
        return frame
    machines = {id: machine_of(environments.get(id, Environment(()))) for id in frame["environment"].unique()}
    known = frame.assign(machine=frame["environment"].map(machines))
    chosen = last_of(known, [*CASE, by]) | last_of(known, [*CASE, by, "machine"])
    settings = known[last_of(known, [*CASE, by, "setting"])]
    chosen[settings.index[settings.duplicated([*CASE, "setting"], keep=False)]] = True
    return in_order(frame, chosen)


def last_measured(frame: pd.DataFrame) -> pd.DataFrame:
    """The last measured row of every case, else its last; in the order in which cases first were measured."""
    return in_order(frame, last_of(frame, CASE))


def last_of(frame: pd.DataFrame, key: Sequence[str]) -> pd.Series[bool]:
    """Which rows are the last, or the last measured, of those that agree in the columns of the key."""
    measured = frame["status"] == "measured"
    of_measured = ~frame[measured].duplicated(key, keep="last")
    return ~frame.duplicated(key, keep="last") | of_measured.reindex(frame.index, fill_value=False)


def in_order(frame: pd.DataFrame, chosen: pd.Series[bool]) -> pd.DataFrame:
    """The chosen rows, those of a case together, cases in the order in which any of their rows appears."""
    first = frame.groupby(list(CASE), sort=False, dropna=False).ngroup()[chosen]
    return frame[chosen].loc[first.sort_values(kind="stable").index]


def in_time(frame: pd.DataFrame, environments: Mapping[str, Environment]) -> list[str]:
    """The settings by the date of their commit where it is known of all, else in the order measured."""
    dates: dict[str, float | None] = {}
    pairs = frame[["setting", "environment"]].drop_duplicates()
    for label, id in zip(pairs["setting"], pairs["environment"], strict=True):
        date = environments[id].get("commit_date") if id in environments else None
        dates[str(label)] = float(date) if isinstance(date, (int, float)) else None
    if any(date is None for date in dates.values()):
        return list(dates)
    return sorted(dates, key=lambda label: dates[label] or 0.0)


def passed_over(frame: pd.DataFrame, by: str) -> list[str]:
    """A line for each side that was measured in several environments where only its newest figures are compared."""
    if by not in ("source", "torch", "commit"):
        return []
    lines = []
    for side, group in frame.groupby(by, sort=False):
        labels = [str(label) for label in group["setting"].unique() if label]
        if len(labels) > 1:
            shown = "; ".join([*["..."] * (len(labels) > MOST), *labels[-MOST:]])
            lines.append(
                f"{side}: measured in {len(labels)} settings ({shown}); those that the other side has, too, are "
                "compared with each other, or else each case's newest."
            )
    return lines
