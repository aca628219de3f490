"""Pages: one file that opens from disk, makes no request and runs no script but its own. Knows nothing of figures."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined

from reports.format import units

FOLDER = Path(__file__).parents[1] / "templates"
TOPICS = Path(__file__).parents[1] / "topics"  # whose own templates lie beside them: "timing/section.html"
LONGEST = 160  # characters of a name that a table shows; the whole is in its title, up to LONGEST_TITLE
LONGEST_TITLE = 2000


@cache
def templates() -> Templates:
    """The templates. Every text from measured code is escaped by them."""
    made = Templates(
        loader=FileSystemLoader([FOLDER, TOPICS]), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters["seconds"] = lambda value: units.quantity(value, "s")
    made.filters["bytes"] = lambda value: units.quantity(value, "B")
    made.filters["number"] = lambda value: units.quantity(value, "1")
    made.filters["times"] = lambda value: units.count(value) if value == int(value) else units.quantity(value, "1")
    made.filters["count"] = units.count
    made.filters["percent"] = units.percent
    made.filters["ratio"] = units.ratio
    made.filters["short"] = short
    made.filters["title"] = lambda text: short(text, LONGEST_TITLE)
    return made


def short(text: str, longest: int = LONGEST) -> str:
    """The text, with its middle left out where it is too long to read."""
    if len(text) <= longest:
        return text
    kept = longest - 1
    return f"{text[: kept * 2 // 3]}…{text[-(kept - kept * 2 // 3) :]}"


def page(template: str, **context: Any) -> str:
    """The whole page. Its content security policy names the hash of our script: no other script can run."""
    script = (FOLDER / "report.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return templates().get_template(template).render(script=script, script_hash=f"sha256-{digest}", **context)
