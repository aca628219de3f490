"""The answer of a page: one sentence, how many of what, and what to look at first."""

from __future__ import annotations

import re
from pathlib import Path

from reports.page.summary import summary
from tests.reports import stored
from tests.reports.asked import material_of, report
from tests.reports.parsed import Page


def test_the_answer_comes_first(folder: Path) -> None:
    assert re.search(r"<h1.*?>(.*?)</h1>", report("a.jsonl", "b.jsonl"), re.S)[1].startswith(
        "1 of 2 step times slower than in a.jsonl, none faster; the largest change is 1.20 ["
    )
    alone = summary(material_of("a.jsonl"))
    assert alone.sentence == "4 cases measured on cpu; 1 broken; torch.compile is faster in 1 of 2 cases, slower in 1."
    assert alone.counts == (("measured", "measured", 4), ("broken", "broken", 1), ("same", "not available", 2))


def test_what_changed_is_led_to_with_its_evidence(folder: Path) -> None:
    found = summary(material_of("a.jsonl", "b.jsonl"))
    assert [(finding.word, finding.name) for finding in found.findings] == [
        ("broken", "data.load(batch=64)"),
        ("slower", "mnist.train(batch=64)"),
        ("more memory", "mnist.train(batch=64)"),
    ]
    assert found.findings[1].evidence.endswith("20.0 ms → 24.0 ms")
    assert {finding.target for finding in found.findings} <= set(Page(report("a.jsonl", "b.jsonl")).ids)


def test_runs_that_cannot_be_told_apart_are_not_called_changed(folder: Path) -> None:
    stored.store(Path("again.jsonl"), stored.first_run())
    sentence = summary(material_of("a.jsonl", "again.jsonl")).sentence
    assert sentence == "No step time differs from a.jsonl beyond doubt: 4 the same within 3 %, 0 undecided."


def test_one_launch_decides_nothing(folder: Path) -> None:
    for name, level in (("x.jsonl", 1e-3), ("y.jsonl", 2e-3)):
        stored.store(Path(name), stored.record(stored.case("a.b"), "step_time", (level, level * 1.01)))
    found = summary(material_of("x.jsonl", "y.jsonl"))
    assert [(word, count) for _, word, count in found.counts] == [
        ("slower", 0), ("faster", 0), ("same", 0), ("undecided", 1),
    ]  # fmt: skip
    assert "needs two processes or more" in found.certainty[0]


def test_the_page_says_how_sure_a_run_is_as_the_terminal_does(folder: Path) -> None:
    (told,) = summary(material_of("a.jsonl")).certainty
    assert told.startswith("4 of 4 step times are known within 5.0 %")
