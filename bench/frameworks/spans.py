"""Spans of a profile, which lie within each other on a line for each thread: what each took by itself. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """An operator at work in a thread, in seconds of any clock."""

    name: str
    line: str
    start_s: float
    end_s: float


def own_times(spans: Iterable[Span]) -> dict[str, float]:
    """Seconds by name, without what lies within: of all threads together."""
    lines: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        lines[span.line].append(span)
    found: dict[str, float] = defaultdict(float)
    for line in lines.values():
        around: list[Span] = []
        for span in sorted(line, key=lambda each: (each.start_s, -each.end_s)):
            while around and around[-1].end_s <= span.start_s:
                around.pop()
            found[span.name] += span.end_s - span.start_s
            if around:  # clocks round: what begins within another ends with it at the latest
                found[around[-1].name] -= min(span.end_s, around[-1].end_s) - span.start_s
            around.append(span)
    return {name: max(0.0, seconds) for name, seconds in found.items()}


def covered_s(spans: Sequence[Span]) -> float:
    """Seconds in which any thread was in a span."""
    total, until = 0.0, float("-inf")
    for span in sorted(spans, key=lambda each: each.start_s):
        total += max(0.0, span.end_s - max(until, span.start_s))
        until = max(until, span.end_s)
    return total
