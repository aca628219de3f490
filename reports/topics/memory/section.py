"""The peak memory of every case, beside the largest of its subject. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reports.read.names import anchor, by_subject, key, name, where
from reports.read.rows import summary_of
from reports.read.runs import Material
from reports.topics.ceilings.figures import Roof
from reports.topics.section import Section


@dataclass(frozen=True, slots=True)
class Peak:
    """One case in one run: bytes of live tensors and, where an allocator says so, of what it reserved.

    share: of the largest peak of the subject, in percent.
    """

    id: str
    name: str
    where: str
    run: str
    color: str
    peak: float
    reserved: float | None
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Peaks:
    """Every case by subject. reserves: whether any figure says what an allocator reserved."""

    cases: list[tuple[str, Sequence[Peak]]]
    reserves: bool


def section(material: Material, roofs: Sequence[Roof]) -> Section:
    """Every case whose peak was measured, or that there is none."""
    found = peaks(material)
    reserves = any(peak.reserved is not None for _, group in found for peak in group)
    return Section("memory", "Memory", Peaks(found, reserves))


def peaks(material: Material) -> list[tuple[str, Sequence[Peak]]]:
    """Every measured peak by subject; the runs of a case stand below each other."""
    reserved = {
        (run.value, *key(figure)): summary_of(figure).estimate for run, figure in material.measured("reserved_memory")
    }
    rows = [
        Peak(
            anchor("memory", *key(figure), material.said(run)), name(figure), where(figure), material.said(run),
            run.color, summary_of(figure).estimate, reserved.get((run.value, *key(figure))),
        )
        for run, figure in material.measured("peak_memory")
    ]  # fmt: skip
    return [(subject, shared(group)) for subject, group in by_subject(rows)]


def shared(group: Sequence[Peak]) -> Sequence[Peak]:
    """The group with each peak's share of its largest."""
    largest = max(peak.peak for peak in group) or 1.0
    return [replace(peak, share=round(100 * peak.peak / largest, 1)) for peak in group]
