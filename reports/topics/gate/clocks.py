"""What a device's clock did to trials: turns of the two sides are compared where it ran as fast for both. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.records.record import SIDES, Record

CLOCK, THROTTLED = "clock_mhz", "throttled"
SAME_CLOCK = 0.01  # of it: an H200's clock has steps of 15 MHz, 0.8 % of 1,980
LEAST_ROUNDS = 2  # of a trial, to say anything


def rounds_at_the_same_clock(records: Mapping[str, Record]) -> list[bool]:
    """For each round of a trial, whether both sides' clocks were the same; so it is taken where they did not say."""
    base, head = (records[name] for name in SIDES)
    clocks = [dict(record.readings).get(CLOCK) for record in (base, head)]
    if clocks[0] is None or clocks[1] is None:
        return [True] * min(len(base.values), len(head.values))
    return [abs(one - other) <= SAME_CLOCK * max(one, other) for one, other in zip(*clocks, strict=False)]


def at_the_same_clock(records: Mapping[str, Record]) -> dict[str, tuple[float, ...]]:
    """Both sides' values in the rounds that can be compared; nothing where these are too few, and some cannot."""
    same = rounds_at_the_same_clock(records)
    if sum(same) < LEAST_ROUNDS and not all(same):
        return {}
    return {
        name: tuple(value for value, is_same in zip(records[name].values, same, strict=False) if is_same)
        for name in SIDES
    }


@dataclass(slots=True)
class Clocks:
    """Rounds of a case's trials, those of them whose sides had different clocks, and throttled turns."""

    rounds: int = 0
    differing: int = 0
    throttled: int = 0

    def add(self, records: Mapping[str, Record]) -> None:
        """Count a trial in which both sides were measured."""
        same = rounds_at_the_same_clock(records)
        self.rounds += len(same)
        self.differing += len(same) - sum(same)
        for name in SIDES:
            self.throttled += sum(map(bool, dict(records[name].readings).get(THROTTLED, ())))

    def text(self) -> str:
        """In words; empty where there is nothing to say."""
        parts = []
        if self.differing:
            parts.append(f"{self.differing} of {self.rounds} rounds left out, whose sides ran at different clocks")
        if self.throttled:
            parts.append(f"{self.throttled} of {2 * self.rounds} turns with the clock held down by power or heat")
        return "; ".join(parts)
