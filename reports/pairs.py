"""Step times that were taken in turns: which launches of two modes belong together. Knows no file and no table."""

from __future__ import annotations

from reports.frames import Figure
from reports.statistics import CONFIDENCE, Launches, Ratio, compare, compare_paired


def paired(base: Figure, head: Figure) -> tuple[Launches, Launches] | None:
    """The launches in which the two took turns, the same of both in the same order; None where they did not."""
    if (base.source, base.environment) != (head.source, head.environment):
        return None
    first = [values for values, mode in zip(base.launches, base.turns, strict=False) if mode == head.mode]
    second = [values for values, mode in zip(head.launches, head.turns, strict=False) if mode == base.mode]
    if not first or [len(values) for values in first] != [len(values) for values in second]:
        return None
    return first, second


def time_ratio(base: Figure, head: Figure, confidence: float = CONFIDENCE) -> Ratio:
    """head / base of two step times: by their pairs where they took turns, else by Welch's t."""
    pairs = paired(base, head)
    if pairs is None:
        return compare(base.launches, head.launches, confidence=confidence)
    return compare_paired(*pairs, confidence)
