"""All sections of the records in one piece, in the order a reader needs them. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.page.embedded import LOAD, Embedded, embedded
from reports.page.method import MEANINGS, Method, method
from reports.page.summary import Summary, summary
from reports.read.runs import Material, Run
from reports.topics.absent.section import Absence, absences
from reports.topics.ceilings.figures import Roof
from reports.topics.compare.section import Heat, tables
from reports.topics.compile.section import Compiled, compilings
from reports.topics.ladder.section import Bar, bars
from reports.topics.latency.section import Wait, waits
from reports.topics.memory.section import Peak, peaks
from reports.topics.roofline.section import Roofline, roofline
from reports.topics.timing.section import Timing, timings
from reports.topics.timing.strip import MOST_VALUES
from reports.topics.training.section import Outcome, outcomes


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
