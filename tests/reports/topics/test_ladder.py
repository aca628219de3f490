"""Ladders from records: what stands on what, what it gained, and which rung lost accuracy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.cli import main
from bench.records.files import Contents
from bench.records.record import Case, Record
from reports.page.summary import summary
from reports.read.frames import Figure, figures, frame_of
from reports.read.runs import gather
from reports.read.sources import load_one
from reports.topics.ladder.figures import Ladder, ladders
from reports.topics.ladder.text import LOST, ladder_text
from reports.topics.overview.figures import overview
from reports.topics.overview.text import overview_text
from tests.reports.stored import first_run, record, store, times


def rung(name: str, on: str) -> Case:
    return Case("digits.ladder", 1, (("rung", name), ("on", on), ("samples", 1024)), "cpu", "float32", "eager", 1)


def measured(name: str, on: str, seconds: float, accuracy: float, items: int = 1024) -> list[Record]:
    return [
        *record(rung(name, on), "step_time", *times(seconds), items=items, data="digits"),
        *record(rung(name, on), "peak_memory", (50_000_000.0,), items=None),
        *record(rung(name, on), "accuracy", (accuracy,), items=2000),
    ]


def figures_of(*records: Record) -> list[Figure]:
    return figures(frame_of(Contents(tuple(records), {})))


RECORDS = (
    *measured("primer", "ground", 2.0, 0.95),
    *measured("in_memory", "primer", 1.0, 0.948),
    *measured("batch_256", "in_memory", 1.25, 0.78),
    *measured("my_own", "in_memory", 0.5, 0.951),
)


def only(found: list[Ladder]) -> Ladder:
    (ladder,) = found
    return ladder


def test_gains_are_over_the_rung_below_and_over_the_bottom() -> None:
    ladder = only(ladders(figures_of(*RECORDS)))
    treads = {tread.rung: tread for tread in ladder.treads}
    assert (ladder.workload, ladder.rest, ladder.data) == ("digits.ladder", "samples=1024", "digits")
    assert treads["primer"].gain is None
    assert treads["primer"].total is None
    own = treads["my_own"]
    assert own.gain is not None
    assert own.total is not None
    assert own.gain.value == pytest.approx(2)
    assert own.total.value == pytest.approx(4)
    assert own.gain.low is not None
    assert own.gain.high is not None
    assert 1.9 < own.gain.low < 2 < own.gain.high < 2.1
    assert own.rate == pytest.approx(2048, rel=0.01)
    slower = treads["batch_256"].gain
    assert slower is not None
    assert slower.value == pytest.approx(0.8)


def test_only_a_loss_beyond_the_test_samples_error_is_marked() -> None:
    lost = {tread.rung: tread.lost for tread in only(ladders(figures_of(*RECORDS))).treads}
    # 95 % and 94.8 % of 2000 differ by a third of the standard error of their difference.
    assert lost == {"primer": False, "in_memory": False, "batch_256": True, "my_own": False}


def test_the_table_says_what_changes_and_marks_the_loss() -> None:
    text = ladder_text(figures_of(*RECORDS))
    lines = {line.split()[0]: line for line in text.splitlines() if line and not line.startswith((" ", "-"))}
    assert "batch of 256" in lines["batch_256"]
    assert f"78 % {LOST}" in lines["batch_256"]
    assert "0.800 [0.7" in lines["batch_256"]
    assert "my own" in lines["my_own"]
    assert "2.05 k sample/s" in lines["my_own"]
    assert text.count(LOST) == 2  # the rung, and the note
    assert "| my_own" in ladder_text(figures_of(*RECORDS), "markdown")


def test_nothing_is_lost_without_a_known_number_of_test_samples() -> None:
    blind = [Record(**{**{f: getattr(r, f) for f in Record.__slots__}, "items": None})
             if r.metric == "accuracy" else r for r in RECORDS]  # fmt: skip
    assert not any(tread.lost for tread in only(ladders(figures_of(*blind))).treads)


def test_a_rung_whose_base_was_not_measured_has_no_gain() -> None:
    ladder = only(ladders(figures_of(*measured("my_own", "in_memory", 0.5, 0.9))))
    assert (ladder.treads[0].gain, ladder.treads[0].total) == (None, None)
    assert "—" in ladder_text(figures_of(*measured("my_own", "in_memory", 0.5, 0.9)))


def test_rungs_of_different_sizes_are_compared_per_item() -> None:
    found = ladders(figures_of(*measured("a", "ground", 1.0, 0.9), *measured("b", "a", 1.0, 0.9, items=2048)))
    gain = only(found).treads[1].gain
    assert gain is not None
    assert gain.value == pytest.approx(2)


def test_the_overview_ends_with_the_ladder_and_has_none_without() -> None:
    found = figures_of(*RECORDS)
    assert overview_text(overview(found), {}, figures=found).endswith(ladder_text(found))
    plain = figures_of(*record(Case("a.b", 1, (), "cpu", "float32", "eager", 1), "step_time", *times(1.0)))
    assert "Ladder" not in overview_text(overview(plain), {}, figures=plain)


def test_the_report_draws_a_bar_for_every_rung_and_marks_the_loss(tmp_path: Path) -> None:
    path = store(tmp_path / "run.jsonl", list(RECORDS))
    page = tmp_path / "report.html"
    assert main(["report", str(path), "-o", str(page)]) == 0
    html = page.read_text()
    section = html[html.index('<section id="ladder">') : html.index('<section id="roofline">')]
    widths = [float(width) for width in re.findall(r'style="width:([0-9.]+)%', section)]
    assert widths == pytest.approx([25, 50, 40, 100], abs=0.2)
    assert section.count('<span class="verdict slower">lost</span>') == 1
    assert "batch of 256" in section
    assert "2.05 k sample/s" in section
    assert '<a href="#ladder">Ladder</a>' in html


def test_a_report_without_ladders_has_no_such_section(tmp_path: Path) -> None:
    path = store(tmp_path / "run.jsonl", first_run())
    page = tmp_path / "report.html"
    assert main(["report", str(path), "-o", str(page)]) == 0
    assert 'id="ladder"' not in page.read_text()


def test_files_without_a_common_case_are_each_summed_up_and_the_ladder_is_led_to(tmp_path: Path) -> None:
    paths = [store(tmp_path / "run.jsonl", first_run()), store(tmp_path / "ladder.jsonl", list(RECORDS))]
    found = summary(gather([(str(path), load_one(path)) for path in paths]))
    assert found.sentence == (
        "No case was timed in the first run and in another. run.jsonl: 4 cases measured on cpu; 1 broken; "
        "torch.compile is faster in 1 of 2 cases, slower in 1. ladder.jsonl: 4 cases measured on cpu."
    )
    (ladder,) = [finding for finding in found.findings if finding.name == "digits.ladder"]
    assert ladder.word == "ladder up to my_own"
    assert ladder.evidence.startswith("4.00 [3.")
    assert main(["report", *map(str, paths), "-o", str(tmp_path / "report.html")]) == 0
    html = (tmp_path / "report.html").read_text()
    for finding in found.findings:
        assert f'id="{finding.target}"' in html
