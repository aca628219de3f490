"""Made-up machines whose noise is known, and whole runs on them: what the plan of a run and its intervals are tried on.

No process is started and no time passes: a launch takes what its case says, and gives the logarithm of a step time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.runs.schedule import SWEEP_SHARE, Standing, becomes_known, sweep
from reports.stats.distance import of_figure
from reports.stats.intervals import Launches, Summary, summarize

VALUES = 5  # of a launch
WITHIN_LAUNCH = 0.01  # standard deviation of these
LAUNCH_S = 0.25
LAST_SHARE = 0.15
LAYOUT_S = 0.5  # what it takes to lay memory out anew
LAYOUT_SHARE = 0.5
LAYOUTS = "layouts"
LAYOUT_SPREAD = 0.03  # standard deviation of a case between layouts, on machines of that kind

Noise = Callable[[float, np.random.Generator], float]
Judge = Callable[[Launches], Summary]


def quiet(seed: int, limit_s: float) -> Noise:
    """Processes differ by a percent."""
    return lambda at_s, dice: 0.01 * dice.normal()


def noisy(seed: int, limit_s: float) -> Noise:
    """Processes differ by five."""
    return lambda at_s, dice: 0.05 * dice.normal()


def bursts(seed: int, limit_s: float) -> Noise:
    """A neighbour comes for some seconds and goes for some more; what is measured meanwhile is a quarter slower."""
    own = np.random.default_rng(seed)
    ends = np.cumsum(own.exponential(np.tile([12.0, 4.0], 200)))
    return lambda at_s, dice: 0.22 * (np.searchsorted(ends, at_s) % 2) + 0.015 * dice.normal()


def two_levels(seed: int, limit_s: float) -> Noise:
    """Where memory happens to lie makes a process 13 % slower, or not."""
    return lambda at_s, dice: 0.13 * (dice.random() < 0.5) + 0.015 * dice.normal()


def drift(seed: int, limit_s: float) -> Noise:
    """The machine grows a tenth slower from the start to the end of the time there is."""
    return lambda at_s, dice: 0.1 * at_s / limit_s + 0.01 * dice.normal()


def one_in_five(seed: int, limit_s: float) -> Noise:
    """One process in five is disturbed, by a fifth up to twice the time."""
    return lambda at_s, dice: dice.uniform(0.2, 0.7) * (dice.random() < 0.2) + 0.015 * dice.normal()


def layouts(seed: int, limit_s: float) -> Noise:
    """Processes of one layout of memory differ by half a percent; layouts by more."""
    return lambda at_s, dice: 0.005 * dice.normal()


KINDS = {each.__name__: each for each in (quiet, noisy, bursts, two_levels, drift, one_in_five, layouts)}


@dataclass(slots=True)
class Subject:
    """A case of a made-up run: what its launches gave, by layout."""

    number: int
    by_layout: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    last_s: float = 0.0
    distance: float = math.inf
    is_known: bool = False

    @property
    def launches(self) -> list[Sequence[float]]:
        """Those of one layout as one."""
        return list(self.by_layout.values())

    def standing(self) -> Standing:
        """How far it is."""
        return Standing(len(self.launches), self.distance, LAUNCH_S, self.is_known)

    def keep(self, values: Sequence[float], layout: int, within: float) -> None:
        """Remember a launch."""
        is_new = layout not in self.by_layout
        self.by_layout[layout] += values
        self.distance = of_figure(self.launches, within)
        self.is_known = self.is_known or (is_new and becomes_known(len(self.launches), self.distance))


@dataclass(slots=True)
class Run:
    """One made-up run: `cases` cases on a machine, within so many seconds."""

    noise: Noise
    limit_s: float
    within: float
    dice: np.random.Generator
    subjects: list[Subject]
    layout_spread: float = 0.0
    layout: int = 0
    laid_out_s: float = 0.0
    now_s: float = 0.0
    luck: dict[tuple[int, int], float] = field(default_factory=dict)

    def lay_out(self) -> None:
        """Memory is laid out anew."""
        self.layout += 1
        self.now_s += LAYOUT_S
        self.laid_out_s = self.now_s

    def launch(self, subject: Subject) -> None:
        """One launch of a case."""
        level = self.noise(self.now_s, self.dice)
        if self.layout_spread:
            level += self.luck.setdefault((subject.number, self.layout), self.layout_spread * self.dice.normal())
        subject.keep(np.exp(level + WITHIN_LAUNCH * self.dice.normal(size=VALUES)).tolist(), self.layout, self.within)
        self.now_s += LAUNCH_S
        subject.last_s = self.now_s

    def sweeps(self, until_s: float) -> None:
        """As a run makes them."""
        while True:
            standings = {number: each.standing() for number, each in enumerate(self.subjects)}
            chosen = sweep(standings, until_s - self.now_s, SWEEP_SHARE * self.limit_s)
            if not chosen:
                return
            if self.now_s - self.laid_out_s > LAYOUT_SHARE * LAYOUT_S:
                self.lay_out()
            for number in chosen:
                if self.now_s + LAUNCH_S <= until_s:
                    self.launch(self.subjects[number])

    def play(self) -> None:
        """The whole run."""
        for subject in self.subjects:
            self.launch(subject)
        kept_s = min(LAST_SHARE * self.limit_s, LAUNCH_S * len(self.subjects))
        self.sweeps(self.limit_s - kept_s)
        middle_s = self.now_s / 2
        for subject in sorted(self.subjects, key=lambda subject: subject.last_s):
            if subject.last_s < middle_s and self.now_s + LAUNCH_S < self.limit_s:
                self.launch(subject)
        self.sweeps(self.limit_s)


def played(kind: str, seed: int, cases: int = 12, limit_s: float = 60.0, within: float = 0.05) -> Run:
    """A run on a machine of that kind, which is over."""
    dice = np.random.default_rng(seed)
    spread = LAYOUT_SPREAD if kind == LAYOUTS else 0.0
    run = Run(KINDS[kind](seed, limit_s), limit_s, within, dice, list(map(Subject, range(cases))), spread)
    run.play()
    return run


def truth(run: Run) -> float:
    """What the machine usually was during the run: the median of what a launch would have given at any moment of it."""
    dice = np.random.default_rng(0)
    return float(np.median([run.noise(at_s, dice) for at_s in dice.uniform(0, run.now_s, 4000)]))


def over_launches(launches: Launches) -> Summary:
    """The rule of this project."""
    return summarize(launches)


def over_values(launches: Launches) -> Summary:
    """A wrong rule: every value counts as if it were a process of its own."""
    return summarize([[value] for values in launches for value in values])


def over_processes(launches: Launches) -> Summary:
    """A wrong rule: processes that share a layout of memory count as if each had its own."""
    return summarize([values[at : at + VALUES] for values in launches for at in range(0, len(values), VALUES)])


def covered(kind: str, runs: int, judge: Judge = over_launches) -> tuple[float, float]:
    """How often the interval holds the truth over all cases of so many runs, and the median of its half widths."""
    hits: list[bool] = []
    widths: list[float] = []
    for seed in range(runs):
        run = played(kind, seed)
        right = math.exp(truth(run))
        for subject in run.subjects:
            found = judge(subject.launches)
            assert found.low is not None
            assert found.high is not None
            hits.append(found.low <= right <= found.high)
            widths.append(found.half_width or 0.0)
    return float(np.mean(hits)), float(np.median(widths))
