"""When trials of base against head say enough: looks after more and more trials, with errors bounded over all of them.

Pure; knows no case by name and no file. An observation is the logarithm of head / base in one trial, whose processes
no other trial shares; so observations are independent, and Student's t holds over them.

The rule and why its error rates hold are derived in docs/method.md. In short: at each look a case gets an equal share
of its error, so that the errors of all looks together stay below it however often one looks (Bonferroni, the simplest
of the group-sequential plans of Jennison and Turnbull, Group Sequential Methods, 2000). "Slower" and "faster" share
one error over all cases by Holm's step-down rule (Scandinavian Journal of Statistics 6, 1979), carried over to looks
as Bartroff and Song do (Sequential tests of multiple hypotheses, 2014); "same" is a claim about one case, with an
error of its own (two one-sided tests, Schuirmann 1987).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from scipy.special import stdtrit

from reports.stats.plain import plain, trials_for

# Trials after which a case is looked at: a third more each time. Few trials give intervals too wide to decide much.
LOOKS = (5, 7, 10, 14, 19, 25, 33, 44, 58, 77, 100)
SHARE = 1 / len(LOOKS)  # of a case's error that each look may spend
OF_LOOKS = len(LOOKS) / (len(LOOKS) + 1)  # of the error of slower and faster; the rest is for what is plain before any
CONFIRMING = 3  # trials after a look that found a change, which must find it by themselves
LIKELY = "likely slower"  # its own interval lies above the margin; for all cases together that is not enough yet
OPEN = ("undecided", LIKELY)
CHANGED = ("slower", "faster")
POWER = 0.8  # how likely the "smallest change that could have been seen" would have been seen

K = TypeVar("K", bound=Hashable)
NO_RULES: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts as slower and as the same, as shares of the time, and which errors are allowed.

    false_alarms: chance that any case at all is called slower (likewise faster) although it is not, when every case
    lies exactly at the margin; unchanged cases lie below it. doubt: chance, per case, that its interval leaves out
    the truth at any look; also that a case beyond `same_within` is called the same, or one beyond its limit allowed.
    limit: the slowdown up to which a case is allowed to be slower, in place of slower_than; None for none of its own.
    """

    slower_than: float = 0.01
    same_within: float = 0.03
    false_alarms: float = 0.01
    doubt: float = 0.05
    limit: float | None = None

    @property
    def slower(self) -> float:
        """The logarithm of the ratio beyond which a case is slower."""
        return math.log1p(self.slower_than if self.limit is None else self.limit)

    @property
    def faster(self) -> float:
        """Likewise, below which it is faster."""
        return -math.log1p(self.slower_than)

    def up_to(self, limit: float) -> Rule:
        """The rule of a case with a limit of its own. One that leaves no room for noise is a margin of slower."""
        return replace(self, limit=limit) if limit > self.same_within else replace(self, slower_than=limit)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the trials of a case say. Ratios are head / base.

    verdict: slower, faster, same, allowed (surely within a limit of its own), LIKELY
    or undecided. low, high: the case's interval, valid at every look; None with fewer
    than two trials. detectable: the smallest slowdown that so many such trials would have called slower with a
    chance of POWER; None likewise, and when it is beyond tenfold. trials_needed: how many trials in all would decide
    an undecided case, as far as these show.
    """

    verdict: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    detectable: float | None = None
    trials: int = 0
    trials_needed: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Mean and standard error of the observations so far."""

    trials: int
    mean: float
    error: float

    def half(self, error_rate: float) -> float:
        """Half the interval that leaves out the truth on one side with a chance of SHARE of `error_rate`."""
        return float(stdtrit(self.trials - 1, 1 - error_rate * SHARE)) * self.error


def observe(base: Sequence[float], head: Sequence[float]) -> float:
    """One trial's observation: the median over rounds of log(head / base). The nth values were taken together.

    Within a trial, a process that another one interrupts loses a turn, not a tendency: the median is not moved.
    Raises ValueError when there is no round.
    """
    rounds = min(len(base), len(head))
    turns = np.array([base[:rounds], head[:rounds]], dtype=float)
    turns = turns[:, (turns > 0).all(axis=0)]  # a clock too coarse for a turn read 0
    if not turns.size:
        raise ValueError("a trial without rounds says nothing")
    return float(np.median(np.log(turns[1]) - np.log(turns[0])))


def look_at(observations: Sequence[float], trials: int) -> Look:
    """What the first so many trials say."""
    seen = np.asarray(observations[:trials], dtype=float)
    return Look(trials, float(seen.mean()), float(seen.std(ddof=1)) / math.sqrt(trials))


def looks(observations: Sequence[float], final: bool) -> list[Look]:
    """The looks that were taken; the last trials get one of their own at the end, with the share of a look not taken.

    Not all that is left: a gate that is resumed goes on looking.
    """
    trials_at = [trials for trials in LOOKS if trials <= len(observations)]
    if final and len(observations) > max([1, *trials_at]):
        trials_at.append(len(observations))
    return [look_at(observations, trials) for trials in trials_at]


