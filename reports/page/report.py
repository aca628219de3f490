"""The report: records as sections, and profiles, as one HTML file that opens from disk."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from bench.records.files import Contents
from reports.format.html import page
from reports.page.page import page_of
from reports.profiles.profile import Profile
from reports.profiles.say import drawing
from reports.profiles.say.finding import Finding
from reports.profiles.say.findings import findings
from reports.read.runs import gather
from reports.topics.ceilings.figures import Roof

Shown = tuple[str, Profile, Sequence[Finding], str]


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
    shown = [show(number, profile, embed_traces) for number, profile in enumerate(profiles, 1)]
    return page("report.html", records=records, profiles=shown, failed=failed, draw=drawing, command=command)


def show(number: int, profile: Profile, embed_trace: bool) -> Shown:
    """A profile with its name in links, its findings, and its timeline's file as base64 if that is wanted."""
    return f"p{number}", profile, findings(profile), packed(profile.sources[0]) if embed_trace else ""


def packed(path: Path) -> str:
    """A file's bytes as base64."""
    return base64.b64encode(path.read_bytes()).decode()
