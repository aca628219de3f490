"""Exact figures of two revisions as one HTML file that opens from disk. Draws no conclusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.format.html import page
from reports.topics.exact.figures import CHANGED, ExactRow
from reports.topics.exact.text import ORDER, amounts, closing, difference, parts_text


def as_html(rows: Sequence[ExactRow], base: str, head: str, command: str) -> str:
    """The whole page. Every text from the measured code is escaped by the template."""
    counts = Counter(row.verdict for row in rows)
    changed = [row for row in rows if row.verdict in CHANGED]
    return page(
        "exact/page.html",
        changed=[(row, *amounts(row), difference(row), parts_text(row.came, row.went)) for row in changed],
        others=[row for row in rows if row.verdict not in (*CHANGED, "same")],
        counts=[(name, counts[name]) for name in ORDER if counts[name]],
        sentence=closing(rows), base=base, head=head, command=command,
    )  # fmt: skip
