"""Steps that take turns: how long a turn lasts, how many rounds there are, and when a step has settled.

Pure given a clock; knows no device and no torch. Whatever the machine does meets all that take turns alike.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench.measure.timer import Between, Clock, Run, block_time, nothing, rewarm

SETTLED = 0.05  # warm-up ends when a block is within this share of the fastest so far ...
WARM_UP_BLOCKS = 3  # ... after so many blocks at least
WARM_UP_S = 0.1  # ... or after so long
WARM_UP_BLOCK_S = 2e-3


@dataclass(frozen=True, slots=True)
class Shape:
    """How long a turn lasts, and how many rounds of turns a trial has.

    A trial takes `trial_s` and has at most `rounds`. Steps too long for `enough_rounds` in that time get up to
    `long_trial_s`, and `fewest_rounds` whatever it takes: single turns are noisy, and their median needs some.
    """

    turn_s: float = 0.010
    rounds: int = 25
    enough_rounds: int = 12
    fewest_rounds: int = 4
    trial_s: float = 0.5
    long_trial_s: float = 1.2

    def plan(self, step_s: float) -> tuple[int, int]:
        """Steps per turn and rounds, for steps of so many seconds."""
        steps = max(1, round(self.turn_s / step_s))
        round_s = 2 * steps * step_s
        wanted = max(self.trial_s / round_s, min(self.enough_rounds, self.long_trial_s / round_s))
        return steps, round(min(self.rounds, max(self.fewest_rounds, wanted)))

    def lengthened(self, trial_s: float) -> Shape:
        """The shape with trials of so many seconds, if that is more, and rounds to fill them."""
        factor = max(1.0, trial_s / self.trial_s)
        return replace(self, trial_s=self.trial_s * factor, rounds=round(self.rounds * factor))


def alternate(
    runs: Sequence[Run], steps: Sequence[int], rounds: int, clock: Clock, dice: random.Random,
    between: Between = nothing,
) -> list[tuple[float, ...]]:  # fmt: skip
    """Seconds per step of every run, turn by turn: in each round each has one of so many steps, in an order drawn.

    between: is called before the first round and after each; the first turn then has some steps that are not timed.
    """
    values: list[list[float]] = [[] for _ in runs]
    order = list(range(len(runs)))
    step_s = math.inf
    between(0.0)
    for _ in range(rounds):
        dice.shuffle(order)
        rewarm(runs[order[0]], steps[order[0]], step_s, between)
        for which in order:
            values[which].append(block_time(runs[which], steps[which], clock) / steps[which])
        step_s = max(own[-1] for own in values)
        between(sum(count * own[-1] for count, own in zip(steps, values, strict=True)))
    return [tuple(own) for own in values]


def warm_up(run: Callable[[], object], clock: Callable[[], float]) -> float:
    """Run until blocks take what the fastest so far did; seconds per step of the last block."""
    started = clock()
    steps = 1
    block_s = block_time(run, steps, clock)
    if block_s > WARM_UP_S:  # it has been called before, and a step this long settles within itself
        return block_s
    if block_s < WARM_UP_BLOCK_S:
        steps = max(1, min(10_000, math.ceil(WARM_UP_BLOCK_S / max(block_s, 1e-7))))
    fastest, blocks = math.inf, 0
    while True:
        block_s, blocks = block_time(run, steps, clock), blocks + 1
        if (blocks >= WARM_UP_BLOCKS and block_s <= fastest * (1 + SETTLED)) or clock() - started > WARM_UP_S:
            return block_s / steps
        fastest = min(fastest, block_s)
