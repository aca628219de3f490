"""How cost grows: each workload along an axis as a drawing, with what it says in words and a table. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.format import units
from reports.read.names import anchor
from reports.read.runs import Material, Run
from reports.stats.growing.shapes import shape_of
from reports.topics.ceilings.figures import Roof
from reports.topics.growth.figures import Course, Curve, courses
from reports.topics.growth.plot import Plot, plot, size_text
from reports.topics.growth.text import exponent, meanings
from reports.topics.section import Section

COLORS = ("--c1", "--c6", "--c4", "--c5", "--c3", "--c2")  # of modes, in the order measured


@dataclass(frozen=True, slots=True)
class Row:
    """One piece of a mode's step time or peak memory; all are texts."""

    mode: str
    color: str
    what: str
    span: str
    exponent: str
    about: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """One course of one run. keys: the modes with their colours. lines: what it means, in words."""

    id: str
    title: str
    axis: str
    run: str
    plot: Plot
    keys: tuple[tuple[str, str], ...]
    lines: tuple[str, ...]
    rows: tuple[Row, ...]


def section(material: Material, roofs: Sequence[Roof]) -> Section | None:
    """Every workload that was timed at many sizes, if there is one."""
    found = [
        drawing(material, run, each) for run in material.runs for each in courses(run.figures, material.environments)
    ]
    return Section("growth", "Growth", found) if found else None


def drawing(material: Material, run: Run, course: Course) -> Drawing:
    """One course."""
    first = course.curves[0].points[0].figure
    said = [course.workload, course.device, course.rest, first.dtype * (first.dtype not in ("float32", ""))]
    said.append(f"{first.threads} threads" * (first.threads > 1))
    colors = {curve.mode: COLORS[number % len(COLORS)] for number, curve in enumerate(course.curves)}
    title = ", ".join(part for part in said if part)
    return Drawing(
        anchor("growth", title, course.axis, first.environment, material.said(run)), title, course.axis,
        material.said(run),
        plot([([(point.size, point.time) for point in curve.points], curve.growth) for curve in course.curves]),
        tuple(colors.items()), tuple(meanings(course)),
        tuple(row for curve in course.curves for row in rows(curve, colors[curve.mode])),
    )  # fmt: skip


def rows(curve: Curve, color: str) -> list[Row]:
    """The pieces of a mode."""
    return [
        Row(
            curve.mode, color, what, f"{size_text(piece.first)} – {size_text(piece.last)}", exponent(piece.exponent),
            shape_of(piece) or units.DASH, units.quantity(growth.at(piece.first), unit),
            units.quantity(growth.at(piece.last), unit),
        )
        for what, unit, growth in (("step time", "s", curve.growth), ("peak memory", "B", curve.memory)) if growth
        for piece in growth.pieces
    ]  # fmt: skip
