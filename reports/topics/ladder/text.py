"""Ladders as tables for a terminal or Markdown. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records.record import RUNGS
from reports.format import units
from reports.format.tables import grid, plain, title
from reports.read.frames import Figure
from reports.stats.intervals import Ratio
from reports.topics.cells import placed
from reports.topics.ladder.figures import GROUND, Ladder, Tread, ladders

LOST = "LOST"
HEADERS = ["rung", "stands on", "changes", "throughput", "gain [95 %]", "of the bottom", "peak memory"]
NOTE = (
    "gain: items per second over those of the rung it stands on. A rung on which no other stands is the top, or a side "
    "rung, which\ndid not pay when the ladder was laid out."
)
TURNS_NOTE = "The rungs took turns in the same processes."
LOST_NOTE = (
    f"{LOST}: below the accuracy of the rung it stands on by more than the test samples' standard errors explain."
)


def ladder_text(figures: Sequence[Figure], style: str = "table") -> str:
    """A table per ladder; empty when there is none."""
    found = ladders(figures)
    if not found:
        return ""
    treads = [tread for ladder in found for tread in ladder.treads]
    notes = [NOTE]
    notes += [TURNS_NOTE] * all(RUNGS in tread.figure.turns for tread in treads)
    notes += [LOST_NOTE] * any(tread.lost for tread in treads)
    return "\n\n".join([title("Ladder", style), *[table(ladder, style) for ladder in found], "\n".join(notes)])


def table(ladder: Ladder, style: str) -> str:
    """One ladder, headed by its workload and where it was measured."""
    learned = [
        name for name in ("accuracy", "loss") if any(getattr(tread, name) is not None for tread in ladder.treads)
    ]
    where = ", ".join(
        part for part in (placed(ladder.device, ladder.treads[0].figure), ladder.rest, ladder.data) if part
    )
    headers = [*HEADERS, *[{"accuracy": "accuracy", "loss": "final loss"}[name] for name in learned]]
    cells = [[*row(tread), *[outcome(tread, name) for name in learned]] for tread in ladder.treads]
    return plain(f"{ladder.workload} ({where})\n\n", style) + grid(headers, cells, style, 3)


def row(tread: Tread) -> list[str]:
    """The cells of a rung but for where its training led."""
    return [
        tread.rung,
        units.DASH if tread.on == GROUND else tread.on,
        tread.changes,
        units.rate(tread.rate, tread.figure.item or "item"),
        ratio(tread.gain),
        units.ratio(tread.total.value if tread.total else None),
        units.quantity(tread.memory, "B"),
    ]


def outcome(tread: Tread, name: str) -> str:
    """Where training led, marked when it lost."""
    if name == "loss":
        return units.DASH if tread.loss is None else f"{tread.loss:.3g}"
    return units.percent(tread.accuracy) + (f" {LOST}" if tread.lost else "")


def ratio(gain: Ratio | None) -> str:
    """A gain with its interval, such as '1.45 [1.40, 1.50]'."""
    if gain is None or gain.low is None or gain.high is None:
        return units.ratio(gain.value if gain else None)
    return f"{units.ratio(gain.value)} [{units.ratio(gain.low)}, {units.ratio(gain.high)}]"
