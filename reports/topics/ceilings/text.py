"""Ceilings as a table for a terminal. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from reports.format import units
from reports.format.tables import grid
from reports.topics.ceilings.figures import COSTS, Roof


def roof_name(roof: Roof) -> str:
    """What a ceiling is called: 'matmul float32', 'copy in 64.0 MiB'."""
    if roof.kind == "matmul":
        return f"matmul {roof.dtype}"
    if roof.working_set is not None:
        return f"{roof.kind} in {units.quantity(roof.working_set, 'B')}"
    return f"{roof.kind} {roof.how}" if roof.kind == "transfer" else roof.kind


def roof_value(amount: float | None, roof: Roof) -> str:
    """An amount of the roof's kind, with its unit."""
    if amount is None:
        return units.DASH
    if roof.kind in COSTS:
        return f"{units.quantity(amount, 's')}/{roof.item or 'item'}"
    # Joined as is usual: GFLOP/s, GB/s.
    return units.rate(amount, roof.item or "item").replace(f" {roof.item}/s", f"{roof.item}/s")


def roofs_text(roofs: Sequence[Roof], style: str = "table") -> str:
    """Every ceiling, how it was found, and by how much the worst process missed it; or why there is none."""
    cells = [
        [
            roof_name(roof), roof.device,
            roof.how if roof.value is not None else f"not available, because {roof.reason}",
            roof_value(roof.value, roof),
            units.DASH if roof.worst is None or not roof.value else units.percent(abs(roof.worst / roof.value - 1)),
        ]
        for roof in roofs
    ]  # fmt: skip
    return grid(["roof", "device", "how", "value", "worst off by"], cells, style, 3)
