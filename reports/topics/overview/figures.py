"""Figures by themselves: every one with its throughput, and what compiling gained where both modes were measured."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reports.format import units
from reports.read.frames import Figure
from reports.read.pairs import paired, time_ratio
from reports.read.rows import NOT_MEASURED, Row, blank, doubts, summary_of, verdict_of, with_ratio
from reports.stats.speedup import BreakEven, Mean, break_even, difference, mean, speedup
from reports.stats.trend import drift


def overview(figures: Sequence[Figure]) -> list[Row]:
    """A row per figure, throughput after step times, then the gains of the compiled cases."""
    return [row for figure in figures for row in single(figure)] + list(gains(figures))


def single(figure: Figure) -> Iterator[Row]:
    """A figure as a row without a head, followed by the throughput it implies."""
    if figure.status != "measured":
        yield replace(blank(figure, NOT_MEASURED[figure.status]), reason=figure.reason)
        return
    summary = summary_of(figure)
    # A first call or an outcome is one figure by its nature; a step time from one process is a weak one.
    warnings = figure.warnings
    if figure.metric == "step_time":
        warnings = (*doubts(warnings, summary.warnings), *drifting(figure))
    row = replace(blank(figure, "measured"), base=summary.estimate, spread=summary.spread, warnings=warnings)
    yield replace(row, base_low=summary.low, base_high=summary.high)
    items = figure.items_per_step
    if figure.metric == "step_time" and items is not None and summary.estimate > 0:
        yield replace(
            row, metric="throughput", unit="1/s", base=items / summary.estimate,
            base_low=items / summary.high if summary.high else None,
            base_high=items / summary.low if summary.low else None,
        )  # fmt: skip


def drifting(figure: Figure) -> tuple[str, ...]:
    """The warning of a step that changed while it was measured."""
    changed = drift(figure.launches)
    if changed is None:
        return ()
    way = "slower" if changed > 0 else "faster"
    return (
        f"it grew {units.percent(abs(changed))} {way} from the first to the last value of a process: not one figure",
    )


def gains(figures: Sequence[Figure]) -> Iterator[Row]:
    """speedup and break_even_steps of every compiled case whose eager twin was measured in the same environment."""
    cases: dict[tuple[object, ...], dict[str, dict[str, Figure]]] = defaultdict(lambda: defaultdict(dict))
    for figure in figures:
        if figure.status == "measured":
            case = (
                figure.workload, figure.point, figure.device, figure.dtype, figure.threads, figure.version,
                figure.source, figure.environment,
            )  # fmt: skip
            cases[case][figure.mode][figure.metric] = figure
    for modes in cases.values():
        eager = modes.pop("eager", {})
        for compiled in modes.values():
            if "step_time" in eager and "step_time" in compiled:
                yield from gain(eager, compiled)


def gain(eager: Mapping[str, Figure], compiled: Mapping[str, Figure]) -> Iterator[Row]:
    """The speedup and the break-even of one case, from its figures by metric in either mode.

    Break-even is in steps, in the row's head with its interval; infinity means never, or an open end.
    """
    step = compiled["step_time"]
    gained = speedup(time_ratio(eager["step_time"], step))
    row = replace(blank(step, ""), unit="1", base_label="eager", head_label=step.mode)
    verdict = verdict_of(gained, lower_is_better=False, time=True)
    yield replace(
        with_ratio(row, gained), metric="speedup", head=gained.value, head_low=gained.low, head_high=gained.high,
        verdict=verdict, warnings=doubts(step.warnings, gained.warnings),
    )  # fmt: skip
    if "first_call" in eager and "first_call" in compiled:
        late, early = (mean(medians(modes["first_call"].launches)) for modes in (compiled, eager))
        found = break_even(difference(late, early), gain_per_step(eager["step_time"], step))
        if verdict == "slower":  # beyond doubt, where the difference in seconds may be less sure than the ratio
            found = BreakEven(math.inf, math.inf, math.inf)
        comes = math.isfinite(found.steps)
        unsure = ("break-even is a guess where the speedup may be none",) if comes and verdict != "faster" else ()
        yield replace(
            row, metric="break_even_steps", head=found.steps, head_low=found.low, head_high=found.high,
            verdict="measured" if comes else "never", warnings=unsure,
        )  # fmt: skip


def gain_per_step(eager: Figure, compiled: Figure) -> Mean:
    """Seconds that compiling saves per step: a paired difference where turns were taken, else one of two means."""
    pairs = paired(eager, compiled)
    if pairs is None:
        return difference(mean(medians(eager.launches)), mean(medians(compiled.launches)))
    return mean(medians([[a - b for a, b in zip(*launch, strict=True)] for launch in zip(*pairs, strict=True)]))


def medians(launches: Sequence[Sequence[float]]) -> list[float]:
    """The median of each launch."""
    return [statistics.median(values) for values in launches]
