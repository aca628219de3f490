"""A profile without a page: as tables, as Markdown that fits into a comment, as CSV and JSON. Computes nothing."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from reports.format import units
from reports.format.html import short
from reports.format.tables import folded, grid, plain, title
from reports.profiles.profile import Profile
from reports.profiles.say.finding import Finding
from reports.profiles.say.ranks import not_whole, ranks_of

ROWS = 15  # of a table on a terminal
NAME = 60  # characters of a name in a table
MOST_BYTES = 4096  # of Markdown, which is for a comment
FEWER = (6, 4, 2, 1, 0)  # rows of its tables that are tried until it fits
COLUMNS = ("profile", "kind", "name", "calls", "seconds", "device_seconds", "share", "advice")


@dataclass(frozen=True, slots=True)
class Line:
    """A part, an operator, a kernel or a module: calls and seconds per step, and its share; unknown is None."""

    kind: str
    name: str
    seconds: float
    share: float | None
    calls: float | None = None
    device_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A profile with what is said of it: where the time goes, and what stands out."""

    profile: Profile
    headline: str
    findings: Sequence[Finding]


def lines(profile: Profile) -> list[Line]:
    """Everything that a profile's tables hold, each kind in the order of its table."""
    found = [
        Line(f"{where} breakdown", name, parts.mean_s(name), parts.fractions[name])
        for where, parts in (("device", profile.activities), ("CPU", profile.phases))
        if parts is not None
        for name in parts.names
    ]
    found += [
        Line("operator", row["name"], row["self_s"], row["share"], row["calls"], row["device_self_s"])
        for row in rows_of(profile.operators)
    ]
    found += [
        Line("kernel", on(row, profile), row["total_s"], row["share"], row["calls"]) for row in rows_of(profile.kernels)
    ]
    found += [
        Line(f"device {device} breakdown", name, parts.mean_s(name), parts.fractions[name])
        for device, parts in profile.by_device.items()
        for name in parts.names
    ]
    found += [
        Line(f"communication, {what}", on(row, profile), row[f"{what}_s"], None, row["calls"])
        for what in ("exposed", "hidden")
        for row in rows_of(profile.communication)
    ]
    if profile.modules is not None:
        tree = profile.modules
        found += [
            Line(
                "module", module.name or module.path, spent, spent / tree.step_s if tree.step_s else None, module.calls
            )
            for depth, module in tree.root.walk()
            if depth and (spent := module.forward_s + module.backward_s) is not None
        ]
    return found


def on(row: Mapping[Any, Any], profile: Profile) -> str:
    """A kernel's name, with its device where there are several."""
    return f"{row['name']} on device {row['device']}" if profile.by_device else str(row["name"])


