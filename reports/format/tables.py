"""Tables and headings for a terminal or Markdown. Knows no figure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from tabulate import tabulate

FORMATS = {"table": "simple", "markdown": "github"}
WIDTH = 120  # characters of a terminal's table; what people see without scrolling sideways
# What a terminal takes for a command, or shows in another order than it is written in.
COMMANDS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# What Markdown takes for markup where nobody meant it: tags, links and pictures, people and issues that are called.
# Code is found first, since nothing in it is markup.
MARKUP = re.compile(r"`[^`\n]+`|<(?=[A-Za-z/!?])|(?<=\])\(|[@#](?=\w)")
NARROWEST = 14  # of a column that is broken into lines


def plain(text: str, style: str) -> str:
    """Somebody's text as it is to be read, by a terminal or as Markdown: letters and no commands."""
    text = COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return MARKUP.sub(harmless, text) if style == "markdown" else text


def folded(text: str, style: str) -> str:
    """Somebody's sentence, broken where a terminal would."""
    text = plain(text, style)
    if style == "markdown":
        return text
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def harmless(found: re.Match[str]) -> str:
    """A mark that stays a mark."""
    code = found[0].startswith("`")
    return found[0] if code else {"<": "&lt;", "(": "\\("}.get(found[0], f"{found[0]}<!-- -->")


def cell(text: str, style: str) -> str:
    """Somebody's text in a line of a table."""
    text = plain(" ".join(text.split("\n")), style)
    return text.replace("|", "\\|") if style == "markdown" else text


def grid(headers: Sequence[str], cells: Sequence[Sequence[str]], style: str, left: int = 2) -> str:
    """A table with its first `left` columns aligned left and the others right.

    On a terminal, one that would be too wide has its widest left columns broken into lines.
    """
    align = ["left"] * left + ["right"] * (len(headers) - left)
    headers = [cell(header, style) for header in headers]
    cells = [[cell(text, style) for text in row] for row in cells]
    if style == "table":
        cells = fitted(headers, cells, left)
    return tabulate(cells, headers, tablefmt=FORMATS[style], colalign=align, disable_numparse=True)


def fitted(headers: Sequence[str], cells: Sequence[Sequence[str]], left: int) -> list[list[str]]:
    """The cells with line breaks in the widest left columns, as many as are needed for WIDTH."""
    found = [list(row) for row in cells]
    for _ in range(left):
        widths = [max(map(longest, column)) for column in zip(headers, *found, strict=True)]
        over = sum(widths) + 2 * (len(widths) - 1) - WIDTH
        column = max(range(left), key=lambda index: widths[index])
        if over <= 0 or widths[column] <= NARROWEST:
            break
        for row in found:
            row[column] = broken(row[column], max(NARROWEST, widths[column] - over))
    return found


def longest(text: str) -> int:
    """The length of its longest line."""
    return max(map(len, text.split("\n")))


def broken(text: str, width: int) -> str:
    """The text in lines of at most so many characters, where it can be: at spaces, or else after a name's dots."""
    lines = [""]
    text = text.replace("\n", "")
    for part in re.split(r"(?<= )" if " " in text else r"(?<=\.)", text):
        if lines[-1] and len(lines[-1]) + len(part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def title(text: str, style: str) -> str:
    """A heading."""
    text = plain(text, style)
    return f"### {text}" if style == "markdown" else f"{text}\n{'=' * len(text)}"