def decide(
    observations: Mapping[K, Sequence[float]], rule: Rule, final: bool = False, own: Mapping[K, Rule] = NO_RULES
) -> dict[K, Finding]:
    """A finding for every case. `final`: there will be no more trials. own: the rules of cases that have their own.

    Holm's rule: the first changes found must hold against the error divided by the number of all cases; every one
    found leaves the rest with one case fewer to share it with, until nothing more is found.
    """
    taken = {case: looks(seen, final) for case, seen in observations.items()}
    changed: dict[K, str] = {}
    while True:
        error_rate = OF_LOOKS * rule.false_alarms / max(1, len(observations) - len(changed))
        found = {
            case: change
            for case, seen in observations.items()
            if case not in changed and (change := change_of(taken[case], seen, own.get(case, rule), error_rate))
        }
        if not found:
            break
        changed |= found
    return {
        case: finding(taken[case], seen, own.get(case, rule), changed.get(case), error_rate)
        for case, seen in observations.items()
    }


def change_of(taken: Sequence[Look], seen: Sequence[float], rule: Rule, error_rate: float) -> str | None:
    """ "slower" or "faster" if it is plain, or a look found it and the trials after it confirm it, before one found it
    unchanged.
    """
    enough = trials_for(error_rate * SHARE)
    side = plain(seen[:enough], rule.slower, rule.faster)
    if side and len(seen) >= enough:
        return "slower" if side > 0 else "faster"
    for look in taken:
        side = crosses(look, rule, error_rate)
        if side and confirmed(seen[look.trials : look.trials + CONFIRMING], side, rule):
            return "slower" if side > 0 else "faster"
        if not side and (is_same(look, rule) or is_allowed(look, rule)):
            return None
    return None


def crosses(look: Look, rule: Rule, error_rate: float) -> int:
    """1 when the whole interval lies above the margin of slower, -1 when it lies below that of faster, else 0."""
    half = look.half(error_rate)
    return 1 if look.mean - half > rule.slower else -1 if look.mean + half < rule.faster else 0


def confirmed(later: Sequence[float], side: int, rule: Rule) -> bool:
    """Whether enough trials came after a look, and their mean lies beyond the margin too."""
    if len(later) < CONFIRMING:
        return False
    mean = float(np.mean(later))
    return mean > rule.slower if side > 0 else mean < rule.faster


def is_same(look: Look, rule: Rule) -> bool:
    """Whether the case's whole interval lies within the margins of "same"."""
    return abs(look.mean) + look.half(rule.doubt / 2) <= math.log1p(rule.same_within)


def is_allowed(look: Look, rule: Rule) -> bool:
    """Whether the case's whole interval lies below a limit of its own."""
    return rule.limit is not None and look.mean + look.half(rule.doubt / 2) <= rule.slower


def finding(taken: Sequence[Look], seen: Sequence[float], rule: Rule, change: str | None, error_rate: float) -> Finding:
    """The finding of one case, given whether it was found to have changed."""
    if len(seen) < 2:
        return Finding("undecided", math.exp(seen[0]) if seen else None, trials=len(seen))
    # Between looks the case's interval is that of the last look, had it been taken now.
    now = look_at(seen, len(seen))
    half = now.half(rule.doubt / 2)
    shown = Finding(
        "undecided", math.exp(now.mean), math.exp(now.mean - half), math.exp(now.mean + half),
        detectable(now, rule, error_rate), len(seen),
    )  # fmt: skip
    if change == "slower":  # its interval does not reach back over the margin that it was found beyond
        return replace(shown, verdict=change, low=max(shown.low or 0.0, math.exp(rule.slower)))
    if change == "faster":
        return replace(shown, verdict=change, high=min(shown.high or math.inf, math.exp(rule.faster)))
    for verdict, holds in (("same", is_same), ("allowed", is_allowed)):
        if any(holds(look, rule) and not crosses(look, rule, error_rate) for look in taken):
            return replace(shown, verdict=verdict)
    verdict = LIKELY if len(seen) >= LOOKS[0] and now.mean - half > rule.slower else "undecided"
    return replace(shown, verdict=verdict, trials_needed=trials_needed(now, rule, error_rate))


def detectable(look: Look, rule: Rule, error_rate: float) -> float | None:
    """The slowdown that would have been found with a chance of POWER; None when even a tenfold one might not."""
    beyond = look.half(error_rate) + float(stdtrit(look.trials - 1, POWER)) * look.error
    return math.expm1(rule.slower + beyond) if beyond < math.log(10) else None


def trials_needed(now: Look, rule: Rule, error_rate: float) -> int | None:
    """Trials after which a case with this mean and spread would be decided; None when more than the looks allow."""
    deviation = now.error * math.sqrt(now.trials)
    for trials in (trials for trials in LOOKS if trials > now.trials):
        later = Look(trials, now.mean, deviation / math.sqrt(trials))
        if is_same(later, rule) or is_allowed(later, rule):
            return trials
        if crosses(later, rule, error_rate):
            return trials + CONFIRMING
    return None


def is_open(finding: Finding) -> bool:
    """Whether more trials could still decide the case, or say how large a change is that was plain at once."""
    most = LOOKS[-1] + CONFIRMING if finding.verdict in OPEN else LOOKS[0] if finding.verdict in CHANGED else 0
    return finding.trials < most
