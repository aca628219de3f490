"""Tables and headings for a terminal or Markdown. Knows no figure."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

FORMATS = {"table": "simple", "markdown": "github"}


def grid(headers: Sequence[str], cells: Sequence[Sequence[str]], style: str, left: int = 2) -> str:
    """A table with its first `left` columns aligned left and the others right."""
    align = ["left"] * left + ["right"] * (len(headers) - left)
    return tabulate(cells, headers, tablefmt=FORMATS[style], colalign=align, disable_numparse=True)


def title(text: str, style: str) -> str:
    """A heading."""
    return f"### {text}" if style == "markdown" else f"{text}\n{'=' * len(text)}"
