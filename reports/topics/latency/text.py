"""Latencies as a table: how long somebody waits for one call. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from reports.format import units
from reports.format.tables import grid, title
from reports.read.frames import Figure
from reports.stats.intervals import Summary
from reports.topics.latency.figures import Waited, latencies

NOTE = "Single calls, each waited for. p99: 99th percentile of a process's calls. 95 %: half the interval over these."


def latency_text(figures: Sequence[Figure], style: str = "table") -> str:
    """A row per case; empty when there is none."""
    found = latencies(figures)
    if not found:
        return ""
    headers = [
        "workload", "point", "device", "dtype", "mode", "median", "95 %", "p99", "95 %", "p99/median", "calls",
    ]  # fmt: skip
    table = grid(headers, [row(waited) for waited in found], style, 5)
    return f"{title('Latency', style)}\n\n{table}\n\n{NOTE}"


def row(waited: Waited) -> list[str]:
    """One case's cells."""
    figure = waited.figure
    return [
        figure.workload, figure.point, figure.device, figure.dtype, figure.mode, *how_long(waited.median),
        *how_long(waited.tail), units.ratio(waited.stretch), units.count(waited.calls),
    ]  # fmt: skip


def how_long(summary: Summary | None) -> tuple[str, str]:
    """Seconds, and half their interval as a percentage of them."""
    if summary is None:
        return units.DASH, units.DASH
    half = summary.half_width
    return units.quantity(summary.estimate, "s"), units.DASH if half is None else "± " + units.percent(half)
