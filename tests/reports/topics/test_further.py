"""A metric that is a line of the registry comes out everywhere; one that stands in no line is shown plainly."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from bench.cli import main
from bench.cli.run import show
from bench.records.metrics import METRICS, Metric
from bench.records.record import Case, Record
from reports.topics.exact.figures import compare_exact
from tests.reports import stored
from tests.reports.parsed import Page, words

ENERGY = Metric("energy", "J", "noise", "joules that the device drew in one step")
STEP, OTHER = (
    Case("net.train", 1, (), "cuda", "float32", "eager", 1),
    Case("net.infer", 1, (), "cuda", "float32", "eager", 1),
)


def records(factor: float, metric: str = "energy") -> list[Record]:
    """Two cases whose step takes as long as ever; the second draws `factor` times as much."""
    return [
        *stored.record(STEP, "step_time", *stored.times(20e-3)),
        *stored.record(STEP, metric, *stored.times(1.5)),
        *stored.record(OTHER, "step_time", *stored.times(2e-3)),
        *stored.record(OTHER, metric, *stored.times(0.0123 * factor)),
    ]


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry with one line more."""
    monkeypatch.setitem(METRICS, ENERGY.name, ENERGY)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """a.jsonl, and b.jsonl, where one case draws a third more; unknown.jsonl holds another version's metric."""
    monkeypatch.chdir(tmp_path)
    for name, factor in (("a", 1.0), ("b", 4 / 3)):
        stored.store(Path(f"{name}.jsonl"), records(factor))
        stored.store(Path(f"unknown_{name}.jsonl"), records(factor, "stride"))


def compared(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["compare", *arguments]) == 0
    return capsys.readouterr().out


def report(*sources: str) -> str:
    assert main(["report", *sources, "-o", "out.html"]) == 0
    text = Path("out.html").read_text(encoding="utf-8")
    Page(text).check()
    return text


def section(page: str) -> str:
    (found,) = re.findall(r'<section id="further">(.*?)</section>', page, re.S)
    return words(found)


def test_a_registered_metric_has_a_column_with_its_unit_in_a_runs_table(
    registered: None, runs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    show(Path("a.jsonl"), "run")
    table = capsys.readouterr().out
    assert re.search(r"throughput +energy\n", table)
    assert re.search(r"train .* 1\.50 J ± \d\.\d %\n", table)
    assert re.search(r"infer .* 12\.3 mJ ± \d\.\d %\n", table)
    assert "energy" in compared(capsys, "a.jsonl", "--format", "markdown")


def test_comparing_gives_it_a_table_and_a_verdict_by_its_direction(
    registered: None, runs: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = compared(capsys, "a.jsonl", "b.jsonl").partition("energy\n======\n")[2]
    assert re.search(r"net.train .* 1\.50 J +1\.50 J .* same", table)
    assert re.search(r"net.infer .* 12\.3 mJ +16\.4 mJ +1\.33 \[1\.3.* worse", table)
    monkeypatch.setitem(METRICS, "energy", Metric("energy", "J", "noise", "joules won back", better="higher"))
    assert re.search(r"net.infer .* 1\.33 \[1\.3.* better", compared(capsys, "a.jsonl", "b.jsonl"))


def test_machines_read_it_with_its_unit(registered: None, runs: None, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(compared(capsys, "a.jsonl", "b.jsonl", "--format", "csv"))))
    found = {row["workload"]: (row["unit"], row["verdict"]) for row in rows if row["metric"] == "energy"}
    assert found == {"net.train": ("J", "same"), "net.infer": ("J", "worse")}


def test_the_page_shows_it_with_its_direction_and_leads_to_what_changed(registered: None, runs: None) -> None:
    alone = report("a.jsonl")
    assert '<a href="#further">Further figures</a>' in alone
    assert "joules that the device drew in one step; lower is better." in section(alone)
    assert "12.3 mJ ±" in section(alone)
    both = report("a.jsonl", "b.jsonl")
    assert re.search(r"16\.4 mJ ± \S+ % 1\.33 \[\S+ \S+\] worse", section(both))
    assert re.search(r'<b class="slower">more energy</b> <a href="#figure-energy-net.infer', both)


def test_a_metric_of_another_version_is_shown_plainly(runs: None, capsys: pytest.CaptureFixture[str]) -> None:
    table = compared(capsys, "unknown_a.jsonl")
    assert re.search(r"throughput +stride\n", table)
    assert re.search(r"train .* 1\.50 ±", table)
    table = compared(capsys, "unknown_a.jsonl", "unknown_b.jsonl").partition("stride\n======\n")[2]
    assert re.search(r"net.infer .* 1\.33 \[1\.3.* changed", table)
    page = report("unknown_a.jsonl", "unknown_b.jsonl")
    assert "unknown to this version of torchpace; which way is better is not known." in section(page)
    assert ">stride changed</b>" in page


def test_an_exact_figure_that_only_another_version_knows_is_compared_and_not_judged() -> None:
    sides = [stored.record(STEP, "stride", (value,)) for value in (1.0, 2.0)]
    (row,) = compare_exact(*sides)
    assert (row.metric, row.base, row.head, row.verdict) == ("stride", 1.0, 2.0, "changed")


def test_a_case_of_which_nothing_else_was_measured_is_in_the_tables(
    registered: None, runs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    stored.store(Path("only.jsonl"), stored.record(STEP, "energy", *stored.times(1.5)))
    assert re.search(r"train +1\.50 J ±", compared(capsys, "only.jsonl"))
    assert "1.50 J" in section(report("only.jsonl"))


def test_runs_without_such_a_metric_have_no_such_section(folder: Path) -> None:
    assert 'id="further"' not in report("a.jsonl", "b.jsonl")