def rows_of(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """A table's rows by column."""
    rows: list[dict[Any, Any]] = table.to_dict("records")
    return rows


def as_text(said: Sequence[Said], style: str, command: str) -> str:
    """The profiles in one of the formats of tables; command: what makes the page."""
    if style == "csv":
        return as_csv(said)
    if style == "json":
        return json.dumps([as_json(each) for each in said], indent=2, allow_nan=False)
    if style == "markdown":
        return as_markdown(said, command)
    parts = [*(tables(each, "table", ROWS) for each in said), ranks_text([each.profile for each in said], "table")]
    return "\n\n".join(part for part in parts if part)


def ranks_text(profiles: Sequence[Profile], style: str) -> str:
    """The ranks side by side; empty where there are none."""
    found, doubt = ranks_of(profiles), folded(not_whole(profiles), style)
    if found is None:
        return doubt
    cells = [
        [each.name, units.quantity(each.least_s, "s"), each.fastest, units.quantity(each.median_s, "s"),
         units.quantity(each.most_s, "s"), each.slowest]
        for each in found.parts
    ]  # fmt: skip
    headers = [f"{len(found.ranks)} ranks", "fastest", "rank", "median", "slowest", "rank"]
    said = [plain(f"- {sentence(finding)}", style) for finding in found.findings]
    parts = [title("Ranks side by side", style), doubt, *said, grid(headers, cells, style, 1)]
    return "\n\n".join(part for part in parts if part)


def tables(said: Said, style: str, most: int) -> str:
    """One profile: the headline, what stands out, then a table per kind with so many rows."""
    profile = said.profile
    steps = profile.steps
    step = f"{units.quantity(steps.mean_s, 's')} a step with the profiler on, {len(steps.names)} recorded"
    if profile.step_s is not None:
        step = f"{units.quantity(profile.step_s, 's')} a step without the profiler, {step}"
    if not steps.marked:
        step = f"{units.quantity(steps.mean_s, 's')} in all: the trace marks no steps (--step-mark names other marks)"
    parts = [title(short(profile.title), style), plain(said.headline, style), plain(step, style)]
    parts.append("\n".join(folded(f"- {sentence(finding)}", style) for finding in said.findings))
    parts += [folded(text, style) for text in profile.warnings]
    found = lines(profile)
    for kind in dict.fromkeys(line.kind for line in found):
        parts.append(table([line for line in found if line.kind == kind], kind, style, most))
    return "\n\n".join(part for part in parts if part)


def sentence(finding: Finding) -> str:
    """A finding with its evidence and what to try."""
    return f"{short(finding.text)}: {short(finding.evidence)}. {finding.advice[0].upper()}{finding.advice[1:]}."


def table(found: Sequence[Line], kind: str, style: str, most: int) -> str:
    """Lines of one kind, the first of them; how many more there are stands below."""
    shown = found[:most]
    if not shown:
        return ""
    counted = shown[0].calls is not None
    on_device = any(line.device_seconds for line in found)
    headers = [kind, *["calls"] * counted, "CPU itself" if kind == "operator" else "time"]
    headers += [*["device itself"] * on_device, "share"]
    cells = [
        [short(line.name, NAME), *[units.quantity(line.calls, "1")] * counted, units.quantity(line.seconds, "s"),
         *[units.quantity(line.device_seconds, "s")] * on_device, units.percent(line.share)]
        for line in shown
    ]  # fmt: skip
    more = f"\n\n{len(found) - most} more" if len(found) > most else ""
    return grid(headers, cells, style, 1) + more


def as_markdown(said: Sequence[Said], command: str) -> str:
    """What fits into a comment: verdict, evidence, the largest lines, the next command."""
    for most in FEWER:
        ranks = ranks_text([each.profile for each in said], "markdown")
        parts = [ranks, *(tables(each, "markdown", most) for each in said), f"Next: `{command}`"]
        text = "\n\n".join(part for part in parts if part)
        if len(text.encode()) <= MOST_BYTES:
            return text
    heads = [plain(f"- {short(each.profile.title)}: {each.headline}", "markdown") for each in said]
    kept = list(heads)
    while kept and len("\n".join(kept).encode()) > MOST_BYTES - len(command) - 100:
        kept.pop()
    more = [f"- {len(heads) - len(kept)} more"] * (len(kept) < len(heads))
    return "\n".join([*kept, *more, "", f"Next: `{command}`"])


def as_csv(said: Sequence[Said]) -> str:
    """A row per line and finding of every profile, seconds per step."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for each in said:
        about = {"profile": each.profile.title}
        writer.writerow({**about, "kind": "headline", "name": each.headline})
        for finding in each.findings:
            text = f"{finding.text}: {finding.evidence}"
            writer.writerow({**about, "kind": "finding", "name": text, "share": finding.cost, "advice": finding.advice})
        writer.writerows({**about, **asdict(line)} for line in lines(each.profile))
    return file.getvalue()


def as_json(said: Said) -> Mapping[str, Any]:
    """A profile as JSON: seconds and calls per step; unknown is null."""
    profile = said.profile
    return {
        "profile": profile.title, "step_s": profile.step_s, "profiled_step_s": profile.steps.mean_s,
        "steps": len(profile.steps.names), "headline": said.headline,
        "findings": [asdict(finding) for finding in said.findings], "warnings": list(profile.warnings),
        "lines": [
            {name: None if isinstance(value, float) and not math.isfinite(value) else value
             for name, value in asdict(line).items()}
            for line in lines(profile)
        ],
    }  # fmt: skip
