"""`torchpace report`: one page from records, which says what was found, how sure it is, and what is not known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.cli import main
from tests.reports import stored
from tests.reports.asked import report
from tests.reports.parsed import Page, words

PROSE = ("summary", "data")
TABLES = ("compare", "timing", "memory", "compile", "roofline", "method")


def test_a_page_opens_from_disk_and_asks_for_nothing(folder: Path) -> None:
    page = Page(text := report("a.jsonl", "b.jsonl"))
    assert page.open == []
    assert "http:" not in text
    assert "https:" not in text
    assert (page.loaded, page.handlers) == ([], [])
    assert page.scripts == ["application/json", ""]
    assert all(target.startswith("#") for target in page.targets)


@pytest.mark.parametrize(
    ("sources", "absent"),
    [
        (["a.jsonl"], {"compare", "roofline"}),
        (["b.jsonl"], {"compare", "compile", "roofline"}),
        (["a.jsonl", "b.jsonl"], {"roofline"}),
    ],
)
def test_every_section_is_there_with_its_figures_or_its_reason(
    folder: Path, sources: list[str], absent: set[str]
) -> None:
    text = report(*sources)
    sections = {id: re.findall(rf'<section id="{id}">(.*?)</section>', text, re.S) for id in (*PROSE, *TABLES)}
    assert {id: len(found) for id, found in sections.items()} == dict.fromkeys(sections, 1)
    assert {id for id in TABLES if "Not available, because" in sections[id][0]} == absent
    assert {id for id in TABLES if "<table" in sections[id][0]} == set(TABLES) - absent
    assert all(words(sections[id][0]).strip() for id in PROSE)


def test_what_is_absent_says_why(folder: Path) -> None:
    text = words(report("b.jsonl"))
    assert "no compiled case was measured" in text
    assert "one run was given; name two or more files" in text
    assert "ceilings of computing, memory and dispatch were not measured" in text


def test_every_row_has_an_id_of_its_own_and_every_link_leads_somewhere(folder: Path) -> None:
    page = Page(report("a.jsonl", "b.jsonl"))
    page.check()
    assert len(page.rows) > 10


def test_ids_stay_the_same_when_other_cases_come(folder: Path) -> None:
    stored.store(Path("less.jsonl"), stored.first_run()[3:])
    more, less = (Page(report(source)) for source in ("a.jsonl", "less.jsonl"))
    assert {id for id in less.rows if id.startswith("time-mnist.infer")} <= set(more.rows)


def test_what_is_not_known_is_never_zero(folder: Path) -> None:
    text = words(report("a.jsonl"))
    assert "not available , because torch finds no CUDA device" in text
    assert "broken , because ValueError: oops at perf.py:3" in text
    compiled = re.search(r'<tr id="compile-mnist.infer.*?</tr>', report("a.jsonl"), re.S)
    assert compiled
    assert "never" in words(compiled[0])
    assert words(compiled[0]).count("—") == 4  # warm, graphs, breaks, recompiles


def test_differences_between_environments_are_pointed_out(folder: Path) -> None:
    rows = dict(re.findall(r'<tr id="fact-(\w+)-\w+"([^>]*)>', report("a.jsonl", "b.jsonl")))
    assert [name for name, found in rows.items() if "differs" in found] == ["threads", "commit", "torch"]
    assert "differs" not in words(report("a.jsonl"))


def test_a_command_measures_the_same_workloads_again(folder: Path) -> None:
    text = words(report("a.jsonl"))
    assert "torchpace run mnist.train mnist.infer choice.rate data.load --launches 3" in text
    assert "torchpace report a.jsonl -o out.html" in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["missing.jsonl"], "cannot read missing.jsonl: No such file"),
        (["empty.jsonl"], "empty.jsonl is empty"),
        (["damaged.jsonl"], "damaged.jsonl:2: not JSON"),
        (["a.jsonl", "nothing"], "nothing holds no results of"),
        (["foreign.json"], "neither pytest-benchmark's nor asv's nor records"),
        (["a.jsonl", "-o", "nothing"], "cannot write nothing: Is a directory; name another file"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    (folder / "nothing").mkdir()
    (folder / "empty.jsonl").write_text("")
    (folder / "foreign.json").write_text("{}")
    (folder / "damaged.jsonl").write_text(Path("a.jsonl").read_text().splitlines()[0] + "\nnot a record\n")
    assert main(["report", *arguments]) == 2
    captured = capsys.readouterr()
    assert expected in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_line_that_was_cut_off_is_passed_over_and_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = Path("a.jsonl").read_text()
    Path("cut.jsonl").write_text(whole + whole.splitlines()[1][:80])
    assert "cut off in the middle, passed over" in report("cut.jsonl")
    assert "cut off in the middle" in capsys.readouterr().err


def test_the_path_of_the_page_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "a.jsonl"]) == 0
    assert capsys.readouterr().out == "report in report.html\n"
    assert Path("report.html").exists()
