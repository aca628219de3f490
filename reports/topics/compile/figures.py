"""A compile study, case by case: everything that the records say of one compiled case. Draws nothing."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.records.record import OUTSIDE
from reports.read.frames import Figure
from reports.read.rows import Row, summary_of
from reports.topics.overview.figures import gains

PHASES = ("import", "Dynamo", "AOT autograd", "Inductor", "code generation", "run")
FORMERLY = {"run and import": "run"}  # what files of before say
VARIANTS = ("static", "automatic", "dynamic")
NAMED = 6  # operators that are named of a slower case, those that differ most

Parts = tuple[tuple[str, float], ...]
Case = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """An operator or kernel with its seconds per step in either mode; None where that mode does not run it."""

    name: str
    eager_s: float | None
    compiled_s: float | None

    @property
    def seconds(self) -> float:
        """How much longer the compiled step spends in it."""
        return (self.compiled_s or 0.0) - (self.eager_s or 0.0)

    @property
    def kind(self) -> str:
        """What became of it."""
        if self.name == OUTSIDE:
            return "outside"
        if self.eager_s is None:
            return "new"
        return "gone" if self.compiled_s is None else "grew" if self.seconds > 0 else "shrank"


@dataclass(frozen=True, slots=True)
class Studied:
    """One compiled case. Seconds, bytes and counts are estimates; unknown is None.

    memory: compiled / eager peak. machine: the cold first call as on a machine that has compiled nothing.
    phases: seconds of the cold first call. shapes: recompilations by setting of `dynamic`. error, own_error: of
    compiled and of eager answers against float64. lost: where a slower case's time went, the largest differences first.
    """

    figure: Figure
    eager: float | None
    compiled: float | None
    speedup: Row | None
    break_even: Row | None
    memory: float | None
    cold: float | None
    machine: float | None
    warm: float | None
    phases: Mapping[str, float]
    counts: Mapping[str, float]
    breaks: Parts
    recompiles: Parts
    shapes: Mapping[str, float]
    error: float | None
    own_error: float | None
    lost: tuple[Shift, ...]

    @property
    def slower(self) -> bool:
        """Whether compiled is slower, beyond doubt."""
        return bool(self.speedup and self.speedup.ratio_high is not None and self.speedup.ratio_high < 1)


def studied(figures: Sequence[Figure]) -> list[Studied]:
    """Every compiled case of which something was measured, in the order of the figures."""
    cases: dict[Case, dict[str, dict[str, Figure]]] = defaultdict(lambda: defaultdict(dict))
    for figure in figures:
        if figure.status == "measured":
            cases[case_of(figure)][figure.mode][figure.metric] = figure
    gained: dict[tuple[str, Case], dict[str, Row]] = defaultdict(dict)
    for row in gains(figures):
        gained[row.mode, row_case(row)][row.metric] = row
    found = []
    for modes in cases.values():
        eager = modes.get("eager", {})
        for mode, own in modes.items():
            if mode not in ("eager", ""):
                any_mode = {metric: figure for figures in modes.values() for metric, figure in figures.items()}
                first = next(iter(own.values()))
                found.append(one(eager, own, any_mode, gained.get((mode, row_case(first)), {})))
    return found


def case_of(figure: Figure) -> Case:
    """What the modes of a case have in common."""
    return (*row_case(figure), figure.version, figure.source, figure.environment)


def row_case(row: Figure | Row) -> Case:
    """The same, as far as rows know it."""
    return (row.workload, row.point, row.device, row.dtype, row.threads)


def one(
    eager: Mapping[str, Figure], own: Mapping[str, Figure], any_mode: Mapping[str, Figure], gained: Mapping[str, Row]
) -> Studied:
    """A case from its figures by metric: eager's, its own, those of any mode, and what was gained."""
    step = own.get("step_time") or next(iter(own.values()))
    memory = [estimate(side, "peak_memory") for side in (own, eager)]
    metrics = ("graphs", "graph_breaks", "recompiles", "kernels", "ops")
    counts = {name: value for name in metrics if (value := estimate(own, name)) is not None}
    return Studied(
        step, estimate(eager, "step_time"), estimate(own, "step_time"), gained.get("speedup"),
        gained.get("break_even_steps"), memory[0] / memory[1] if memory[0] is not None and memory[1] else None,
        estimate(own, "first_call"), estimate(own, "first_call_machine"), estimate(own, "first_call_warm"),
        averaged(own.get("first_call")), counts, last_parts(own.get("graph_breaks")), last_parts(own.get("recompiles")),
        dict(last_parts(any_mode.get("shape_recompiles"))), estimate(own, "answer_error_float64"),
        estimate(eager, "answer_error_float64"), shifts(eager.get("operator_time"), own.get("operator_time")),
    )  # fmt: skip


def estimate(found: Mapping[str, Figure], metric: str) -> float | None:
    """The estimate of a figure, or None where it was not measured."""
    return summary_of(found[metric]).estimate if metric in found else None


def averaged(figure: Figure | None) -> dict[str, float]:
    """The mean of each part over the launches that have parts, in the order of the phases."""
    launches = [{FORMERLY.get(name, name): part for name, part in parts} for parts in figure.parts] if figure else []
    names = dict.fromkeys([*PHASES, *(name for parts in launches for name in parts)])
    return {
        name: sum(parts.get(name, 0.0) for parts in launches) / len(launches)
        for name in names
        if any(name in parts for parts in launches)
    }


def last_parts(figure: Figure | None) -> Parts:
    """The parts as they were counted last."""
    return figure.parts[-1] if figure and figure.parts else ()


def shifts(eager: Figure | None, compiled: Figure | None) -> tuple[Shift, ...]:
    """The operators whose time differs most between the modes, largest difference first."""
    if eager is None or compiled is None:
        return ()
    before, after = dict(last_parts(eager)), dict(last_parts(compiled))
    every = [Shift(name, before.get(name), after.get(name)) for name in dict.fromkeys([*after, *before])]
    return tuple(sorted(every, key=lambda shift: -abs(shift.seconds))[:NAMED])


def ratio_of_errors(case: Studied) -> float | None:
    """The compiled answer's error relative to eager's own; infinity where only eager's is none."""
    if case.error is None or case.own_error is None:
        return None
    return case.error / case.own_error if case.own_error else 1.0 if case.error == 0 else math.inf
