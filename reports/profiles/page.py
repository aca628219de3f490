"""Profiles as one HTML file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from reports import html
from reports.profiles import drawing
from reports.profiles.findings import Finding, findings
from reports.profiles.profile import Profile

Shown = tuple[str, Profile, Sequence[Finding], str]


def as_html(profiles: Sequence[Profile], failed: Sequence[tuple[str, str]] = (), embed_traces: bool = False) -> str:
    """The whole page. failed: cases that could not be profiled, and why. embed_traces: the raw timelines go with it."""
    heading = profiles[0].title if len(profiles) == 1 else f"{len(profiles)} profiles"
    return html.page(
        "profiles.html", heading=html.short(heading), created=f"{datetime.now():%Y-%m-%d %H:%M}",
        profiles=[shown(number, profile, embed_traces) for number, profile in enumerate(profiles, 1)],
        failed=failed, draw=drawing,
    )  # fmt: skip


def shown(number: int, profile: Profile, embed_traces: bool) -> Shown:
    """A profile with its name in links, its findings, and its timeline's file as base64 if that is wanted."""
    return f"p{number}", profile, findings(profile), packed(profile.sources[0]) if embed_traces else ""


def packed(path: Path) -> str:
    """A file's bytes as base64."""
    return base64.b64encode(path.read_bytes()).decode()
