"""Time to accuracy as a table: one value per seed, and how many seeds never got there. Computes only quantiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reports.format import units
from reports.format.tables import grid, title
from reports.read.frames import Figure
from reports.topics.cells import placed

METRIC = "time_to_accuracy"
NEVER = "never reached"  # how the warning about a seed begins that did not get there
NOTE = (
    "One fresh process per seed, from building the step to the first look at the test digits that reaches the target, "
    "all looks\nincluded. Quantiles are over the seeds that reached it."
)


def training_text(figures: Sequence[Figure], style: str = "table") -> str:
    """A row per case; empty when there is none."""
    found = [figure for figure in figures if figure.metric == METRIC and (figure.launches or never(figure))]
    if not found:
        return ""
    headers = ["workload", "point", "device", "median", "middle half", "least", "most", "seeds", NEVER, "data"]
    table = grid(headers, [row(figure) for figure in found], style, 3)
    return f"{title('Time to accuracy', style)}\n\n{table}\n\n{NOTE}"


def never(figure: Figure) -> int:
    """How many seeds did not reach the target within the cap."""
    return sum(warning.startswith(NEVER) for warning in figure.warnings)


def row(figure: Figure) -> list[str]:
    """One case's cells."""
    values = [value for launch in figure.launches for value in launch]
    least, low, middle, high, most = (
        [units.quantity(float(x), "s") for x in np.percentile(values, [0, 25, 50, 75, 100])]
        if values
        else [units.DASH] * 5
    )
    half = f"{low} to {high}" if values else units.DASH
    seeds, missed = len(values) + never(figure), never(figure)
    return [
        figure.workload, figure.point, placed(figure.device, figure), middle, half, least, most, str(seeds),
        str(missed), figure.data,
    ]  # fmt: skip
