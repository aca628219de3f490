"""What torch.compile made of a step, what it cost and when that is paid for. Draws nothing."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from reports.frames import Figure
from reports.overviews import gains
from reports.rows import Row, summary_of
from reports.sections.names import anchor, key, name, where
from reports.sections.runs import Material, Run


@dataclass(frozen=True, slots=True)
class Compiled:
    """One compiled case in one run; unknown is None. `steps` until it has paid for itself: infinity is never."""

    id: str
    name: str
    where: str
    run: str
    cold: float | None
    warm: float | None
    graphs: float | None
    breaks: float | None
    recompiles: float | None
    speedup: float | None
    low: float | None
    high: float | None
    verdict: str
    steps: float | None
    guess: bool

    @property
    def never(self) -> bool:
        """Whether compiling is never paid for."""
        return self.steps == math.inf


def compilings(material: Material) -> list[Compiled]:
    """Every compiled case that was measured, run by run."""
    return [compiled for run in material.runs for compiled in of_run(run, material.said(run))]


def of_run(run: Run, label: str) -> list[Compiled]:
    """The compiled cases of one run."""
    cases: dict[tuple[object, ...], dict[str, Figure]] = defaultdict(dict)
    for figure in run.figures:
        if figure.mode != "eager" and figure.status == "measured":
            cases[key(figure)][figure.metric] = figure
    gained: dict[tuple[object, ...], dict[str, Row]] = defaultdict(dict)
    for row in gains(run.figures):
        gained[key(row)][row.metric] = row
    return [compiled(case, found, gained[case], label) for case, found in cases.items()]


def compiled(case: tuple[object, ...], found: Mapping[str, Figure], gained: Mapping[str, Row], label: str) -> Compiled:
    """One case from its figures and what was gained."""
    any_figure = next(iter(found.values()))
    speedup, steps = gained.get("speedup"), gained.get("break_even_steps")

    def of(metric: str) -> float | None:
        return summary_of(found[metric]).estimate if metric in found else None

    return Compiled(
        anchor("compile", *case, label), name(any_figure), where(any_figure), label, of("first_call"),
        of("first_call_warm"), of("graphs"), of("graph_breaks"), of("recompiles"), speedup.ratio if speedup else None,
        speedup.ratio_low if speedup else None, speedup.ratio_high if speedup else None,
        speedup.verdict if speedup else "", steps.head if steps else None, bool(steps and steps.warnings),
    )  # fmt: skip
