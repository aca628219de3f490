"""What a topic gives to the page: where it is linked to, and what its template draws. Knows no topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """A topic's part of the page. id: in links. link: what the page's navigation calls it. drawn: for its template."""

    id: str
    link: str
    drawn: Any
