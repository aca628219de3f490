"""The ceilings for what a command shows: those among its sources, and those kept in the user's cache folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.records.ceilings import cached, cached_for
from bench.records.files import Contents
from bench.records.record import Environment

if TYPE_CHECKING:
    from reports.profiles.profile import Profile
    from reports.read.frames import Figure
    from reports.topics.ceilings.figures import Roof


def with_ceilings(sources: Sequence[Contents]) -> list[Contents]:
    """The kept ceilings of the sources' machines, and the sources, which come last and so count where both have one."""
    return [cached_for(sources), *sources]


def roofs_for(profiles: Sequence[Profile]) -> list[Roof]:
    """The kept ceilings of the machines on which profiles were taken; nothing of traces made elsewhere."""
    from reports.topics.ceilings.figures import roofs  # noqa: PLC0415 - as below

    found = []
    for notes in filter(None, (profile.notes for profile in profiles)):
        found.append(cached(Environment(tuple(notes.facts.items())), notes.case.device, notes.case.threads))
    return roofs([contents for contents in found if contents])


def roofline(figures: Sequence[Figure], sources: Sequence[Contents], style: str = "table") -> str:
    """The roofline's table; empty where no ceilings are known for any of the figures."""
    from reports.topics.ceilings.figures import roofs  # noqa: PLC0415 - pandas takes half a second that --help does not need
    from reports.topics.roofline.figures import bounds  # noqa: PLC0415
    from reports.topics.roofline.text import roofline_text  # noqa: PLC0415

    environments = {id: environment for part in sources for id, environment in part.environments.items()}
    return roofline_text(bounds(figures, environments, roofs(with_ceilings(sources))), style)
