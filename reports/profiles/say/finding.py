"""What a finding is, and how amounts stand in its sentences. Knows no rule."""

from __future__ import annotations

from dataclasses import dataclass

from reports.format import units


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, the evidence for it, what to try, and the section that shows it.

    cost: the share of the step that it is about, by which findings are ranked; None for what has no share.
    """

    text: str
    evidence: str
    advice: str
    section: str
    cost: float | None = None


def seconds(value: float) -> str:
    """Seconds as people read them."""
    return units.quantity(value, "s")


def number_of(count: float, noun: str, nouns: str = "") -> str:
    """So many of something; on average, so that there may be less than one of it."""
    if 0 < count < 1:
        return f"less than one {noun}"
    return f"{units.count(count)} {noun if round(count) == 1 else nouns or noun + 's'}"
