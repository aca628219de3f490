"""Ratios as heat tables: runs against the first, compiled against eager, devices against each other. Draws nothing."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from reports.read.frames import Figure
from reports.read.names import anchor, name, unusual
from reports.read.rows import NOT_MEASURED, Row, blank, summary_of
from reports.read.runs import Material
from reports.topics.absent.section import reasons_for_devices
from reports.topics.ceilings.figures import Roof
from reports.topics.cells import value
from reports.topics.compare.figures import versus
from reports.topics.overview.figures import gains
from reports.topics.section import Section

DEVICES = ("cpu", "cuda", "mps")  # are missed where nothing was measured on them; others where a run had them
HOTTEST = math.log(2)  # a factor of two, or half, has the strongest colour
SAID = {"n/a": "not available", "broken": "broken", "missing": "not in one of the runs"}
SHADES = {"worse": "slower", "better": "faster"}
STILL = ("same", "undecided")


@dataclass(frozen=True, slots=True)
class Cell:
    """A ratio with its interval, and the two figures it is of; or a reason why there is none.

    heat: how strong the colour is, in percent. warnings: what differs besides, unless it does in every cell.
    """

    verdict: str
    shade: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    figures: str = ""
    heat: int = 0
    warnings: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One case with a cell per column; None where the case was not asked for. `still`: no cell of it changed."""

    id: str
    name: str
    cells: tuple[Cell | None, ...]
    still: bool


