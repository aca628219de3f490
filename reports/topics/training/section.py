"""Where training led, of the workloads that train a fixed number of steps. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.read.names import anchor, key, name, where
from reports.read.rows import summary_of
from reports.read.runs import Material
from reports.topics.ceilings.figures import Roof
from reports.topics.section import Section


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case in one run; unknown is None."""

    id: str
    name: str
    where: str
    run: str
    color: str
    loss: float | None
    accuracy: float | None
    data: str


def section(material: Material, roofs: Sequence[Roof]) -> Section | None:
    """Where training led, if any did."""
    found = outcomes(material)
    return Section("outcomes", "Training", found) if found else None


def outcomes(material: Material) -> list[Outcome]:
    """Every case with a final loss or an accuracy."""
    losses, accuracies = (
        {(run.value, *key(figure)): (run, figure) for run, figure in material.measured(metric)}
        for metric in ("final_loss", "accuracy")
    )
    found = []
    for case, (run, figure) in (losses | accuracies).items():
        loss, accuracy = (
            summary_of(measured[case][1]).estimate if case in measured else None for measured in (losses, accuracies)
        )
        found.append(
            Outcome(
                anchor("led", *case), name(figure), where(figure), material.said(run), run.color, loss, accuracy,
                figure.data,
            )
        )  # fmt: skip
    return found
