"""What stands around the tables of any topic: the machine above; what was not measured, and warnings, below.

Computes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.records.record import Environment
from reports.format import units
from reports.format.tables import grid, plain, title
from reports.read.names import name
from reports.read.rows import Row

NOT_THERE = ("n/a", "broken", "missing")
FIGURES_NAMED = 3  # figures that are named where the same cases lack several


def machine(environments: Mapping[str, Environment], rows: Sequence[Row]) -> str:
    """One line per machine and torch: what the figures were taken on."""
    lines = []
    threads = "/".join(str(count) for count in sorted({row.threads for row in rows}) if count)
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
        parts.append(f"{threads} thread{'s' * (threads != '1')}" if threads else "")
        lines.append(" · ".join(part for part in parts if part))
    return "\n".join(dict.fromkeys(lines))


def missing_table(rows: Sequence[Row], style: str) -> str:
    """What was not measured and why; cases with the same reason share a line."""
    cases: dict[tuple[str, str, str, str], dict[str, None]] = defaultdict(dict)
    for row in rows:
        if row.verdict in NOT_THERE and row.metric != "throughput":
            where = f"{row.device} {row.mode}" if row.mode not in ("eager", "") else row.device
            where += f" ({row.setting})" if row.setting else ""
            cases[row.verdict, where, row.metric, row.reason][name(row)] = None
    if not cases:
        return ""
    metrics: dict[tuple[str, str, tuple[str, ...], str], list[str]] = defaultdict(list)
    for (verdict, where, metric, reason), each in cases.items():
        metrics[verdict, reason, tuple(each), where].append(metric)
    places: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[str]] = defaultdict(list)
    for (verdict, reason, names, where), found in metrics.items():
        places[verdict, reason, names, tuple(found)].append(where)
    cells = [
        [verdict, ", ".join(wheres), ", ".join(found) if len(found) <= FIGURES_NAMED else f"{len(found)} figures",
         named(names, verdict), reason]
        for (verdict, reason, names, found), wheres in places.items()
    ]  # fmt: skip
    return f"{title('Not measured', style)}\n\n{grid(['', 'device', 'figure', 'case', 'because'], cells, style, 5)}"


def named(names: Sequence[str], verdict: str) -> str:
    """The case, or how many there are; of broken ones the first, too."""
    if len(names) == 1:
        return names[0]
    return f"{len(names)} cases, such as {names[0]}" if verdict == "broken" else f"{len(names)} cases"


def warnings_text(rows: Sequence[Row], style: str) -> str:
    """Every warning once, with how many figures it is about."""
    counts: dict[str, set[tuple[str, str, str, str]]] = defaultdict(set)
    for row in rows:
        for warning in row.warnings:
            counts[warning].add((row.workload, row.point, row.device, row.mode))
    if not counts:
        return ""
    lines = [f"- {warning} ({len(cases)} case{'s' * (len(cases) > 1)})" for warning, cases in counts.items()]
    return f"{title('Warnings', style)}\n\n" + plain("\n".join(lines), style)
