"""All sections of the records in one piece, in the order a reader needs them. Draws nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

from reports.page.embedded import LOAD, Embedded, embedded
from reports.page.method import MEANINGS, Method, method
from reports.page.summary import Summary, summary
from reports.read.runs import Material, Run
from reports.topics.ceilings.figures import Roof
from reports.topics.section import Section

# The topics that have a part of the page, in the order a reader needs them. Each is a folder of reports/topics: its
# section.py says what there is to draw, its section.html draws it.
TOPICS = (
    "compare",
    "timing",
    "latency",
    "memory",
    "further",
    "compile",
    "training",
    "ladder",
    "scaling",
    "growth",
    "frameworks",
    "roofline",
    "absent",
)


@dataclass(frozen=True, slots=True)
class Page:
    """What records.html draws. sections: each with the name of its topic."""

    runs: tuple[Run, ...]
    notes: tuple[str, ...]
    summary: Summary
    sections: tuple[tuple[str, Section], ...]
    method: Method
    embedded: Embedded
    meanings: tuple[tuple[str, str], ...] = MEANINGS
    load: str = LOAD


def page_of(material: Material, roofs: Sequence[Roof] = ()) -> Page:
    """All of the material."""
    return Page(
        material.runs, material.notes, summary(material), tuple(sections(material, roofs)), method(material),
        embedded(material),
    )  # fmt: skip


def sections(material: Material, roofs: Sequence[Roof]) -> Iterator[tuple[str, Section]]:
    """Every topic's section, but for those that have nothing to say of the material."""
    for topic in TOPICS:
        found: Section | None = import_module(f"reports.topics.{topic}.section").section(material, roofs)
        if found is not None:
            yield topic, found
