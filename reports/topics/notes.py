"""What stands around the tables of any topic: the machine above; what was not measured, and warnings, below.

Computes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.records.record import Environment
from reports.format import units
from reports.format.tables import grid, title
from reports.read.rows import Row


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
