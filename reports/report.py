"""The report: records as sections, and the profiles given beside them, as one HTML file that opens from disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.storing import Contents
from reports.html import page
from reports.sections.page import sections
from reports.sections.runs import gather


def as_html(sources: Sequence[tuple[str, Contents]], profiles: Sequence[Any] = (), command: str = "") -> str:
    """The whole page of named records and of profiles, either of which may be missing. `command` made it."""
    records = sections(gather(sources)) if sources else None
    return page("report.html", records=records, profiles=profiles, command=command)
