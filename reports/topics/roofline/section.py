"""Every case under the roofs of its machine: a drawing per machine and device, and a table. Draws no conclusions.

Both axes are logarithmic. Geometry only: every number is a place in a drawing of WIDTH by HEIGHT.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports.format import units
from reports.read.names import anchor, key, name, where
from reports.read.runs import Material
from reports.topics.ceilings.figures import Roof
from reports.topics.ceilings.text import roof_value
from reports.topics.roofline.figures import Bound, bounds, roofs_of
from reports.topics.section import Section

WIDTH, HEIGHT = 420, 330
LEFT, RIGHT, TOP, BOTTOM = 52, 408, 10, 288
TICK = 5  # half the width of a case's own third roof
KEY = 256  # where the pieces of line before the labels begin
MOST_DECADES = 12  # labelled; of more every second
ABSENT = (
    "the machine's own ceilings of computing, memory and dispatch were not measured; torchpace ceilings measures them, "
    "and then this page can be made again"
)
UNCOUNTED = (
    "these records do not say what a step computes and moves, or are of another machine, torch, device or number of "
    "threads than the ceilings"
)


@dataclass(frozen=True, slots=True)
class Point:
    """One case: its place, the place of its own third roof (None outside the drawing), and what it says."""

    x: float
    y: float
    limit: str
    shape: str
    target: str
    said: str


@dataclass(frozen=True, slots=True)
class Line:
    """A roof: a path, and where its label stands."""

    path: str
    label: str
    x: float
    y: float
    anchor: str
    kind: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the template draws. `arrows` leads from eager to compiled; ticks are (place, label)."""

    title: str
    lines: tuple[Line, ...]
    points: tuple[Point, ...]
    arrows: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One case of the table."""

    id: str
    name: str
    where: str
    run: str
    color: str
    bound: Bound


@dataclass(frozen=True, slots=True)
class Roofline:
    """The section; `absent` says why there is nothing else in it."""

    drawings: tuple[Drawing, ...] = ()
    rows: tuple[Entry, ...] = ()
    absent: str = ""


def section(material: Material, roofs: Sequence[Roof]) -> Section:
    """Every case under its machine's roofs, or why there is none."""
    return Section("roofline", "Roofline", roofline(material, roofs))


def roofline(material: Material, roofs: Sequence[Roof]) -> Roofline:
    """The drawings and the table of the cases whose machine's roofs are known."""
    if not any(roof.value is not None for roof in roofs):
        return Roofline(absent=ABSENT)
    rows = [
        Entry(
            anchor("roof", *key(bound.figure), material.said(run)), name(bound.figure), where(bound.figure),
            material.said(run), run.color, bound,
        )
        for run in material.runs
        for bound in bounds(run.figures, material.environments, roofs)
    ]  # fmt: skip
    if not any(row.bound.bound for row in rows):
        return Roofline(absent=UNCOUNTED)
    return Roofline(tuple(drawings(material, roofs, rows)), tuple(rows))


def drawings(material: Material, roofs: Sequence[Roof], rows: Sequence[Entry]) -> list[Drawing]:
    """A drawing for each run, device and number of threads, which have roofs of their own."""
    groups: dict[tuple[str, str, int], list[Entry]] = {}
    for row in rows:
        figure = row.bound.figure
        groups.setdefault((row.run, figure.device, figure.threads), []).append(row)
    found = []
    for (run, device, threads), group in groups.items():
        first = group[0].bound.figure
        own = roofs_of(first, material.environments.get(first.environment), roofs)
        title = " · ".join(part for part in (run, device, f"{threads} thread{'s' * (threads != 1)}") if part)
        if any(row.bound.intensity for row in group):
            found.append(drawing(title, own, group))
    return found


def drawing(title: str, roofs: Sequence[Roof], rows: Sequence[Entry]) -> Drawing:
    """Roofs, points and arrows of one machine."""
    placed = [row for row in rows if row.bound.intensity and row.bound.achieved]
    dtypes = {row.bound.figure.dtype for row in placed}
    flat = [roof for roof in roofs if roof.kind == "matmul" and roof.dtype in dtypes]
    slopes = fastest_by_set(roofs)
    top = max([roof.value or 0.0 for roof in flat] + [row.bound.achieved or 0.0 for row in placed])
    ridge = [top / (roof.value or 1.0) for roof in slopes]
    x_ends = decades([row.bound.intensity or 1.0 for row in placed] + ridge, 1.0)
    y_ends = decades([row.bound.achieved or 1.0 for row in placed] + [top], 1.5)
    x, y = scale(x_ends, LEFT, RIGHT), scale(y_ends, BOTTOM, TOP)
    lines: list[Line | None] = [flat_line(roof, y) for roof in flat]
    lines += [slope_line(roof, number, x, y, x_ends, y_ends, top) for number, roof in enumerate(slopes)]
    return Drawing(
        title, tuple(line for line in lines if line),
        tuple(point(row, x, y, (10.0 ** y_ends[0], top)) for row in placed),
        arrows(placed, x, y), ticks(x_ends, x), ticks(y_ends, y), len(rows) - len(placed),
    )  # fmt: skip


