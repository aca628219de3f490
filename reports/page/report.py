"""The report: records as sections, and profiles, as one HTML file that opens from disk."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from bench.records.files import Contents
from bench.records.machines import machine_of
from bench.records.record import Environment
from reports.format.html import page
from reports.page.page import page_of
from reports.profiles.profile import Profile
from reports.profiles.say import drawing
from reports.profiles.say.findings import findings
from reports.profiles.say.headline import headline
from reports.profiles.say.ranks import not_whole, ranks_of
from reports.profiles.say.text import Said
from reports.read.runs import gather
from reports.topics.ceilings.figures import Roof, rates_of_products

Shown = tuple[str, Profile, Said, str]


def as_html(
    sources: Sequence[tuple[str, Contents]],
    profiles: Sequence[Profile] = (),
    command: str = "",
    failed: Sequence[tuple[str, str]] = (),
    embed_traces: bool = False,
    roofs: Sequence[Roof] = (),
) -> str:
    """The whole page of named records and of profiles, either of which may be missing. `command` made it.

    failed: cases that could not be profiled, and why. embed_traces: the raw timelines go into the page.
    roofs: the ceilings of the machines that the records are of.
    """
    records = page_of(gather(sources), roofs) if sources else None
    shown = [show(number, profile, embed_traces, roofs) for number, profile in enumerate(profiles, 1)]
    return page(
        "report.html", records=records, profiles=shown, ranks=ranks_of(profiles), not_whole=not_whole(profiles),
        failed=failed, draw=drawing, command=command,
    )  # fmt: skip


def show(number: int, profile: Profile, embed_trace: bool, roofs: Sequence[Roof]) -> Shown:
    """A profile with its name in links, what is said of it, and its timeline's file as base64 if that is wanted."""
    return f"p{number}", profile, said_of(profile, roofs), packed(profile.sources[0]) if embed_trace else ""


def said_of(profile: Profile, roofs: Sequence[Roof]) -> Said:
    """Where a profile's time goes, held against the ceilings of its machine where these are known, and its findings."""
    return Said(profile, headline(profile, products(profile, roofs)), findings(profile))


def products(profile: Profile, roofs: Sequence[Roof]) -> dict[str, float]:
    """The FLOP/s that products reach where a profile was taken, by precision, as far as somebody measured it."""
    if profile.notes is None:
        return {}
    case, facts = profile.notes.case, Environment(tuple(profile.notes.facts.items()))
    here = (machine_of(facts), str(facts.get("torch") or ""), case.device, case.threads)
    return rates_of_products([roof for roof in roofs if (roof.machine, roof.torch, roof.device, roof.threads) == here])


def packed(path: Path) -> str:
    """A file's bytes as base64."""
    return base64.b64encode(path.read_bytes()).decode()
