"""A topic is on the page when its folder says what to draw and its name stands in the list."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from jinja2 import ChoiceLoader, DictLoader

from bench.cli import main
from reports.format.html import TOPICS as FOLDER
from reports.format.html import templates
from reports.page import page
from reports.topics.section import Section
from tests.reports.parsed import Page


def test_every_topic_with_a_template_is_in_the_list_and_no_other() -> None:
    assert sorted(page.TOPICS) == sorted(path.parent.name for path in FOLDER.glob("*/section.html"))


def test_a_topic_needs_its_folder_and_its_place_in_the_list(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = ModuleType("reports.topics.planted.section")
    planted.section = lambda material, roofs: Section(  # type: ignore[attr-defined]
        "planted", "Planted", [figure.workload for _, figure in material.figures]
    )
    monkeypatch.setitem(sys.modules, planted.__name__, planted)
    drawn = '<section id="{{ section.id }}"><p>planted <b>{{ drawn | length }}</b></p></section>'
    known = templates().loader
    assert known is not None
    monkeypatch.setattr(templates(), "loader", ChoiceLoader([known, DictLoader({"planted/section.html": drawn})]))
    monkeypatch.setattr(page, "TOPICS", ("timing", "planted", "absent"))
    assert main(["report", "b.jsonl", "-o", "out.html"]) == 0
    text = Path("out.html").read_text()
    ids = Page(text).ids
    assert ids.index("timing") < ids.index("planted") < ids.index("method")
    assert '<a href="#planted">Planted</a>' in text
    assert "planted <b>5</b>" in text
    assert 'id="memory"' not in text


def test_a_topic_without_anything_to_say_is_left_out(folder: Path) -> None:
    assert main(["report", "b.jsonl", "-o", "out.html"]) == 0
    text = Path("out.html").read_text()
    assert 'href="#ladder"' not in text
    assert 'id="ladder"' not in text
