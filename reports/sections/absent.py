"""What was not measured, and why: a cell that is not known says so, and is never 0. Draws nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from reports.frames import Figure
from reports.sections.names import anchor, name
from reports.sections.runs import Material, Run

SAID = {"unavailable": "not available", "broken": "broken"}


@dataclass(frozen=True, slots=True)
class Absence:
    """One reason with the cases it is about; `where` is their device and mode."""

    id: str
    kind: str
    where: str
    metric: str
    run: str
    reason: str
    cases: tuple[str, ...]


def absences(material: Material) -> tuple[Absence, ...]:
    """Every reason once for each device, mode, metric and run; what is broken comes first."""
    groups: dict[tuple[str, str, str, str, str], list[str]] = defaultdict(list)
    for run, figure in unmeasured(material.figures):
        place = f"{figure.device} {figure.mode}" if figure.mode != "eager" else figure.device
        groups[(SAID[figure.status], place, figure.metric, material.said(run), figure.reason)].append(name(figure))
    found = [
        Absence(anchor("not", *key), kind, place, metric, said, reason, tuple(dict.fromkeys(cases)))
        for key, cases in groups.items()
        for kind, place, metric, said, reason in (key,)
    ]
    return tuple(sorted(found, key=lambda absence: absence.kind != "broken"))


def unmeasured(figures: Iterable[tuple[Run, Figure]]) -> list[tuple[Run, Figure]]:
    """The figures without values."""
    return [(run, figure) for run, figure in figures if figure.status != "measured"]


def reason_for_device(material: Material, device: str) -> str:
    """Why a device has no step times, in words."""
    reasons = [
        figure.reason
        for _, figure in unmeasured(material.figures)
        if figure.device == device and figure.metric == "step_time"
    ]
    return reasons[0] if reasons else "no figure of this report was taken on it"
