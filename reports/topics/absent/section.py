"""What was not measured, and why: a cell that is not known says so, and is never 0. Draws nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.read.frames import Figure
from reports.read.names import anchor, name
from reports.read.runs import Material, Run
from reports.topics.ceilings.figures import Roof
from reports.topics.section import Section

SAID = {"unavailable": "not available", "broken": "broken"}


@dataclass(frozen=True, slots=True)
class Absence:
    """One reason with its cases. `where` is their device and mode; `runs` is empty where it is true of all runs."""

    id: str
    kind: str
    where: str
    metric: str
    runs: str
    reason: str
    cases: tuple[str, ...]


def section(material: Material, roofs: Sequence[Roof]) -> Section | None:
    """Whatever was not measured, if anything was not."""
    found = absences(material)
    return Section("absent", "Not measured", found) if found else None


def absences(material: Material) -> tuple[Absence, ...]:
    """Every reason once for each device, mode and metric; what is broken comes first, then step times."""
    groups: dict[tuple[str, str, str, str], list[tuple[Run, Figure]]] = defaultdict(list)
    for run, figure in unmeasured(material.figures):
        groups[cause(figure)].append((run, figure))
    found = []
    for (kind, place, metric, reason), pairs in groups.items():
        labels = list(dict.fromkeys(run.label for run, _ in pairs))
        runs = ", ".join(labels) if len(labels) < len(material.runs) else ""
        cases = tuple(dict.fromkeys(name(figure) for _, figure in pairs))
        found.append(Absence(anchor("not", kind, place, metric, reason), kind, place, metric, runs, reason, cases))
    return tuple(sorted(found, key=lambda absence: (absence.kind != "broken", absence.metric != "step_time")))


def cause(figure: Figure) -> tuple[str, str, str, str]:
    """What cases are put together by: kind, device and mode, metric, and reason."""
    place = f"{figure.device} {figure.mode}" if figure.mode not in ("eager", "") else figure.device
    return (SAID[figure.status], place, figure.metric, figure.reason)


def unmeasured(figures: Iterable[tuple[Run, Figure]]) -> list[tuple[Run, Figure]]:
    """The figures without values."""
    return [(run, figure) for run, figure in figures if figure.status != "measured"]


def reasons_for_devices(material: Material, devices: Iterable[str]) -> str:
    """Why devices have no step times, in words: each reason once."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for device in devices:
        known = (
            figure.reason
            for _, figure in unmeasured(material.figures)
            if figure.device == device and figure.metric == "step_time"
        )
        reasons[next(known, "no figure here was taken there")].append(device)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
