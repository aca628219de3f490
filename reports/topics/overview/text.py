"""Rows as tables for a terminal or Markdown. Computes nothing; every figure keeps its unit and how sure it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.records.record import Environment
from reports.format import units
from reports.format.tables import grid, title
from reports.read.frames import Figure
from reports.read.rows import Row
from reports.topics.cells import by_case, half_width, interval, machine, missing_table, value, warnings_text
from reports.topics.ladder.text import ladder_text
from reports.topics.latency.text import latency_text
from reports.topics.training.text import training_text

PLAIN_METRICS = ("step_time", "throughput", "peak_memory", "flops")
OUTCOMES = ("final_loss", "accuracy")


def overview_text(
    rows: Sequence[Row], environments: Mapping[str, Environment], style: str = "table", figures: Sequence[Figure] = ()
) -> str:
    """Every case by itself, how long a call takes, what compiling gained, where training led; then ladders."""
    parts = [machine(environments, rows), steps_table(rows, style), latency_text(figures, style)]
    parts += [gains_table(rows, style)]
    parts += [outcomes_table(rows, style), missing_table(rows, style), warnings_text(rows, style)]
    parts += [ladder_text(figures, style), training_text(figures, style)]
    return "\n\n".join(part for part in parts if part)


def varying(cases: Sequence[Sequence[str]], names: Sequence[str]) -> list[int]:
    """Which of the named parts of a case differ between cases, and so need a column."""
    return [index for index in range(len(names)) if len({case[index + 2] for case in cases}) > 1]


def steps_table(rows: Sequence[Row], style: str) -> str:
    """Step time with its interval and spread, throughput, peak memory and FLOPs: a table per subject."""
    cases = {key: found for key, found in by_case(rows).items() if found.get("step_time") and found["step_time"].base}
    if not cases:
        return ""
    names = ("device", "dtype", "mode", "threads")
    shown = varying(list(cases), names)
    columns = ["point", *[names[index] for index in shown], "step time", "95 %", "spread", "throughput", "peak memory",
               "FLOP/step"]  # fmt: skip
    subjects: dict[str, list[list[str]]] = defaultdict(list)
    for key, found in cases.items():
        step = found["step_time"]
        subject, _, name = key[0].partition(".")
        figures = [
            value(found[metric].base, found[metric]) if metric in found else units.DASH for metric in PLAIN_METRICS
        ]
        subjects[subject].append(
            [name, key[1], *[key[index + 2] for index in shown], figures[0], half_width(step),
             units.percent(step.spread), *figures[1:]]
        )  # fmt: skip
    left = 2 + len(shown)
    tables = [f"{grid([subject, *columns], cells, style, left)}" for subject, cells in subjects.items()]
    note = (
        "95 %: half the interval of the step time over two or more fresh processes. spread: middle half of all values."
    )
    return "\n\n".join([title("Steps", style), *tables, note])


def gains_table(rows: Sequence[Row], style: str) -> str:
    """What the other modes gained: eager step and theirs, speedup, first calls, break-even, graph breaks."""
    cases = by_case(rows)
    gained = {key: found for key, found in cases.items() if "speedup" in found}
    if not gained:
        return ""
    cells = []
    for key, found in gained.items():
        eager = cases[(*key[:4], "eager", key[5])]
        speedup = found["speedup"]

        def base(metric: str, found: Mapping[str, Row] = found) -> str:
            return value(found[metric].base, found[metric]) if metric in found else units.DASH

        break_even = found.get("break_even_steps")
        cells.append([
            key[0], key[1], key[2], key[4], value(eager["step_time"].base, eager["step_time"]), base("step_time"),
            interval(speedup), speedup.verdict, base("first_call"), base("first_call_warm"),
            value(break_even.head, break_even) if break_even else units.DASH, base("graph_breaks"),
        ])  # fmt: skip
    headers = ["workload", "point", "device", "mode", "eager", "this mode", "speedup [95 %]", "verdict",
               "first call", "warm", "break-even", "breaks"]  # fmt: skip
    note = (
        "first call: compiling and running once, with empty caches; warm: with the disk cache of an earlier process. "
        "break-even: steps until\ncompiling has paid for itself."
    )
    by_compile_alone = all(key[4].startswith("compile") for key in gained)
    heading = "torch.compile" if by_compile_alone else "Modes against eager"
    return f"{title(heading, style)}\n\n{grid(headers, cells, style, 4)}\n\n{note}"


def outcomes_table(rows: Sequence[Row], style: str) -> str:
    """Where training led, for the workloads that train a fixed number of steps."""
    cases = {key: found for key, found in by_case(rows).items() if any(name in found for name in OUTCOMES)}
    cells = [
        [key[0], key[1], *[value(found[name].base, found[name]) if name in found else units.DASH for name in OUTCOMES],
         next(iter(found.values())).data]
        for key, found in cases.items()
        if key[4] == "eager" and any(name in found and found[name].base is not None for name in OUTCOMES)
    ]  # fmt: skip
    if not cells:
        return ""
    return f"{title('What training led to', style)}\n\n" + grid(
        ["workload", "point", "final loss", "accuracy", "data"], cells, style
    )
