"""A compile study as text: whether compiling pays, case by case, and below it why not. Computes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bench.records.record import Environment
from reports.format import units
from reports.format.tables import grid, plain, title
from reports.read.rows import Row
from reports.topics.cells import interval, placed, value
from reports.topics.compile.figures import PHASES, VARIANTS, Studied, ratio_of_errors
from reports.topics.notes import machine, missing_table, warnings_text

NOTE = """\
eager, this mode: per step, taken in turns in the same processes. memory: mode / eager peak. cold, warm: first call
of a program that was never compiled, and of one that an earlier process compiled. break-even: steps until the cold
first call has paid for itself, with its 95 % interval. error: mode / eager distance from float64."""
COSTS_NOTE = """\
import to run: seconds of the cold first call, of which each is a part. sizes: recompilations over batches of five other
sizes with dynamic=False / automatic / True, counted with the backend aot_eager, since Dynamo's guards decide them."""
SHIFTS = {
    "new": "new", "gone": "gone", "grew": "grew", "shrank": "shrank", "outside": "between operators",
}  # fmt: skip


def study_text(
    cases: Sequence[Studied], rows: Sequence[Row], environments: Mapping[str, Environment], style: str = "table"
) -> str:
    """The tables of a study, its graph breaks, where slower cases lost, what was not measured, and warnings."""
    parts = [plain(machine(environments, rows), style), gains_part(cases, style), costs_part(cases, style)]
    parts += [breaks_part(cases, style), lost_part(cases, style), missing_table(rows, style)]
    parts.append(warnings_text(rows, style))
    return "\n\n".join(part for part in parts if part)


def named(case: Studied) -> list[str]:
    """What a case is called in every table."""
    figure = case.figure
    return [figure.workload, figure.point, figure.device, placed(figure.mode, figure)]


def gains_part(cases: Sequence[Studied], style: str) -> str:
    """Whether compiling pays."""
    if not cases:
        return ""
    cells = [
        [*named(case), units.quantity(case.eager, "s"), units.quantity(case.compiled, "s"),
         interval(case.speedup) if case.speedup else units.DASH, case.speedup.verdict if case.speedup else units.DASH,
         units.ratio(case.memory), units.quantity(case.cold, "s"), units.quantity(case.warm, "s"),
         break_even(case.break_even), error(case)]
        for case in cases
    ]  # fmt: skip
    headers = ["workload", "point", "device", "mode", "eager", "this mode", "speedup [95 %]", "verdict", "memory",
               "cold", "warm", "break-even [95 %]", "error"]  # fmt: skip
    by_compile_alone = all(case.figure.mode.startswith("compile") for case in cases)
    heading = "Does torch.compile pay?" if by_compile_alone else "Do the modes pay?"
    notes = "\n".join([NOTE, *map(on_a_machine, (case for case in cases if case.machine is not None))])
    return f"{title(heading, style)}\n\n{grid(headers, cells, style, 4)}\n\n{notes}"


def on_a_machine(case: Studied) -> str:
    """What the first compilation of all on a machine takes."""
    took, usual = units.quantity(case.machine, "s"), units.quantity(case.cold, "s")
    return (f"On a machine that has compiled nothing yet, such as a new container, the first call of "
            f"{case.figure.workload} takes {took}\ninstead of {usual}: headers are precompiled, once.")  # fmt: skip


def costs_part(cases: Sequence[Studied], style: str) -> str:
    """What was compiled, how long each phase took, and what is compiled again."""
    if not cases:
        return ""
    cells = [
        [*named(case), *(units.quantity(case.phases.get(phase), "s") for phase in PHASES),
         *(units.count(case.counts.get(name)) for name in ("graphs", "graph_breaks", "recompiles")),
         "/".join(units.count(case.shapes.get(variant)) for variant in VARIANTS) if case.shapes else units.DASH,
         units.count(case.counts.get("kernels"))]
        for case in cases
    ]  # fmt: skip
    headers = ["workload", "point", "device", "mode", "import", "Dynamo", "AOT", "Inductor", "code", "run", "graphs",
               "breaks", "recompiles", "sizes", "kernels"]  # fmt: skip
    return f"{title('What compiling costs', style)}\n\n{grid(headers, cells, style, 4)}\n\n{COSTS_NOTE}"


def break_even(row: Row | None) -> str:
    """Steps with their interval, such as '1.2 k [1.0 k, 1.5 k]'; an open end has no number."""
    if row is None:
        return units.DASH
    text = value(row.head, row)
    if row.head_low is None or row.head_high is None or row.head_low == math.inf:
        return text
    high = "∞)" if row.head_high == math.inf else f"{units.quantity(row.head_high, '1')}]"
    return f"{text} [{units.quantity(row.head_low, '1')}, {high}"


def error(case: Studied) -> str:
    """The compiled answer's error relative to eager's."""
    found = ratio_of_errors(case)
    return "new" if found == math.inf else units.ratio(found)


def breaks_part(cases: Sequence[Studied], style: str) -> str:
    """Every graph break and recompilation of the first steps, with its reason and line."""
    cells = [
        [kind, *named(case)[:2], units.count(times), reason]
        for case in cases
        for kind, parts in (("break", case.breaks), ("recompile", case.recompiles))
        for reason, times in parts
    ]
    if not cells:
        return ""
    table = grid(["", "workload", "point", "times", "reason and line"], cells, style, 5)
    return f"{title('Graph breaks and recompilations', style)}\n\n{table}"


def lost_part(cases: Sequence[Studied], style: str) -> str:
    """Of each slower case the operators and kernels whose time changed most."""
    cells = [
        [*named(case)[:2], case.figure.mode, shift.name[:70], SHIFTS[shift.kind], units.quantity(shift.eager_s, "s"),
         units.quantity(shift.compiled_s, "s"), signed(shift.seconds)]
        for case in cases
        if case.slower
        for shift in case.lost
    ]  # fmt: skip
    if not cells:
        return ""
    headers = ["workload", "point", "mode", "operator or kernel", "", "eager", "this mode", "difference"]
    note = "Per step under the profiler, which costs time itself: read them against each other, not as step times."
    return f"{title('Where slower cases lost it', style)}\n\n{grid(headers, cells, style, 5)}\n\n{note}"


def signed(seconds: float) -> str:
    """A difference with its sign."""
    return ("+" if seconds > 0 else "-" if seconds < 0 else "") + units.quantity(abs(seconds), "s")
