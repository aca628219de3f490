"""The ranks of a job side by side: which is fastest and slowest at what, and whether the others wait for one.

Each rank has its own clock, so lengths are compared and never moments.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from reports.format import units
from reports.profiles.profile import Profile
from reports.profiles.say.device_findings import usual
from reports.profiles.say.finding import Finding, seconds
from reports.profiles.shape.breakdown import WORK

STEP = "the step"
ALIKE = "all"
ADVICE = "look what it does more than the others: data, Python, or a slower device"
PHASE_ADVICE = {
    "loader": "look at its data: a slower disk, larger samples, fewer workers",
    "forward": "look what its forward pass does more: other inputs, Python, a slower core",
    "backward": "look at hooks, and what its part of the batch makes dearer",
    "optimizer": "look what it does after the gradients: logging, clipping, saving",
}
FEWEST_STEPS = 5
MEDIAN_ERROR = 1.2533 * 1.4826  # of a median: sqrt(pi / 2) standard deviations by root n, each 1.4826 median deviations
SURE = 4.0  # standard errors
MOST_RANKS, MOST_NAMED = 100_000, 10
LATE = 0.1  # of the step that the others wait in communication, or by which a step is longer


@dataclass(frozen=True, slots=True)
class Spread:
    """A part of the step, or one step: seconds of the fastest and the slowest rank, and which these are."""

    name: str
    least_s: float
    least_rank: int
    most_s: float
    most_rank: int
    median_s: float

    @property
    def fastest(self) -> str:
        """The fastest rank; all where they are alike."""
        return ALIKE if self.least_s == self.most_s else str(self.least_rank)

    @property
    def slowest(self) -> str:
        """The slowest rank; all where they are alike."""
        return ALIKE if self.least_s == self.most_s else str(self.most_rank)


@dataclass(frozen=True, slots=True)
class Ranks:
    """The ranks, the parts of an average step, and every step that all of them recorded."""

    ranks: Sequence[int]
    parts: Sequence[Spread]
    steps: Sequence[Spread]
    findings: Sequence[Finding]


def ranks_of(profiles: Sequence[Profile]) -> Ranks | None:
    """The ranks among profiles; None where there are not two or more, each once."""
    own = {profile.rank: profile for profile in profiles if profile.rank is not None}
    if len(own) < 2 or len(own) < sum(profile.rank is not None for profile in profiles):
        return None
    found = dict(sorted(own.items()))
    names = next(iter(found.values()))
    shown = names.activities or names.phases
    parts = [spread(STEP, {rank: each.steps.mean_s for rank, each in found.items()})]
    for name in shown.names:
        part = spread(name, {rank: part_s(each, name) for rank, each in found.items()})
        parts += [part] * (part.most_s > 0)
    lengths = {rank: dict(zip(each.steps.names, each.steps.lengths / 1e9, strict=True)) for rank, each in found.items()}
    steps = [
        spread(name, {rank: float(own[name]) for rank, own in lengths.items()})
        for name in names.steps.names
        if all(name in own for own in lengths.values())
    ]
    return Ranks(list(found), parts, steps, [*late(found)])


def not_whole(profiles: Sequence[Profile]) -> str:
    """In words, which ranks of a job are not there, or there more than once; empty where all are."""
    counts = Counter(profile.rank for profile in profiles if profile.rank is not None)
    several = sorted(rank for rank, count in counts.items() if count > 1)
    if several:
        return f"Ranks are not compared: {named(several)} there more than once, as of several jobs."
    size = max((profile.ranks or 0 for profile in profiles), default=0)
    if len(counts) < 2 or size > MOST_RANKS:
        return ""
    missing = sorted(set(range(size)) - set(counts))
    return f"Of the job's {size} ranks, {named(missing)} not among these traces." if missing else ""


def named(ranks: Sequence[int]) -> str:
    """Some ranks as the subject of a sentence."""
    shown = ", ".join(map(str, ranks[:MOST_NAMED])) + ", ..." * (len(ranks) > MOST_NAMED)
    return f"rank {shown} is" if len(ranks) == 1 else f"ranks {shown} are"


def part_s(profile: Profile, name: str) -> float:
    """Seconds of a part per step; 0 of one that a rank without a device does not have."""
    shares = usual(profile)
    if name in shares:
        return shares[name] * profile.steps.mean_s
    return profile.phases.mean_s(name) if name in profile.phases.names else 0.0


def spread(name: str, by_rank: dict[int, float]) -> Spread:
    """The fastest and the slowest of seconds by rank."""
    least, most = min(by_rank, key=lambda rank: by_rank[rank]), max(by_rank, key=lambda rank: by_rank[rank])
    return Spread(name, by_rank[least], least, by_rank[most], most, median(by_rank.values()))


def straggler(found: dict[int, Profile]) -> list[Finding] | None:
    """The rank that works longer in a phase than the others, step by step; None where that is not known of all.

    Collectives make all ranks equally late, so what is compared is what each does besides waiting in them.
    """
    named = {rank: each.worked for rank, each in found.items() if each.worked is not None}
    shared = [
        name
        for name in next(iter(found.values())).steps.names
        if all(name in each.steps.names for each in found.values())
    ]
    if len(named) < len(found) or len(shared) < FEWEST_STEPS:
        return None
    places = {rank: [each.steps.names.index(name) for name in shared] for rank, each in found.items()}
    step_s = median(float(np.median(each.steps.lengths)) / 1e9 for each in found.values())
    most: tuple[float, int, str] | None = None
    for number, phase in enumerate(WORK):
        own = {rank: each.parts[number][places[rank]] / 1e9 for rank, each in named.items()}
        for rank, taken in own.items():
            longer = taken - np.median([other for one, other in own.items() if one != rank], axis=0)
            usual_s = float(np.median(longer))
            error_s = MEDIAN_ERROR * float(np.median(np.abs(longer - usual_s))) / math.sqrt(len(shared))
            if usual_s >= LATE * step_s and usual_s > SURE * error_s and (most is None or usual_s > most[0]):
                most = (usual_s, rank, phase)
    if most is None:
        return []
    longer_s, rank, phase = most
    cost = longer_s / step_s
    return [Finding(
        f"Rank {rank} is late in its {phase}: it works {units.percent(cost)} of a step longer there than the others",
        f"{seconds(longer_s)} of a step of {seconds(step_s)}, which the others wait for in their collectives",
        PHASE_ADVICE[phase], "ranks", cost,
    )]  # fmt: skip


def late(found: dict[int, Profile]) -> list[Finding]:
    """The rank that the others wait for: it communicates least, since it comes last; or whose steps are longest."""
    if (known := straggler(found)) is not None:
        return known
    steps = spread(STEP, {rank: each.steps.mean_s for rank, each in found.items()})
    waits = spread("communication", {rank: part_s(each, "communication") for rank, each in found.items()})
    waited_s = median(part_s(each, "communication") for rank, each in found.items() if rank != waits.least_rank)
    cost = (waited_s - waits.least_s) / steps.median_s
    if cost >= LATE:
        return [Finding(
            f"Rank {waits.least_rank} is late: the others wait for it {units.percent(cost)} of the step",
            f"it spends {seconds(waits.least_s)} a step in communication that nothing hides, they {seconds(waited_s)}",
            ADVICE, "ranks", cost,
        )]  # fmt: skip
    longer = steps.most_s / steps.median_s - 1
    if longer >= LATE:
        return [Finding(
            f"Rank {steps.most_rank} is slower: its step takes {units.percent(longer)} longer than the median rank's",
            f"{seconds(steps.most_s)} against {seconds(steps.median_s)}",
            ADVICE, "ranks", longer,
        )]  # fmt: skip
    return []
