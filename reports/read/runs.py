"""What a report is about: its runs side by side, each with the latest figure of every case. Draws nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import pandas as pd

from bench.records.files import Contents
from bench.records.record import Environment
from reports.read.frames import Figure, figures, frame_of, latest
from reports.read.names import key
from reports.read.settings import last_measured, passed_over

MOST_RUNS = 4  # drawn beside each other: the first, which the others are compared with, and the newest


@dataclass(frozen=True, slots=True)
class Run:
    """One side of a report. `value` is what the frame's column holds for it, `label` what people read."""

    value: str
    label: str
    figures: tuple[Figure, ...]
    color: str

    @property
    def environments(self) -> tuple[str, ...]:
        """The ids of the environments that its figures were taken in."""
        return tuple(dict.fromkeys(figure.environment for figure in self.figures))


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """All that the sections are made from. `by` is the frame's column that tells the runs apart."""

    frame: pd.DataFrame
    by: str
    runs: tuple[Run, ...]
    environments: Mapping[str, Environment]
    notes: tuple[str, ...]

    @property
    def figures(self) -> list[tuple[Run, Figure]]:
        """Every figure that is drawn, with its run."""
        return [(run, figure) for run in self.runs for figure in run.figures]

    def measured(self, metric: str) -> list[tuple[Run, Figure]]:
        """The measured figures of a metric; those of one case stand beside each other."""
        cases: dict[tuple[object, ...], list[tuple[Run, Figure]]] = {}
        for run, figure in self.figures:
            if figure.metric == metric and figure.status == "measured":
                cases.setdefault(key(figure), []).append((run, figure))
        return [pair for pairs in cases.values() for pair in pairs]

    def said(self, run: Run) -> str:
        """The run's label where there are several."""
        return run.label if len(self.runs) > 1 else ""


def gather(sources: Sequence[tuple[str, Contents]]) -> Material:
    """The runs in named contents: one per source or, in a single source, one per commit, torch or setting."""
    names = labels([name for name, _ in sources])
    parts = [frame_of(contents, name) for name, (_, contents) in zip(names, sources, strict=True)]
    frame = pd.concat(parts, ignore_index=True)
    environments = {id: facts for _, contents in sources for id, facts in contents.environments.items()}
    notes = [warning for _, contents in sources for warning in contents.warnings]
    by = "source" if len(sources) > 1 else differing(frame)
    notes += passed_over(frame, by)
    values = in_time(frame, by, environments)
    if len(values) > MOST_RUNS:
        notes.append(
            f"Of {len(values)} runs, the first and the newest {MOST_RUNS - 1} are drawn; torchpace history shows all."
        )
        values = [values[0], *values[1 - MOST_RUNS :]]
    runs = tuple(
        Run(value, label(value, by), latest_figures(frame[frame[by] == value]), f"--c{color}")
        for value, color in zip(values, (1, 6, 4, 5), strict=False)
    )
    used = {id for run in runs for id in run.environments}
    environments = {id: facts for id, facts in environments.items() if id in used}
    return Material(frame[frame[by].isin(values)], by, runs, environments, tuple(notes))


def labels(names: Sequence[str]) -> list[str]:
    """Names that tell the sources apart: the file's own, or the whole path, or letters for one named twice."""
    for found in ([PurePath(name).name for name in names], list(names)):
        if len(set(found)) == len(found) and all(found):
            return found
    return [f"{chr(ord('A') + number)}: {name}" for number, name in enumerate(names)]


def label(value: str, by: str) -> str:
    """A run's value as people read it."""
    if by == "commit":
        return f"commit {value[:10] or 'unknown'}"
    if by == "setting":
        return value or "elsewhere"
    return f"torch {value or 'unknown'}" if by == "torch" else value


def differing(frame: pd.DataFrame) -> str:
    """What tells apart the runs within one source: a fact of which several values are known, or else the setting."""
    several = [fact for fact in ("commit", "torch") if len(set(frame[fact].unique()) - {""}) > 1]
    alone = [fact for fact in several if frame.groupby(fact)["setting"].nunique().max() <= 1]
    settings = ["setting"] * (frame["setting"].nunique() > 1)
    return next(iter((*alone, *settings, *several)), "source")


def in_time(frame: pd.DataFrame, by: str, environments: Mapping[str, Environment]) -> list[str]:
    """The values of the column: sources in the order given, others by the date of their commit where it is known."""
    values = [str(value) for value in frame[by].unique()]
    if by == "source":
        return values
    dates: dict[str, float] = {}
    pairs = frame[[by, "environment"]].drop_duplicates()
    for value, id in zip(pairs[by], pairs["environment"], strict=True):
        date = environments[id].get("commit_date") if id in environments else None
        if isinstance(date, (int, float)):
            dates[str(value)] = max(float(date), dates.get(str(value), 0.0))
    return sorted(values, key=lambda value: dates.get(value, 0.0)) if len(dates) == len(values) else values


def latest_figures(frame: pd.DataFrame) -> tuple[Figure, ...]:
    """The last measured figure of every case and metric, in the order they were first measured."""
    groups: dict[tuple[object, ...], list[Figure]] = defaultdict(list)
    for figure in figures(last_measured(frame)):
        groups[*key(figure), figure.metric].append(figure)
    found = (latest(group) for group in groups.values())
    return tuple(figure for figure in found if figure)
