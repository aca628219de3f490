"""How a row's figures are written, whichever topic shows it: amounts with their units, intervals, reasons, warnings.

Computes nothing; every figure keeps its unit and how sure it is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.records.record import Environment
from reports.format import units
from reports.format.tables import grid, title
from reports.read.rows import Row

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


def by_case(rows: Sequence[Row]) -> dict[tuple[str, ...], dict[str, Row]]:
    """The rows of each case by metric, in order of appearance."""
    cases: dict[tuple[str, ...], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        key = (row.workload, row.point, row.device, row.dtype, row.mode, str(row.threads), row.base_label)
        cases[(*key[:6],)].setdefault(row.metric, row)
    return cases


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
