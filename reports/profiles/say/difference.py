"""Before and after: what two profiles of the same work spend differently, the largest difference first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.profiles.profile import Profile

WHOLE = 1e-9  # so near to a whole number is one
NORMAL = 1.4826  # standard deviations of a normal distribution to one median deviation
LITTLE = 1e-3  # of the longer step: a difference below this is not listed


@dataclass(frozen=True, slots=True)
class Change:
    """What one operator, kernel or module took in each profile, seconds per step; None where it was not there."""

    name: str
    before_s: float | None
    after_s: float | None
    calls_before: float
    calls_after: float

    @property
    def delta_s(self) -> float:
        """How many seconds per step more it takes."""
        return (self.after_s or 0.0) - (self.before_s or 0.0)

    @property
    def is_certain(self) -> bool:
        """Whether every step calls it more or less often than before, which no noise does.

        What not every step calls is called more or less often by which steps were recorded.
        """
        both = (self.calls_before, self.calls_after)
        return both[0] != both[1] and all(abs(calls - round(calls)) < WHOLE for calls in both)

    @property
    def word(self) -> str:
        """What happened to it."""
        if self.before_s is None:
            return "new"
        if self.after_s is None:
            return "gone"
        return "grew" if self.delta_s > 0 else "shrank"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two profiles, and the changes between them by kind ("operators", "kernels", "modules", "phases").

    Both are of their steps' middle half, so that no disturbed step is in a figure and parts add up to the step.
    left_out: for each kind, how many changed by less than LITTLE of the longer step. spread_s: what one recorded step
    differs from another by in each, which differences of that size may be made of.
    """

    before: Profile
    after: Profile
    changes: Mapping[str, Sequence[Change]]
    left_out: Mapping[str, int]
    spread_s: tuple[float | None, float | None]

    @property
    def noise_s(self) -> float:
        """What a single step differs from the next by: a smaller change is shown as one that says little."""
        return max(filter(None, self.spread_s), default=0.0)


def difference(before: Profile, after: Profile) -> Difference:
    """What changed from one profile to the other."""
    tables = {
        "phases": (phases(before), phases(after)),
        "operators": (operators(before), operators(after)),
        "kernels": (kernels(before), kernels(after)),
        "modules": (modules(before), modules(after)) if before.modules and after.modules else ({}, {}),
    }
    least = LITTLE * max(before.steps.mean_s, after.steps.mean_s)
    found = {kind: changes_of(*pair) for kind, pair in tables.items()}
    return Difference(
        before, after,
        {kind: [each for each in changes if shown(each, least)] for kind, changes in found.items()},
        {kind: sum(bool(each.delta_s) and not shown(each, least) for each in changes)
         for kind, changes in found.items()},
        (spread(before), spread(after)),
    )  # fmt: skip


Spent = Mapping[str, tuple[float, float]]  # seconds and calls per step by name


def shown(change: Change, least_s: float) -> bool:
    """Whether a change is listed; nothing that took no time on either side is."""
    return bool(change.before_s or change.after_s) and (change.is_certain or abs(change.delta_s) >= least_s)


def changes_of(before: Spent, after: Spent) -> list[Change]:
    """All changes: first what is called more or less often than before, then the rest, the largest first."""
    names = dict.fromkeys([*before, *after])
    changes = [
        Change(
            name, before[name][0] if name in before else None, after[name][0] if name in after else None,
            before.get(name, (0.0, 0.0))[1], after.get(name, (0.0, 0.0))[1],
        )
        for name in names
    ]  # fmt: skip
    return sorted(changes, key=lambda change: (not change.is_certain, -abs(change.delta_s)))


def phases(profile: Profile) -> Spent:
    """The parts of the step."""
    parts = profile.activities or profile.phases
    return {name: (parts.mean_s(name), 1.0) for name in parts.names}


def operators(profile: Profile) -> Spent:
    """The operators' own time on the CPU."""
    return spent(profile.operators, "self_s")


def kernels(profile: Profile) -> Spent:
    """What ran on the device."""
    return spent(profile.kernels, "total_s")


def spent(table: pd.DataFrame, column: str) -> Spent:
    """A table's seconds and calls by name; of several devices, all together."""
    found: dict[str, tuple[float, float]] = {}
    for name, seconds, calls in zip(table["name"], table[column], table["calls"], strict=True):
        before = found.get(name, (0.0, 0.0))
        found[name] = (before[0] + seconds, before[1] + calls)
    return found


def modules(profile: Profile) -> Spent:
    """The modules' forward and backward together, by their paths."""
    if profile.modules is None:
        return {}
    return {
        module.path: (module.forward_s + module.backward_s, module.calls)
        for depth, module in profile.modules.root.walk()
        if depth
    }


def spread(profile: Profile) -> float | None:
    """What one recorded step differs from another by, seconds; None for fewer than three.

    The standard deviation of all that were recorded, by their median deviation, which a disturbed step does not move.
    """
    lengths = profile.recorded_ns / 1e9
    if len(lengths) < 3:
        return None
    return float(NORMAL * np.median(np.abs(lengths - np.median(lengths))))


def pairs(before: Sequence[Profile], after: Sequence[Profile]) -> tuple[list[tuple[Profile, Profile]], list[str]]:
    """The profiles to compare, by title, and what is on one side only. One against one is compared whatever it is."""
    if len(before) == len(after) == 1:
        return [(before[0], after[0])], []
    theirs = {profile.title: profile for profile in after}
    ours = {profile.title: profile for profile in before}
    alone = [f"{title} is in the {side} profiles only" for side, here, there in
             (("first", ours, theirs), ("second", theirs, ours)) for title in here if title not in there]  # fmt: skip
    return [(profile, theirs[title]) for title, profile in ours.items() if title in theirs], alone
