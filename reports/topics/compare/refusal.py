"""Whether stored figures are slower than others by more than is allowed: a gate of what was measured before. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.format import units
from reports.read.rows import Row

TIMES = ("step_time", "latency")
SLOWER, WITHIN, UNDECIDED = "slower", "within", "undecided"
ORDER = ("slower", "broken", "undecided", "missing", "n/a", "within")


def judged(row: Row, allowed: float) -> str:
    """What a time is: slower where its whole interval lies beyond what is allowed, within where none of it does."""
    if row.verdict in ("missing", "broken", "n/a"):
        return row.verdict
    if row.ratio_low is None or row.ratio_high is None:
        return UNDECIDED
    return SLOWER if row.ratio_low > 1 + allowed else WITHIN if row.ratio_high <= 1 + allowed else UNDECIDED


def refusal(rows: Sequence[Row], allowed: float) -> tuple[Counter[str], str]:
    """How many times are what, and that in a sentence that names the slower ones."""
    times = [(row, judged(row, allowed)) for row in rows if row.metric in TIMES]
    counts = Counter(verdict for _, verdict in times)
    more = f"more than {units.percent(allowed)}"
    lines = [
        f"slower by {more}: {row.workload}({row.point}) {row.device} {row.mode} {row.metric}, "
        f"× {units.ratio(row.ratio)} [{units.ratio(row.ratio_low)}, {units.ratio(row.ratio_high)}]"
        for row, verdict in times
        if verdict == SLOWER
    ]
    others = ", ".join(f"{counts[name]} {name}" for name in ORDER if counts[name])
    slower = f"{counts[SLOWER]} of {len(times)} times {'is' if counts[SLOWER] == 1 else 'are'} slower by {more}"
    if not counts[SLOWER]:
        slower = f"No time is surely slower by {more}" if counts[UNDECIDED] else f"No time is slower by {more}"
    return counts, "\n".join([*lines, f"{slower}: {others or 'nothing was compared'}."])