def fastest_by_set(roofs: Sequence[Roof]) -> list[Roof]:
    """The faster of copy and triad for every working set, the smallest set first."""
    best: dict[int, Roof] = {}
    for roof in roofs:
        if roof.working_set is not None and (roof.value or 0) > (best.get(roof.working_set, roof).value or 0) * 0.999:
            best[roof.working_set] = roof
    return [best[size] for size in sorted(best)]


def decades(values: Sequence[float], room: float) -> tuple[float, float]:
    """Whole decades around the values, as exponents; above the largest there is `room`, as a factor."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values) * room))
    return float(low), float(max(high, low + 1))


def scale(ends: tuple[float, float], first: float, last: float) -> Callable[[float], float]:
    """From a value to its place between `first` and `last`."""
    low, high = ends
    return lambda value: round(first + (last - first) * (math.log10(value) - low) / (high - low), 1)


def ticks(ends: tuple[float, float], place: Callable[[float], float]) -> tuple[tuple[float, str], ...]:
    """Places of the decades, with their labels."""
    step = 1 if ends[1] - ends[0] <= MOST_DECADES else 2
    return tuple((place(10.0**exponent), decade(exponent)) for exponent in range(int(ends[0]), int(ends[1]) + 1, step))


def decade(exponent: int) -> str:
    """'0.01', '1', '100', '10 k' for a power of ten."""
    if exponent < 0:
        return f"{10.0**exponent:.{-exponent}f}"
    number, _, prefix = units.quantity(10.0**exponent, "1").partition(" ")
    return f"{float(number):g} {prefix}".strip()


def flat_line(roof: Roof, y: Callable[[float], float]) -> Line:
    """The roof of products, all across; its label stands at the right, above it."""
    at = y(roof.value or 1.0)
    return Line(
        f"M{LEFT} {at}H{RIGHT}", f"{roof.dtype} products {roof_value(roof.value, roof)}", RIGHT - 2, at - 4, "end",
        "flat",
    )  # fmt: skip


def slope_line(
    roof: Roof, number: int, x: Callable[[float], float], y: Callable[[float], float],
    x_ends: tuple[float, float], y_ends: tuple[float, float], top: float,
) -> Line | None:  # fmt: skip
    """The roof of a working set: FLOP/s = intensity times bandwidth, up to the roof of products."""
    speed = roof.value or 1.0
    left = max(10.0 ** x_ends[0], 10.0 ** y_ends[0] / speed)
    right = min(10.0 ** x_ends[1], top / speed)
    if left >= right:
        return None
    label = f"{units.quantity(roof.working_set, 'B')} {roof_value(speed, roof)}"
    at = BOTTOM - 8 - 12 * number
    # Labels stand below each other at the lower right, where no roof is, each after a piece of its line.
    return Line(
        f"M{x(left)} {y(left * speed)}L{x(right)} {y(right * speed)}M{KEY} {at - 3}h20", label, RIGHT - 2, at, "end",
        f"slope s{number % 4}",
    )  # fmt: skip


def point(row: Entry, x: Callable[[float], float], y: Callable[[float], float], y_ends: tuple[float, float]) -> Point:
    """A case's place, and the place of its own third roof: what the calls of its operators alone would allow."""
    bound = row.bound
    at, height = x(bound.intensity or 1.0), y(bound.achieved or 1.0)
    limit = bound.flops / bound.overhead_s if bound.flops and bound.overhead_s else None
    # Above the roof of products it limits nothing.
    inside = limit is not None and y_ends[0] < limit < y_ends[1]
    path = f"M{at - TICK:g} {y(limit)}h{2 * TICK}M{at} {y(limit)}V{height}" if inside and limit else ""
    said = (
        f"{row.name}, {row.where}: {units.rate(bound.achieved, 'FLOP')} at {bound.intensity:.3g} FLOP/B, "
        f"{bound.bound}-bound, {units.percent(bound.fraction)} of that roof"
    )
    return Point(at, height, path, bound.bound, row.id, said)


def arrows(rows: Sequence[Entry], x: Callable[[float], float], y: Callable[[float], float]) -> str:
    """A path of arrows from every eager case to its compiled ones; they compute and move the same, so it is upright."""
    eager = {identity(row): row.bound for row in rows if row.bound.figure.mode == "eager"}
    path = ""
    for row in rows:
        start = eager.get(identity(row))
        if row.bound.figure.mode != "eager" and start is not None:
            at, first, last = x(row.bound.intensity or 1.0), y(start.achieved or 1.0), y(row.bound.achieved or 1.0)
            head = 5 if last < first else -5
            path += f"M{at} {first}V{last}m-3 {head}l3 {-head}l3 {head}" if abs(last - first) > 1 else ""
    return path


def identity(row: Entry) -> tuple[object, ...]:
    """What an eager case and its compiled ones have in common."""
    figure = row.bound.figure
    return (figure.workload, figure.point, figure.device, figure.dtype, figure.threads, row.run)
