"""One step in several frameworks: each against PyTorch's eager step, and what besides was not the same. Pure."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from bench.records.points import point_of, text_of
from bench.records.record import FRAMEWORK, FRAMEWORKS, HOW
from reports.read.frames import Figure
from reports.read.pairs import ratio_per_item
from reports.read.rows import summary_of
from reports.stats.intervals import Ratio, Summary

BASE = ("torch", "eager")  # whom the others are compared with
BUSY = "busy threads"  # how a record calls the reading of them
MORE = 0.1  # threads that are busy besides, and are said
ALIVE = "threads alive"
OWN = ("version", "backend", ALIVE)  # facts that stand elsewhere
Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A framework in one of its ways; unknown is None.

    time: seconds per step. ratio: of its time over PyTorch's eager step's. first_s: seconds of its first call. bytes:
    the most memory of its process. busy: threads that ran, or waited for a core, at a time, the median of all turns.
    at_first: whether the first call was the first of the machine, which then prepares what compilers need. operators:
    seconds per step under the framework's own profiler, which takes some itself, by operator; empty where it has none.
    """

    figure: Figure
    framework: str
    how: str
    time: Summary
    ratio: Ratio | None = None
    first_s: float | None = None
    bytes: float | None = None
    busy: float | None = None
    at_first: bool = False
    operators: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_base(self) -> bool:
        """Whether the others are compared with it."""
        return (self.framework, self.how) == BASE

    @property
    def is_busier(self) -> bool:
        """Whether it kept more threads busy than were given."""
        return (self.busy or 0.0) > self.figure.threads + MORE

    @property
    def alive(self) -> str:
        """How many threads its process had."""
        return dict(self.figure.facts).get(ALIVE, "")

    @property
    def name(self) -> str:
        """'torch compile'."""
        return f"{self.framework} {self.how}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One step in several frameworks, the fastest first. rest: the point's other axes.

    absent: who has no figure, with the status and the reason. differs: what was not the same, by fact: who had what.
    in_turns: whether all of them took turns.
    """

    workload: str
    device: str
    rest: str
    members: tuple[Member, ...]
    absent: tuple[tuple[str, str, str], ...]
    differs: Mapping[str, Mapping[str, Sequence[str]]]
    in_turns: bool


def comparisons(figures: Sequence[Figure]) -> list[Comparison]:
    """Every step that processes of frameworks ran, in the order measured."""
    steps: dict[Key, list[Figure]] = defaultdict(list)
    others: dict[Key, Figure] = {}
    for figure in figures:
        point = dict(point_of(figure.point))
        if not (figure.workload.startswith(f"{FRAMEWORKS}.") and {FRAMEWORK, HOW} <= point.keys()):
            continue
        rest = text_of((axis, value) for axis, value in point.items() if axis not in (FRAMEWORK, HOW))
        place = (figure.workload, figure.device, rest, figure.dtype, figure.mode, figure.threads, figure.version,
                 figure.source, figure.environment)  # fmt: skip
        if figure.metric == "step_time":
            steps[place].append(figure)
        elif figure.status == "measured":
            others[(*place, figure.point, figure.metric)] = figure
    return [comparison(place, found, others) for place, found in steps.items()]


def comparison(place: Key, found: Sequence[Figure], others: Mapping[Key, Figure]) -> Comparison:
    """One step in those frameworks that have a figure, and why the rest has none."""
    measured = [figure for figure in found if figure.status == "measured"]
    base = next((figure for figure in measured if of(figure) == BASE), None)
    members = [member(figure, base, place, others) for figure in measured]
    absent = tuple((" ".join(of(figure)), figure.status, figure.reason) for figure in found if figure not in measured)
    turns = all(set(figure.turns) == {FRAMEWORKS} for figure in measured)
    members.sort(key=lambda each: each.time.estimate if base is None else each.ratio.value if each.ratio else 1.0)
    return Comparison(str(place[0]), str(place[1]), str(place[2]), tuple(members), absent, differences(members), turns)


def of(figure: Figure) -> tuple[str, str]:
    """Its framework, and the way it is used."""
    point = dict(point_of(figure.point))
    return str(point[FRAMEWORK]), str(point[HOW])


def member(figure: Figure, base: Figure | None, place: Key, others: Mapping[Key, Figure]) -> Member:
    """One framework in one way, against PyTorch's."""
    first, at_first, memory, operators = (
        others.get((*place, figure.point, metric))
        for metric in ("first_call", "first_call_machine", "process_memory", "operator_time")
    )
    called = first or at_first
    busy = [value for launch in figure.readings for value in dict(launch).get(BUSY, ())]
    return Member(
        figure, *of(figure), summary_of(figure),
        ratio=None if base is None or figure is base else ratio_per_item(base, figure, FRAMEWORKS),
        first_s=summary_of(called).estimate if called else None, at_first=called is not first,
        bytes=summary_of(memory).estimate if memory else None,
        busy=statistics.median(busy) if busy else None,
        operators=dict(operators.parts[-1]) if operators and operators.parts else {},
    )  # fmt: skip


def differences(members: Sequence[Member]) -> dict[str, dict[str, list[str]]]:
    """The facts that are not the same in all that say them: for each value who had it."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for each in members:
        for name, value in each.figure.facts:
            if each.framework not in found[name][value]:
                found[name][value].append(each.framework)
    return {name: dict(values) for name, values in found.items() if name not in OWN and len(values) > 1}


def versions(found: Sequence[Comparison]) -> dict[str, str]:
    """The version of every framework."""
    said = ((member.framework, dict(member.figure.facts)) for each in found for member in each.members)
    return {framework: facts["version"] for framework, facts in said if "version" in facts}
