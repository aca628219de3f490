"""What a proof says: what was looked at, what was found, and what it should be. Measures nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reports.format.tables import grid


@dataclass(frozen=True, slots=True)
class Claim:
    """What was found of something, what it should be, and whether it is."""

    what: str
    found: str
    should: str
    holds: bool


def within(what: str, found: float, low: float, high: float) -> Claim:
    """A figure that should lie between two others."""
    return Claim(what, f"{found:.4g}", f"{low:.4g} to {high:.4g}", low <= found <= high)


def equal(what: str, found: str, should: str) -> Claim:
    """A text that should be another."""
    return Claim(what, found, should, found == should)


def show(claims: Iterable[Claim]) -> int:
    """Print all claims as a table; 1 when one of them does not hold."""
    made = list(claims)
    cells = [[claim.what, "as it should" if claim.holds else "NOT SO", claim.found, claim.should] for claim in made]
    print(grid(["", "", "found", "should be"], cells, "table"))
    return int(not all(claim.holds for claim in made))