@dataclass(frozen=True, slots=True)
class Heat:
    """A heat table. `note` says what the ratio is and which way is good, `absent` why there is none or not all of it.

    everywhere: the warnings that are true of every cell.
    """

    id: str
    title: str
    note: str
    columns: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    absent: str = ""
    sure: str = "99 %"
    everywhere: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of single cells, each once."""
        cells = (cell for line in self.lines for cell in line.cells if cell)
        return tuple(dict.fromkeys(warning for cell in cells for warning in cell.warnings))


def section(material: Material, roofs: Sequence[Roof]) -> Section:
    """The three comparisons, each with its figures or the reason why there are none."""
    return Section("compare", "Compare", tables(material))


def tables(material: Material) -> tuple[Heat, ...]:
    """The three comparisons."""
    return (against_first(material), against_eager(material), across_devices(material))


@functools.lru_cache(maxsize=1)
def run_rows(material: Material) -> tuple[Row, ...]:
    """Every figure of the first run against the same of each other run. Several sections of a page ask for it."""
    order = [run.value for run in material.runs]
    return tuple(versus(material.frame, material.by, order, material.environments)) if len(order) > 1 else ()


def against_first(material: Material) -> Heat:
    """Step times of every run over those of the first."""
    title = "Run against run"
    if len(material.runs) < 2:
        return Heat("runs", title, "", absent="one run was given; name two or more files to compare them")
    first, *others = material.runs
    rows = [row for row in run_rows(material) if row.metric == "step_time"]
    several = len(others) > 1

    def column(row: Row) -> str:
        return f"{row.device} · {row.mode}" + (f" · {row.head_label}" if several else "")

    heads = " and ".join(run.label for run in others) if not several else "each other run"
    note = f"Step time of {heads} over that of {first.label}. Above 1 is slower."
    return heat("runs", title, note, rows, column)


def against_eager(material: Material) -> Heat:
    """Eager time over compiled time, of every run by itself."""
    rows = [(run, row) for run in material.runs for row in speedups(run.figures)]
    title = "Compiled against eager"
    if not rows:
        return Heat("modes", title, "", absent="no case was measured both compiled and eager")
    several = len(material.runs) > 1
    placed = [replace(row, mode=f"{row.mode} · {run.label}" if several else row.mode) for run, row in rows]
    note = "Eager step time over compiled, measured next to each other. Above 1, compiling pays."
    return replace(
        heat("modes", title, note, placed, lambda row: f"{row.device} · {row.mode}"),
        sure="95 %",
    )


def speedups(figures: Sequence[Figure]) -> list[Row]:
    """The speedup of every compiled case with an eager twin, with both step times; or why there is none."""
    times = {
        (figure.workload, figure.point, figure.device, figure.dtype, figure.threads, figure.mode): figure
        for figure in figures
        if figure.metric == "step_time"
    }
    on = {figure.device for figure in times.values() if figure.status == "measured"}
    broken = [
        replace(blank(figure, NOT_MEASURED[figure.status]), reason=figure.reason)
        for figure in times.values()
        if figure.status != "measured" and figure.mode != "eager" and figure.device in on
    ]
    found = []
    for row in gains(figures):
        if row.metric == "speedup":
            case = (row.workload, row.point, row.device, row.dtype, row.threads)
            base, head = (summary_of(times[(*case, mode)]).estimate for mode in ("eager", row.mode))
            found.append(replace(row, metric="step_time", unit="s", base=base, head=head))
    return found + broken


def across_devices(material: Material) -> Heat:
    """Step times of the newest run on other devices over those on the first device."""
    title = "Device against device"
    run = material.runs[-1]
    measured = {figure.device for figure in run.figures if figure.metric == "step_time" and figure.status == "measured"}
    known = (*DEVICES, *sorted({figure.device for figure in run.figures} - set(DEVICES)))
    order = [device for device in known if device in measured]
    missing = [device for device in known if device not in measured]
    why = reasons_for_devices(material, missing)
    if len(order) < 2:
        return Heat("devices", title, "", absent=why)
    frame = material.frame[material.frame[material.by] == run.value]
    rows = [
        row for row in versus(frame, "device", order, material.environments) if row.metric == "step_time" and row.ratio
    ]
    note = f"Step time on each device over that on {order[0]}" + (
        f", in {run.label}. Above 1 is slower." if len(material.runs) > 1 else ". Above 1 is slower."
    )
    return replace(heat("devices", title, note, rows, lambda row: f"{row.head_label} · {row.mode}"), absent=why)


def heat(id: str, title: str, note: str, rows: Iterable[Row], column: Callable[[Row], str]) -> Heat:
    """The rows as a table of cases and columns.

    Lines and columns in which nothing was measured are left out: they have a section of their own.
    """
    rows = list(rows)
    everywhere = shared([row for row in rows if row.ratio is not None])
    cells: dict[str, dict[str, Cell]] = {}
    for row in rows:
        cells.setdefault(" · ".join((name(row), *unusual(row))), {})[column(row)] = cell(row, everywhere)
    found = dict.fromkeys(place for line in cells.values() for place, one in line.items() if one.ratio is not None)
    lines = []
    for case, line in cells.items():
        shown = tuple(line.get(place) for place in found)
        if any(one and one.verdict != SAID["n/a"] for one in shown):
            still = all(one is None or one.verdict in STILL for one in shown)
            lines.append(Line(anchor(id, case), case, shown, still))
    if not found:
        return Heat(id, title, note, absent="no case was measured on both sides")
    return Heat(id, title, note, tuple(found), tuple(lines), everywhere=everywhere)


def shared(rows: Sequence[Row]) -> tuple[str, ...]:
    """The warnings that every row has."""
    first = rows[0].warnings if rows else ()
    return tuple(warning for warning in first if all(warning in row.warnings for row in rows))


def cell(row: Row, everywhere: Sequence[str]) -> Cell:
    """A row as a cell; of a case that a side does not have, the figure there is, and why."""
    warnings = tuple(warning for warning in row.warnings if warning not in everywhere)
    shade = SHADES.get(row.verdict, row.verdict if row.verdict in ("slower", "faster", "broken") else "still")
    figures = f"{value(row.base, row)} → {value(row.head, row)}" if row.metric == "step_time" else ""
    if row.ratio is None or not math.isfinite(row.ratio):
        return Cell(SAID.get(row.verdict, row.verdict), shade, figures=figures, reason=row.reason)
    return Cell(row.verdict, shade, row.ratio, row.ratio_low, row.ratio_high, figures, strength(row.ratio), warnings)


def strength(ratio: float) -> int:
    """How strong a ratio's colour is, in percent: its logarithm, up to a factor of two."""
    return round(8 + 37 * min(1.0, abs(math.log(ratio)) / HOTTEST)) if ratio > 0 else 45
