"""A history as a table, CSV and JSON. Computes nothing but what a line of blocks needs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reports.format import units
from reports.format.tables import grid, plain
from reports.stats.changes import Change
from reports.stats.level_shifts import MIN_POINTS
from reports.topics.history.figures import Series, axis_of
from reports.topics.history.machines import told

BLOCKS = "▁▂▃▄▅▆▇█"
MISSING, BROKEN = "·", "×"
WIDTH = 30  # characters of a line of blocks; longer series are put together
LEAST_SPAN = 0.05  # ratio - 1 that the blocks span at least, so that noise does not look like mountains
FOUND = ("found", "ratio [95 %]", "p", "began in", "surely in", "also changed")
AS_BEFORE = "same"
BROKEN_WORD = "broken"
NOT_POSITIVE = "n/a: not above 0"  # ratios are of what is
PARTS = ("device", "dtype", "mode", "threads", "version")


def history_text(series: Sequence[Series], how: str, least: float, style: str = "table") -> str:
    """A line saying what was looked at, a row per case (one more for each further change), and what was found."""
    axis = axis_of(series)
    commits = {commit for commit, _ in axis.values()}
    over = counted(len(commits), "commit") if next(iter(axis.values()))[0] else counted(len(axis), "run")
    head = f"{series[0].metric.name} of {counted(len(series), 'case')} over {over}, {how}"
    said = [plain(text, style) for text in summary(series, over, least)]
    return "\n\n".join([plain(head, style), table(series, axis, style), *said])


def table(series: Sequence[Series], axis: Mapping[int, tuple[str, str]], style: str) -> str:
    """The rows, the largest change first; columns that say nothing are left out."""
    shown = varying(series)
    headers = ["workload", "point", *shown, "shape", "from", "to", *FOUND]
    left = len(shown) + 3
    cells = []
    for each in series:
        own = [each.case.workload, each.case.point_text, *[parts_of(each)[name] for name in shown],
               sparkline(each, axis), *ends(each)]  # fmt: skip
        for index, change in enumerate(each.changes or (None,)):
            cells.append([*(own if index == 0 else [""] * len(own)), *found(each, change)])
    kept = [i for i in range(len(headers)) if i < left or {row[i] for row in cells} - {units.DASH, AS_BEFORE, ""}]
    return grid([headers[i] for i in kept], [[row[i] for i in kept] for row in cells], style, left)


def parts_of(series: Series) -> dict[str, str]:
    """What tells the series of one workload and point apart."""
    own = {name: str(getattr(series.case, name)) for name in PARTS}
    return {**own, "machine": series.machine, "setting": series.torch}


def varying(series: Sequence[Series]) -> list[str]:
    """The parts that differ between series, and so need a column."""
    parts = [parts_of(each) for each in series]
    return [name for name in parts[0] if len({part[name] for part in parts}) > 1]


def ends(series: Series) -> list[str]:
    """The first and the last figure."""
    measured = series.measured
    if not measured:
        return [units.DASH, units.DASH]
    return [units.quantity(measured[index].value, series.metric.unit) for index in (0, -1)]


def found(series: Series, change: Change | None) -> list[str]:
    """What was found, its ratio, how sure, and where."""
    if change is None:
        return [nothing_found(series), *[units.DASH] * 5]
    verdict = ("drifts " if change.kind == "drift" else "") + series.verdict(change)
    interval = f" [{units.ratio(change.low)}, {units.ratio(change.high)}]" if change.p is not None else ""
    ratio = units.ratio(change.ratio) if math.isfinite(change.ratio) else "from 0"
    chance = "exact" if change.p is None else p_text(change.p)
    began = span(series, change.before, change.after)
    surely = span(series, change.earliest, change.latest)
    differs = "; ".join(series.differs(change)) or units.DASH
    return [verdict, ratio + interval, chance, began, AS_BEFORE if surely == began else surely, differs]


def nothing_found(series: Series) -> str:
    """Why no change was found: there is none, or too little to say, or nothing that can be looked at."""
    if series.measured:
        return "too few" if series.too_few else "none"
    return BROKEN_WORD if np.isnan(series.points.value).all() else NOT_POSITIVE


def p_text(p: float) -> str:
    """A p-value with one digit, and below a millionth only that it is."""
    return "< 1e-6" if p < 1e-6 else f"{p:.0e}" if p < 1e-3 else f"{p:.1g}"


def span(series: Series, before: int, after: int) -> str:
    """Two points as git writes a range: after the first, up to the second."""
    return f"{series.measured[before].name}..{series.measured[after].name}"


def sparkline(series: Series, axis: Mapping[int, tuple[str, str]]) -> str:
    """The series as a line of blocks over all commits, on a scale of logarithms where there are some."""
    spots, measured = list(axis), series.measured
    logs = bool(len(measured)) and bool(measured.value.min() > 0)
    values = [math.log(value) if logs else value for value in measured.value.tolist()]
    scaled = dict(zip(measured.spot.tolist(), values, strict=True))
    broken = set(series.points.spot[np.isnan(series.points.value)].tolist())
    low, high = min(scaled.values(), default=0.0), max(scaled.values(), default=0.0)
    reach = max(high - low, math.log1p(LEAST_SPAN) if logs else 1.0)
    size = max(1, math.ceil(len(axis) / WIDTH))
    line = ""
    for start in range(0, len(axis), size):
        part = spots[start : start + size]
        known = [scaled[spot] for spot in part if spot in scaled]
        line += block((sum(known) / len(known) - low) / reach) if known else BROKEN if broken & set(part) else MISSING
    return line


def block(share: float) -> str:
    """The block that is this share of a line high."""
    return BLOCKS[min(int(share * len(BLOCKS)), len(BLOCKS) - 1)]


def summary(series: Sequence[Series], over: str, least: float) -> list[str]:
    """In sentences: in how many cases nothing was found, which had too few points, and which are broken."""
    exact = all(each.is_exact for each in series)
    few = [each for each in series if each.too_few and each.measured]
    still = [each for each in series if not each.changes and not each.too_few]
    broken = [each for each in series if np.isnan(each.points.value[-1])]
    lines = told(series)
    if still:
        size = "" if exact else f" of {units.percent(least)} or more"
        lines.append(f"No change{size} found in {counted(len(still), 'case')} over {over}.")
    if few:
        need, most = counted(2 if exact else MIN_POINTS, "point"), max(len(each.measured) for each in few)
        lines.append(
            f"Too few points to say anything in {counted(len(few), 'case')}: it takes {need}, and there {are(most)}. "
            "A point is a commit:\nmeasure more of them, by `torchpace run` at each or by `asv run A..B`. "
            "Two runs of one commit are for `torchpace compare`."
        )
    left_out = [int((~np.isnan(each.points.value)).sum()) - len(each.measured) for each in series]
    if any(left_out):
        lines.append(
            f"{counted(sum(left_out), 'point')} of {counted(sum(map(bool, left_out)), 'case')} "
            f"{'is' if sum(left_out) == 1 else 'are'} 0 or below and left out: a change is a ratio."
        )
    if broken:
        names = ", ".join(dict.fromkeys(each.case.label for each in broken[:3])) + (", ..." if len(broken) > 3 else "")
        lines.append(f"Broken at the last commit measured, {counted(len(broken), 'case')}: {names}.")
    return lines


def are(number: int) -> str:
    """'is 1', 'are 2'."""
    return f"{'is' if number == 1 else 'are'} {number}"


def counted(number: int, noun: str) -> str:
    """'1 case', '2 cases'."""
    return f"{number} {noun}{'s' * (number != 1)}"


def as_json(series: Sequence[Series]) -> str:
    """A list of cases, each with its points and changes; unknown and infinite are null."""
    return json.dumps([case_json(each) for each in series], indent=2, allow_nan=False)


def case_json(series: Series) -> dict[str, Any]:
    """A series as JSON."""
    points = [
        {"commit": p.commit or None, "run": p.run or None, "torch": p.torch or None, "value": p.value,
         "reason": p.reason}
        for p in series.points
    ]  # fmt: skip
    return {
        **identity(series), "unit": series.metric.unit, "too_few": series.too_few, "points": points,
        "changes": [change_json(series, change) for change in series.changes],
    }  # fmt: skip


def identity(series: Series) -> dict[str, Any]:
    """What a series is of."""
    case = series.case
    return {
        "workload": case.workload, "point": case.point_text, "device": case.device, "dtype": case.dtype,
        "mode": case.mode, "threads": case.threads, "version": case.version, "machine": series.machine,
        "torch": series.torch or None, "metric": series.metric.name,
    }  # fmt: skip


def change_json(series: Series, change: Change) -> dict[str, Any]:
    """A change as JSON, its points as commits."""
    measured = series.measured
    places = {
        name: measured[getattr(change, name)].commit or measured[getattr(change, name)].run
        for name in ("before", "after", "until", "earliest", "latest")
    }
    ratios: Mapping[str, float] = {"ratio": change.ratio, "ratio_low": change.low, "ratio_high": change.high}
    finite = {name: value if math.isfinite(value) else None for name, value in ratios.items()}
    return {"kind": change.kind, "verdict": series.verdict(change), **finite, "p": change.p, **places,
            "differs": list(series.differs(change))}  # fmt: skip


def as_csv(series: Sequence[Series]) -> str:
    """A row per change, and one for each case without any."""
    rows = []
    for each in series:
        changes = [change_json(each, change) for change in each.changes]
        none = nothing_found(each)
        rows += [{**identity(each), **change, "differs": "; ".join(change["differs"])} for change in changes] or [
            {**identity(each), "verdict": none}
        ]
    columns = [*identity(series[0]), "kind", "verdict", "ratio", "ratio_low", "ratio_high", "p", "before", "after",
               "until", "earliest", "latest", "differs"]  # fmt: skip
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
