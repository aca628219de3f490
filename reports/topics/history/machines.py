"""Where the machine changed along a history: series end there, and no change can be seen across. Draws nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.records.record import Case
from reports.topics.history.figures import Series
from reports.topics.history.measured import Point


@dataclass(frozen=True, slots=True)
class Stay:
    """The points of one case on one machine, in order."""

    machine: str
    points: tuple[Point, ...]

    @property
    def places(self) -> tuple[int, int]:
        """The first and the last place in the order of commits."""
        return min(point.place for point in self.points), max(point.place for point in self.points)


def told(series: Sequence[Series]) -> list[str]:
    """In sentences, with how many cases each is about: on which machines the cases were measured, where on several."""
    cases: dict[Case, list[Stay]] = defaultdict(list)
    machines: dict[Case, set[str]] = defaultdict(set)
    for each in series:
        machines[each.case].add(each.machine)
    for (case, machine), points in points_of([each for each in series if len(machines[each.case]) > 1]).items():
        cases[case].append(Stay(machine, tuple(points)))
    sentences: dict[str, int] = defaultdict(int)
    for stays in cases.values():
        if len(stays) > 1:
            sentences[sentence(sorted(stays, key=lambda stay: stay.places))] += 1
    return [f"{text} ({count} case{'s' * (count > 1)})." for text, count in sentences.items()]


def points_of(series: Sequence[Series]) -> dict[tuple[Case, str], list[Point]]:
    """The points of each case on each machine, in order, whatever series they are of."""
    found: dict[tuple[Case, str], list[Point]] = defaultdict(list)
    for each in series:
        found[each.case, each.machine] += each.points
    return {key: sorted(points, key=lambda point: point.place) for key, points in found.items()}


def sentence(stays: Sequence[Stay]) -> str:
    """The machines of one case: one after the other, or in turns."""
    if any(later.places[0] < earlier.places[1] for earlier, later in pairwise(stays)):
        machines = "; ".join(dict.fromkeys(stay.machine for stay in stays))
        return f"Measured on several machines in turns, each a series of its own: {machines}"
    first, *others = stays
    moves = [f"then, from {stay.points[0].name} on, on {stay.machine}" for stay in others]
    return (
        f"The machine changed: up to {first.points[-1].name} measured on {first.machine}, {', '.join(moves)}. "
        "Each is a series of its own, and no change can be seen across"
    )
