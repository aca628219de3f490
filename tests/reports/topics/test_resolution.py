"""What a gate of identical sides says of the changes that it could see."""

from __future__ import annotations

import pytest

from reports.stats.sequential import Rule
from reports.topics.gate.resolution import noise, text
from tests.reports.stored import case


def test_the_self_test_says_what_can_be_seen_in_which_time() -> None:
    calm, wild = case("planted.calm"), case("planted.wild")
    seen = {calm: [0.01, -0.01] * 5, wild: [0.05, -0.05] * 5, case("planted.once"): [0.0]}
    rows = noise(seen, {case: [0.5] * len(values) for case, values in seen.items()})
    assert [row.case for row in rows] == [wild, calm]
    assert rows[0].spread == pytest.approx(0.0527, rel=0.01)
    said = text(rows, Rule(), lanes=2, start_s=5.0)
    lines = [line.split("  ") for line in said.splitlines() if line[:1].isdigit()]
    trials = [int(next(cell for cell in line[1:] if cell.strip())) for line in lines]
    assert trials == [int(minutes * 60 / 3.0) for minutes in (2, 5, 10, 30)]
