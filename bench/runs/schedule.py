"""Which launch comes next in a run with a budget: sweep after sweep over what is not known yet. Pure; no clock.

A machine's speed wanders in minutes, so the launches of a case are spread over the run: a sweep gives each case one at
most, and what became known early is looked at once more at the end.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K", bound=Hashable)

KNOWN = 1.0  # a distance of so much or less
FEWEST_LAUNCHES = 4  # so many has everything, whatever it costs, before anything has more
DEAR = 3.0  # times as long as a usual launch
POOR = 4.0  # a distance beyond which nobody could use the figure: it is mended before others are refined
# Only after so many launches may something count as known: 8, 12, 18 and so on, half as many again. Who looked after
# each would stop whenever they happened to be alike, and too few intervals would hold (tests/proof/coverage.py).
LOOKS = tuple(round(8 * 1.5**number) for number in range(25))
ENOUGH_LAUNCHES = LOOKS[0]
SWEEP_SHARE = 1 / 30  # of a run's time that a sweep lasts at least


@dataclass(frozen=True, slots=True)
class Standing:
    """How far something measured is.

    distance: how many times as wide as it should be its interval is; infinity where there is none yet.
    cost_s: seconds that its next launch will take.
    is_known: whether no further launch is needed.
    """

    launches: int
    distance: float
    cost_s: float
    is_known: bool = False

    @property
    def needed(self) -> int:
        """Launches until it is known, if it goes on as it did: the width of an interval falls with their root."""
        if self.is_known:
            return 0
        missing = next((look - self.launches for look in LOOKS if look > self.launches), 1)
        if not math.isfinite(self.distance) or self.launches < 2:
            return missing
        return max(missing, math.ceil(self.launches * (self.distance**2 - 1)))

    @property
    def needed_s(self) -> float:
        """Seconds until it is known."""
        return self.needed * self.cost_s


def sweep(standings: Mapping[K, Standing], left_s: float, least_s: float = 0.0) -> list[K]:
    """What has a launch in the next sweep, in order; empty when all is known or no launch would end in time.

    A sweep lasts `least_s` at least, where time is left: launches of the last few unknown cases, one right after the
    other, would all be of one minute's machine. What is known fills it up.

    What has the fewest launches comes first until everything has some, and then until everything has enough that is not
    dear; from then on what is too poor to be used before what could be better, and what is cheapest to know first, so
    that as much as possible becomes known. Nothing is begun that the time left is not enough for, while there is
    something else.
    """
    fits = {key: each for key, each in standings.items() if not each.is_known and each.cost_s <= left_s}
    few = [key for key, each in fits.items() if each.launches < FEWEST_LAUNCHES]
    some = [key for key, each in fits.items() if each.launches < ENOUGH_LAUNCHES]
    chosen = (
        few or not_dear(fits, some) or some or [key for key, each in fits.items() if each.distance > POOR] or list(fits)
    )
    ordered = sorted(chosen, key=lambda key: (fits[key].launches if some else 0, fits[key].needed_s))
    taken: list[K] = []
    needed_s = now_s = 0.0
    for key in ordered:
        needed_s += fits[key].needed_s
        now_s += fits[key].cost_s
        if now_s > left_s or (taken and not some and needed_s > left_s):
            break
        taken.append(key)
    return taken + fillers(standings, left_s, least_s, sum(fits[key].cost_s for key in taken)) if taken else []


def fillers(standings: Mapping[K, Standing], left_s: float, least_s: float, now_s: float) -> list[K]:
    """What is known already and is launched once more, the fewest launches first, for a sweep to last `least_s`."""
    found: list[K] = []
    known = [key for key, each in standings.items() if each.is_known]
    for key in sorted(known, key=lambda key: (standings[key].launches, standings[key].cost_s)):
        if now_s >= least_s:
            break
        if now_s + standings[key].cost_s <= left_s:
            now_s += standings[key].cost_s
            found.append(key)
    return found


def becomes_known(launches: int, distance: float) -> bool:
    """Whether something so far, after so many launches, counts as known from now on."""
    return launches in LOOKS and distance <= KNOWN


def not_dear(standings: Mapping[K, Standing], keys: list[K]) -> list[K]:
    """Those of the keys whose launches are not much longer than usual ones."""
    usual_s = statistics.median(each.cost_s for each in standings.values()) if standings else 0.0
    return [key for key in keys if standings[key].cost_s <= DEAR * usual_s]


def expected_s(standings: Mapping[K, Standing], left_s: float) -> float:
    """Seconds until everything is known or time is up."""
    return min(left_s, sum(each.needed_s for each in standings.values()))
