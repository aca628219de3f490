"""Latencies as a table: how long somebody waits for one call. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from reports.format import units
from reports.format.tables import grid, title
from reports.read.frames import Figure
from reports.read.rows import NAMES, case_of
from reports.stats.intervals import Summary
from reports.topics.cells import sureness, telling
from reports.topics.latency.figures import Waited, latencies, of_clocks

NOTE = "Single calls, each waited for. p99: 99th percentile of a process's calls. 95 %: half the interval over these."


def latency_text(figures: Sequence[Figure], style: str = "table") -> str:
    """A row per case; empty when there is none."""
    found = latencies(figures)
    if not found:
        return ""
    cases = [case_of(waited.figure) for waited in found]
    shown = telling(cases)
    headers = ["workload", "point", *(NAMES[index] for index in shown)]
    cells = [
        [*case[:2], *(case[index + 2] for index in shown), *row(waited)]
        for case, waited in zip(cases, found, strict=True)
    ]
    table = grid([*headers, "median", "95 %", "p99", "95 %", "p99/median", "calls"], cells, style, len(headers))
    notes = "\n".join(note for note in (NOTE, of_clocks(found)) if note)
    return f"{title('Latency', style)}\n\n{table}\n\n{notes}"


def row(waited: Waited) -> list[str]:
    """The figures of one case."""
    return [
        *how_long(waited.median), *how_long(waited.tail), units.ratio(waited.stretch), units.count(waited.calls),
    ]  # fmt: skip


def how_long(summary: Summary | None) -> tuple[str, str]:
    """Seconds, and half their interval as a percentage of them."""
    if summary is None:
        return units.DASH, units.DASH
    return units.quantity(summary.estimate, "s"), sureness(summary.estimate, summary.low, summary.high)
