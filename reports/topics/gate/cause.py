"""Which part of a step its change is in: paired differences of every part over pairs of processes. Pure.

The intervals are Student's, over pairs, 99 % for all parts of a case together (Bonferroni). Parts are taken under the
profiler, which slows a step down, most of all its small operators: the figures say where a change is, not how large.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from bench.records.record import BUILT_IN, OUTSIDE
from reports.format import units

DOUBT = 0.01  # that any part of a case is named which did not change
FEWEST = 3  # pairs
MOST_NAMED = 3  # parts in a sentence
LEAST_TO_SCALE = 0.002  # of the step: smaller parts say little of how fast the machine was
PYTHON_ALONE = 2.0  # times as much as the operators called: so much of Python is not there to call them
LEAST_OF_CHANGE = 0.1  # of the whole change: a part that is less of it is no cause
LOOKED_AT = 5  # parts that are listed where none stands out

Parts = Mapping[str, float]
Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Part:
    """One part: seconds per step by which it is longer on head, their interval, its share of the base's step, calls.

    made_of: what it is called in the records.
    """

    name: str
    difference_s: float
    low_s: float
    high_s: float
    share: float
    before: float | None
    after: float | None
    made_of: frozenset[str] = frozenset()

    @property
    def is_counted(self) -> bool:
        """Whether it takes longer and is called more often, or shorter and less: counts have no noise."""
        if self.before is None or self.after is None:
            return False
        return (self.after - self.before) * self.difference_s > 0

    @property
    def is_certain(self) -> bool:
        """Whether it surely changed: by its time, or its count."""
        return self.low_s > 0 or self.high_s < 0 or self.is_counted


@dataclass(frozen=True, slots=True)
class Cause:
    """The parts of a case, the largest change first, the seconds of base's step under the profiler, and pairs seen."""

    parts: tuple[Part, ...]
    base_s: float
    pairs: int

    def grown(self) -> list[Part]:
        """Those whose time surely grew, the largest first."""
        return [part for part in self.parts if part.low_s > 0 and part.name != BUILT_IN][:MOST_NAMED]

    def named(
        self, is_slower: bool, is_touched: Callable[[Part], bool] = lambda part: False, change: float = 0.0
    ) -> list[Part]:
        """Those that surely changed the way that the case did, and are no small part of it.

        change: of the whole case, as a share of its step, where that is known; what is in all of its parts, such as
        another release of torch, is in none that could be named.

        First those that are called more often or that the change touches, as far as is known: what it does to memory
        and caches of others can be larger, and is no cause. Python after what it calls: calls need some.
        """
        sign = 1 if is_slower else -1
        surely = [part for part in self.parts if part.is_certain and part.name != BUILT_IN]
        certain = [part for part in surely if sign * part.difference_s > 0]
        least = LEAST_OF_CHANGE * abs(change)
        certain = [part for part in certain if part.is_counted or abs(part.share) >= least]
        evident = [part for part in certain if part.is_counted or is_touched(part)]
        counted_s = sum(abs(part.difference_s) for part in evident if part.is_counted)
        evident.sort(key=lambda part: part.name == OUTSIDE and abs(part.difference_s) < PYTHON_ALONE * counted_s)
        return (large(evident) + large([part for part in large(certain) if part not in evident]))[:MOST_NAMED]


def large(parts: list[Part]) -> list[Part]:
    """Those that are no small part of what they are together; what is unsure of the others would hide them."""
    whole_s = sum(abs(part.difference_s) for part in parts)
    return [part for part in parts if abs(part.difference_s) >= LEAST_OF_CHANGE * whole_s]


def cause(
    pairs: Sequence[tuple[Parts, Parts]], calls: Sequence[tuple[Parts, Parts]] = (), doubt: float = DOUBT,
    at_one_speed: bool = False,
) -> Cause | None:  # fmt: skip
    """What the pairs (base's and head's seconds by part) say; None for too few.

    calls: of operators, per step, of either side in each pair; none for functions of Python, which have no shapes.
    doubt: that any part's interval leaves the truth out. at_one_speed: what most parts changed by in a pair is how fast
    the machine was for either process, and no change; for cases that are no slower, of which at most a part is.
    """
    if len(pairs) < FEWEST:
        return None
    merged = moved(pairs) if calls else {}
    pairs = [(joined(base, merged), joined(head, merged)) for base, head in pairs]
    calls = [(joined(base, merged), joined(head, merged)) for base, head in calls]
    names = list(dict.fromkeys(name for pair in pairs for side in pair for name in side))
    seconds = np.array([[[side.get(name, 0.0) for name in names] for side in pair] for pair in pairs])
    wholes = seconds[:, 0].sum(axis=1)
    base_s = float(np.median(wholes))
    if not (wholes > 0).all():
        return None
    # As shares of base's step first: how fast the machine was in a pair is no part of a difference.
    differences = base_s * (seconds[:, 1] - seconds[:, 0]) / wholes[:, np.newaxis]
    faster = speeds(pairs) if at_one_speed else np.zeros(len(pairs))
    means, errors, freedom = at_rest(differences, faster)
    reach = float(stdtrit(freedom, 1 - doubt / 2 / len(names))) * errors
    parts = [
        Part(
            name, float(mean), float(mean - half), float(mean + half), float(mean) / base_s,
            counted(calls, 0, name), counted(calls, 1, name),
            frozenset({name, *(own for own, new in merged.items() if new == name)}),
        )
        for name, mean, half in zip(names, means, reach, strict=True)
    ]  # fmt: skip
    return Cause(tuple(sorted(parts, key=lambda part: -abs(part.difference_s))), base_s, len(pairs))


