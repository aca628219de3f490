"""A page as a browser would see it: its ids, links and rows, what it loads from elsewhere, and its words."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "input", "link", "img", "hr"}


class Page(HTMLParser):
    """What is in a page; raises where a tag is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.handlers: list[str] = []
        self.scripts: list[str] = []
        self.rows: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.ids += [found["id"]] if "id" in found else []
        self.targets += [found["href"]] if "href" in found else []
        self.loaded += [found[name] for name in ("src", "srcset", "data", "action") if name in found]
        self.handlers += [name for name in found if name.startswith("on")]
        self.scripts += [found.get("type", "")] if tag == "script" else []
        self.rows += [found.get("id", "")] if tag == "tr" and "tbody" in self.open and "group" not in str(found) else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def check(self) -> None:
        """Every tag is closed; every row has an id of its own and is linked to; every link leads somewhere."""
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))
        assert all(self.rows)
        assert {f"#{id}" for id in self.rows} <= set(self.targets)
        assert {target.removeprefix("#") for target in self.targets} <= set(self.ids)


def words(page: str) -> str:
    """The text of a page, without tags, styles and scripts."""
    bare = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bare))
