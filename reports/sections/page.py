"""All sections of the records in one piece, in the order a reader needs them. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.ceilings import Roof
from reports.sections.absent import Absence, absences
from reports.sections.compare import Heat, tables
from reports.sections.compiling import Compiled, compilings
from reports.sections.embedded import LOAD, Embedded, embedded
from reports.sections.ladder import Bar, bars
from reports.sections.latency import Wait, waits
from reports.sections.memory import Peak, peaks
from reports.sections.method import MEANINGS, Method, method
from reports.sections.outcomes import Outcome, outcomes
from reports.sections.roofline import Roofline, roofline
from reports.sections.runs import Material, Run
from reports.sections.strip import MOST_VALUES
from reports.sections.summary import Summary, summary
from reports.sections.timing import Timing, timings


@dataclass(frozen=True, slots=True)
class Sections:
    """What records.html draws."""

    runs: tuple[Run, ...]
    notes: tuple[str, ...]
    summary: Summary
    compare: tuple[Heat, ...]
    timing: list[tuple[str, Sequence[Timing]]]
    memory: list[tuple[str, Sequence[Peak]]]
    compiling: list[Compiled]
    outcomes: list[Outcome]
    absent: tuple[Absence, ...]
    method: Method
    embedded: Embedded
    roofline: Roofline
    ladder: list[tuple[str, Sequence[Bar]]]
    latency: list[tuple[str, Sequence[Wait]]]
    meanings: tuple[tuple[str, str], ...] = MEANINGS
    load: str = LOAD
    most_values: int = MOST_VALUES

    @property
    def reserves(self) -> bool:
        """Whether any figure says what an allocator reserved."""
        return any(peak.reserved is not None for _, group in self.memory for peak in group)


def sections(material: Material, roofs: Sequence[Roof] = ()) -> Sections:
    """Every section of the material."""
    return Sections(
        material.runs, material.notes, summary(material), tables(material), timings(material), peaks(material),
        compilings(material), outcomes(material), absences(material), method(material), embedded(material),
        roofline(material, roofs), bars(material), waits(material),
    )  # fmt: skip
