"""Rows as tables for a terminal or Markdown. Computes nothing; every figure keeps its unit and how sure it is."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.record import Environment
from reports import units
from reports.frames import Figure
from reports.ladder_text import ladder_text
from reports.latency_text import latency_text
from reports.rows import Row
from reports.tables import grid, title
from reports.training_text import training_text

PLAIN_METRICS = ("step_time", "throughput", "peak_memory", "flops")
OUTCOMES = ("final_loss", "accuracy")
WORK_METRICS = ("arithmetic", "algorithmic_bytes", "touched_bytes", "dispatches")
NEVER = "never"


def value(amount: float | None, row: Row) -> str:
    """An amount of the row's metric, with its unit."""
    if row.metric == "throughput":
        return units.rate(amount, row.item or "item")
    if row.metric == "accuracy":
        return units.percent(amount)
    if row.metric in ("final_loss", "answer_error"):
        return units.DASH if amount is None else f"{amount:.3g}"
    if row.metric == "break_even_steps":
        return NEVER if amount == math.inf else units.quantity(amount, "1")
    return units.quantity(amount, row.unit)


def interval(row: Row) -> str:
    """The row's ratio with its interval, such as '1.04 [1.01, 1.07]'."""
    text = units.ratio(row.ratio)
    if row.ratio_low is None or row.ratio_high is None or row.ratio_low == row.ratio_high:
        return text
    return f"{text} [{units.ratio(row.ratio_low)}, {units.ratio(row.ratio_high)}]"


def half_width(row: Row | None) -> str:
    """Half the interval of a row's base as a percentage of it."""
    if row is None or row.base is None or row.base_low is None or row.base_high is None or row.base == 0:
        return units.DASH
    return "± " + units.percent((row.base_high - row.base_low) / 2 / row.base)


def machine(environments: Mapping[str, Environment], rows: Sequence[Row]) -> str:
    """One line per machine and torch: what the figures were taken on."""
    lines = []
    threads = "/".join(str(count) for count in sorted({row.threads for row in rows}))
    for environment in environments.values():
        facts = dict(environment.facts)
        ram = facts.get("memory_bytes")
        parts = [
            f"torch {facts['torch']}" if facts.get("torch") else "",
            f"Python {facts['python']}" if facts.get("python") else "",
            f"{facts['gpu']}, driver {facts.get('driver') or 'unknown'}" if facts.get("gpu") else "",
            f"{facts['cpu']}" if facts.get("cpu") else "",
            f"{facts['cores']} cores" if facts.get("cores") else "",
            units.quantity(float(ram), "B") if isinstance(ram, int) else "",
            str(facts.get("os") or ""),
            f"commit {str(facts['commit'])[:10]}{' with uncommitted changes' if facts.get('dirty') else ''}"
            if facts.get("commit")
            else "",
        ]
        lines.append(" · ".join(part for part in parts if part) + f" · {threads} thread{'s' * (threads != '1')}")
    return "\n".join(dict.fromkeys(lines))


def overview_text(
    rows: Sequence[Row], environments: Mapping[str, Environment], style: str = "table", figures: Sequence[Figure] = ()
) -> str:
    """Every case by itself, how long a call takes, what compiling gained, where training led; then ladders."""
    parts = [machine(environments, rows), steps_table(rows, style), latency_text(figures, style)]
    parts += [gains_table(rows, style)]
    parts += [outcomes_table(rows, style), missing_table(rows, style), warnings_text(rows, style)]
    parts += [ladder_text(figures, style), training_text(figures, style)]
    return "\n\n".join(part for part in parts if part)


def by_case(rows: Sequence[Row]) -> dict[tuple[str, ...], dict[str, Row]]:
    """The rows of each case by metric, in order of appearance."""
    cases: dict[tuple[str, ...], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        key = (row.workload, row.point, row.device, row.dtype, row.mode, str(row.threads), row.base_label)
        cases[(*key[:6],)].setdefault(row.metric, row)
    return cases


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


def missing_table(rows: Sequence[Row], style: str) -> str:
    """What was not measured and why; cases with the same reason share a line."""
    groups: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        if row.verdict in ("n/a", "broken", "missing") and row.metric != "throughput":
            name = f"{row.workload}({row.point})" if row.point else row.workload
            where = f"{row.device} {row.mode}" if row.mode != "eager" else row.device
            groups[(row.verdict, row.metric, where, row.reason)].append(name)
    if not groups:
        return ""
    cells = [
        [verdict, where, metric, names[0] if len(set(names)) == 1 else f"{len(set(names))} cases", reason]
        for (verdict, metric, where, reason), names in groups.items()
    ]
    table = grid(["", "device", "figure", "case", "because"], cells, style, 5)
    return f"{title('Not measured', style)}\n\n{table}"


def warnings_text(rows: Sequence[Row], style: str) -> str:
    """Every warning once, with how many figures it is about."""
    counts: dict[str, set[tuple[str, str, str, str]]] = defaultdict(set)
    for row in rows:
        for warning in row.warnings:
            counts[warning].add((row.workload, row.point, row.device, row.mode))
    if not counts:
        return ""
    lines = [f"- {warning} ({len(cases)} case{'s' * (len(cases) > 1)})" for warning, cases in counts.items()]
    return f"{title('Warnings', style)}\n\n" + "\n".join(lines)


def versus_text(rows: Sequence[Row], environments: Mapping[str, Environment], style: str = "table") -> str:
    """A table per metric: base, head, their ratio, what it means; then what could not be compared, and warnings."""
    sure = "95 %" if {row.base_label for row in rows} == {"eager"} else "99 %"
    parts = [machine(environments, rows)]
    compared = [row for row in rows if row.verdict not in ("n/a", "broken", "missing")]
    # What a step has to do is the same on both sides nearly always; a table of it is shown where it is not.
    changed = {row.metric for row in compared if row.verdict != "same"}
    metrics = [m for m in dict.fromkeys(row.metric for row in compared) if m not in WORK_METRICS or m in changed]
    for metric in metrics:
        chosen = [row for row in compared if row.metric == metric]
        labels = list(dict.fromkeys((row.base_label, row.head_label) for row in chosen))
        for base, head in labels:
            cells = [
                [row.workload, row.point, row.device, row.mode, value(row.base, row), value(row.head, row),
                 interval(row), row.verdict + (" (!)" if row.warnings else "")]
                for row in chosen
                if (row.base_label, row.head_label) == (base, head)
            ]  # fmt: skip
            headers = ["workload", "point", "device", "mode", base, head, f"ratio [{sure}]", "verdict"]
            parts.append(f"{title(metric, style)}\n\n{grid(headers, cells, style, 4)}")
    times = [row for row in rows if row.metric == "step_time"]
    if times:
        counts = {
            verdict: sum(row.verdict == verdict for row in times) for verdict in dict.fromkeys(r.verdict for r in times)
        }
        parts.append("step_time: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
        parts.append(resolution(times))
    if any(row.warnings for row in compared):
        parts.append("(!): something else differs, too; see the warnings.")
    parts += [missing_table(rows, style), warnings_text(rows, style)]
    return "\n\n".join(part for part in parts if part)


def resolution(times: Sequence[Row]) -> str:
    """In words, which change the compared step times could have shown."""
    widths = [
        math.sqrt(row.ratio_high / row.ratio_low) - 1 for row in times if row.ratio_low and row.ratio_high is not None
    ]
    if not widths:
        return "No step time here has an interval: each side needs two launches or more (--launches)."
    return (
        f"In half of the cases a change below {units.percent(statistics.median(widths))} cannot be told from none; "
        "more --launches on both sides can tell smaller ones."
    )
