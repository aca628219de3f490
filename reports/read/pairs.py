"""Step times that were taken in turns: which launches of two cases belong together. Knows no file and no table."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from bench.records.record import MODES_IN_TURNS, RUNGS
from reports.read.frames import Figure
from reports.stats.intervals import CONFIDENCE, Launches, Ratio, compare, compare_paired
from reports.stats.levelled import FEWEST, levelled, told_by


def paired(base: Figure, head: Figure) -> tuple[Launches, Launches] | None:
    """The launches in which the two took turns, the same of both in the same order; None where they did not."""
    return matched(base, head, head.mode, base.mode) or matched(base, head, MODES_IN_TURNS, MODES_IN_TURNS)


def matched(base: Figure, head: Figure, base_turns: str, head_turns: str) -> tuple[Launches, Launches] | None:
    """The launches whose turns are these, if they are as many of both, with as many values."""
    if (base.source, base.environment) != (head.source, head.environment):
        return None
    first = [values for values, turns in zip(base.launches, base.turns, strict=False) if turns == base_turns]
    second = [values for values, turns in zip(head.launches, head.turns, strict=False) if turns == head_turns]
    if not first or [len(values) for values in first] != [len(values) for values in second]:
        return None
    return first, second


def rung_ratio(base: Figure, head: Figure) -> Ratio:
    """head / base of two rungs' seconds per item: by their pairs where they took turns, else by Welch's t."""
    return ratio_per_item(base, head, RUNGS)


def ratio_per_item(base: Figure, head: Figure, turns: str) -> Ratio:
    """Likewise, of cases whose records say so of their turns."""
    pairs = matched(base, head, turns, turns)
    own, other = head.items_per_step or 1.0, base.items_per_step or 1.0
    if pairs is None:
        return compare(per_item(base.launches, other), per_item(head.launches, own))
    return compare_paired(per_item(pairs[0], other), per_item(pairs[1], own))


def per_item(launches: Launches, items: float) -> Launches:
    """The values of a step time per item."""
    return [[value / items for value in values] for values in launches]


def time_ratio(base: Figure, head: Figure, confidence: float = CONFIDENCE) -> Ratio:
    """head / base of two step times: by their pairs where they took turns, else by Welch's t."""
    pairs = paired(base, head)
    if pairs is None:
        first, second = (levelled(side.launches, side.paces) for side in (base, head))
        return compare(first, second, confidence=confidence)
    return compare_paired(*pairs, confidence)


def at_one_pace(base: Figure, head: Figure) -> tuple[Figure, Figure]:
    """The two as at a pace of the machine between those of their runs, where it is known of both; else as they are."""
    if not (base.paces and head.paces and base.reference_s and head.reference_s):
        return base, head
    apart = math.sqrt(base.reference_s / head.reference_s)
    first, second = ([pace * factor for pace in side.paces] for side, factor in ((base, apart), (head, 1 / apart)))
    return replace(base, paces=tuple(first)), replace(head, paces=tuple(second))


def untold(base: Figure, head: Figure) -> float:
    """Of what the machine's pace did to the two, as a share, what their launches do not tell; 1 where nothing is known.

    Launches of a steady machine say nothing of what another pace would make of their step; too few are not levelled.
    """
    if min(len(base.paces), len(head.paces)) < FEWEST:
        return 1.0
    return 1.0 - min(told_by(np.log(side.paces)) for side in (base, head))