def counted(calls: Sequence[tuple[Parts, Parts]], side: int, name: str) -> float | None:
    """How often a part is called in a step of a side; None where pairs do not agree on it, or it is not counted."""
    found = {pair[side].get(name, 0.0) for pair in calls}
    return found.pop() if len(found) == 1 and name != OUTSIDE else None


def speeds(pairs: Sequence[tuple[Parts, Parts]]) -> Floats:
    """Of each pair by how much most parts took longer on head, as a logarithm: the median of the larger ones."""
    found = []
    for base, head in pairs:
        least_s = LEAST_TO_SCALE * sum(base.values())
        ratios = [head[name] / base[name] for name in base if base[name] > least_s and head.get(name)]
        found.append(math.log(float(np.median(ratios))) if ratios else 0.0)
    return np.array(found)


def at_rest(differences: Floats, speeds: Floats) -> tuple[Floats, Floats, int]:
    """Means of the differences (pairs by parts) where the speeds are 0, their standard errors and degrees of freedom.

    By least squares over the pairs: a part follows the machine as far as it has followed it, and not further. Where all
    speeds are alike these are the plain ones.
    """
    count = len(speeds)
    around = speeds - speeds.mean()
    varies = bool((around**2).sum() > 0) and count > FEWEST
    slopes = around @ differences / (around**2).sum() if varies else np.zeros(differences.shape[1])
    means = differences.mean(axis=0) - slopes * (speeds.mean() if varies else 0.0)
    left = differences - differences.mean(axis=0) - np.outer(around, slopes)
    freedom = count - 1 - varies
    spread = np.sqrt((left**2).sum(axis=0) / freedom)
    leverage = speeds.mean() ** 2 / (around**2).sum() if varies else 0.0
    return means, spread * math.sqrt(1 / count + leverage), freedom


def moved(pairs: Sequence[tuple[Parts, Parts]]) -> dict[str, str]:
    """New names of an operator's parts where base alone has some shapes, and head others: it is one part that moved."""
    sides = [{name for pair in pairs for name in pair[side]} for side in (0, 1)]
    gone, new = sorted(sides[0] - sides[1]), sorted(sides[1] - sides[0])
    found: dict[str, str] = {}
    for operator in {operator_of(name) for name in gone} & {operator_of(name) for name in new}:
        old, now = ([name for name in names if operator_of(name) == operator] for names in (gone, new))
        shapes = [" and ".join(name.partition(" ")[2] for name in names) or "other ones" for names in (now, old)]
        found |= dict.fromkeys([*old, *now], f"{operator} {shapes[0]} instead of {shapes[1]}")
    return found


def operator_of(part: str) -> str:
    """'aten::mm' for 'aten::mm 64x512 512x512'."""
    return part.partition(" ")[0]


def joined(parts: Parts, names: Mapping[str, str]) -> dict[str, float]:
    """The parts under their new names; those of one name are one."""
    found: dict[str, float] = {}
    for name, amount in parts.items():
        own = names.get(name, name)
        found[own] = found.get(own, 0.0) + amount
    return found


def sentence(found: Cause | None, named: Sequence[Part], where: Callable[[Part], str] = lambda part: "") -> str:
    """Where the change is, in words; or that nothing stands out, and what was looked at.

    where: from which line a part comes, in words; empty for not known.
    """
    if found is None:
        return "its parts were not seen often enough to say where"
    if named:
        return "; ".join(", ".join(filter(None, (told(part), where(part)))) for part in named)
    listed = ", ".join(name_of(part.name) for part in found.parts[:LOOKED_AT])
    return f"no part stands out in {found.pairs} pairs of profiles, of {listed} and others"


def more(base: Parts, head: Parts, one: str) -> str:
    """What there is more of on head than on base, with its reasons, such as '1 graph break more: print at m.py:3'.

    one: what one is called. Empty where there is no more.
    """
    count = sum(head.values()) - sum(base.values())
    if count <= 0:
        return ""
    reasons = [name for name in head if head[name] > base.get(name, 0.0)]
    return f"{times(count)} {one}{'s' if count != 1 else ''} more: {' and '.join(reasons[:MOST_NAMED])}"


def told(part: Part) -> str:
    """In words: '+4.9 % of the profiled step [4.1, 5.7] in aten::addmm 64x512 512x512, called 4 times instead of 3'."""
    ratio = part.share / part.difference_s if part.difference_s else 0.0
    low, high = (100 * ratio * end for end in (part.low_s, part.high_s))
    how = ""
    if part.before and part.after and part.before != part.after:
        how = f", called {times(part.after)} times instead of {times(part.before)}"
    elif part.before != part.after and None not in (part.before, part.after):
        how = ", which is new" if part.after else ", which is gone"
    return f"{100 * part.share:+.1f} % of the profiled step [{low:.1f}, {high:.1f}] in {name_of(part.name)}{how}"


def name_of(part: str) -> str:
    """A part as people read it."""
    return "Python, between operators" if part == OUTSIDE else part


def times(count: float) -> str:
    """'4', '2.5'."""
    return units.count(count) if count == round(count) else f"{count:.3g}"
