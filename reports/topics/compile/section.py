"""What torch.compile made of a step, what it cost and when that is paid for. Draws nothing."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports.read.frames import Figure
from reports.read.names import anchor, key, name, where
from reports.read.rows import Row, summary_of
from reports.read.runs import Material, Run
from reports.topics.ceilings.figures import Roof
from reports.topics.compile.figures import Studied, studied
from reports.topics.overview.figures import gains
from reports.topics.section import Section


@dataclass(frozen=True, slots=True)
class Compiled:
    """One compiled case in one run; unknown is None. `steps` until it has paid for itself: infinity is never."""

    id: str
    name: str
    where: str
    run: str
    color: str
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
    steps_low: float | None
    steps_high: float | None
    study: Studied | None

    @property
    def bounded(self) -> bool:
        """Whether something is known of the number of steps besides its estimate."""
        return self.steps_low is not None and self.steps_low != math.inf

    @property
    def open(self) -> bool:
        """Whether the number of steps has no upper end."""
        return self.steps_high == math.inf

    @property
    def never(self) -> bool:
        """Whether compiling is never paid for."""
        return self.steps == math.inf


def section(material: Material, roofs: Sequence[Roof]) -> Section:
    """Every compiled case, or that there is none."""
    return Section("compile", "Compile", compilings(material))


def compilings(material: Material) -> list[Compiled]:
    """Every compiled case that was measured; its runs stand below each other."""
    cases: dict[tuple[object, ...], list[Compiled]] = {}
    for run in material.runs:
        for case, found in of_run(run, material.said(run)):
            cases.setdefault(case, []).append(found)
    return [row for rows in cases.values() for row in rows]


def of_run(run: Run, label: str) -> Iterator[tuple[tuple[object, ...], Compiled]]:
    """The compiled cases of one run."""
    cases: dict[tuple[object, ...], dict[str, Figure]] = defaultdict(dict)
    for figure in run.figures:
        if figure.mode not in ("eager", "") and figure.status == "measured":
            cases[key(figure)][figure.metric] = figure
    gained: dict[tuple[object, ...], dict[str, Row]] = defaultdict(dict)
    for row in gains(run.figures):
        gained[key(row)][row.metric] = row
    studies = {key(study.figure): study for study in studied(run.figures)}
    for case, found in cases.items():
        yield case, compiled(found, gained[case], studies.get(case), label, run.color)


def compiled(
    found: Mapping[str, Figure], gained: Mapping[str, Row], study: Studied | None, label: str, color: str
) -> Compiled:
    """One case from its figures and what was gained."""
    case = next(iter(found.values()))
    speedup, steps = gained.get("speedup"), gained.get("break_even_steps")

    def of(metric: str) -> float | None:
        return summary_of(found[metric]).estimate if metric in found else None

    return Compiled(
        anchor("compile", *key(case), label), name(case), where(case), label, color, of("first_call"),
        of("first_call_warm"), of("graphs"), of("graph_breaks"), of("recompiles"), speedup.ratio if speedup else None,
        speedup.ratio_low if speedup else None, speedup.ratio_high if speedup else None,
        speedup.verdict if speedup else "", steps.head if steps else None, bool(steps and steps.warnings),
        steps.head_low if steps else None, steps.head_high if steps else None, study,
    )  # fmt: skip
