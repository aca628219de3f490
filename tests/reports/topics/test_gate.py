"""From trials to rows, and from rows to text, Markdown, JUnit, JSON and HTML."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from bench.cli.gate.command import BROKEN, PASSED, SLOWER, UNDECIDED, exit_code
from bench.records.record import Case, Environment, Record
from reports.stats.sequential import LOOKS, Rule
from reports.topics.gate.figures import GateRow, Jury, Limit, paired, trials_of
from reports.topics.gate.files import as_json, as_junit
from reports.topics.gate.section import as_html
from reports.topics.gate.text import Headline, change, machine_line, markdown, text
from tests.reports.golden import kept
from tests.reports.stored import case

NASTY = "</script><img src=x onerror=alert(1)> \x00 \N{PILE OF POO}"
ENVIRONMENT = Environment(
    (("torch", "2.15.0"), ("python", "3.11.7"), ("cpu", "Example CPU"), ("cores", 2), ("os", "Linux 6"),
     ("affinity", "1 of 0,1 per trial"), ("lanes", 2))
)  # fmt: skip
HEADLINE = Headline(
    "origin/main (0123456789)", "working tree (abcdef0123)", machine_line([ENVIRONMENT]),
    "torchpace gate --base origin/main", Rule(), ("trials: results/gate.jsonl",),
)  # fmt: skip


def records(case: Case, trial: int, ratio: float, **broken: str) -> dict[str, Record]:
    """One trial's records of a 1 ms step; a side named in `broken` failed so."""
    values = {"base": (1e-3,) * 5, "head": (ratio * 1e-3,) * 5}
    found = {}
    for name in ("base", "head"):
        record = Record(f"gate/{name}", "e", case, "step_time", values=values[name], launch=trial)
        found[name] = replace(record, status="broken", values=(), reason=broken[name]) if name in broken else record
    return found


def heard(jury: Jury, case: Case, change: float, spread: float, trials: int = 12) -> None:
    """Trials around a change; their spread alternates."""
    for trial in range(trials):
        jury.hear(case, records(case, trial, math.exp(change + spread * (-1) ** trial)), 0.5)


@pytest.fixture
def rows() -> list[GateRow]:
    names = ("slow", "fast", "still", "noisy", "dies", "absent")
    cases = {name: case(f"planted.{name}") for name in names}
    jury = Jury(list(cases.values()), Rule())
    heard(jury, cases["slow"], 0.10, 0.004)
    heard(jury, cases["fast"], -0.20, 0.004)
    heard(jury, cases["still"], 0.001, 0.004)
    heard(jury, cases["noisy"], 0.02, 0.08)
    jury.hear(cases["dies"], records(cases["dies"], 0, 1.0, head=f"ValueError: {NASTY} at perf.py:3"))
    jury.hear(cases["absent"], {
        name: replace(record, status="unavailable", values=(), reason="no GPU")
        for name, record in records(cases["absent"], 0, 1.0).items()
    })  # fmt: skip
    _, others = paired([case("planted.old")], [case("planted.new")])
    return [*jury.close(), *others]


def by_name(rows: list[GateRow]) -> dict[str, GateRow]:
    return {row.case.workload.removeprefix("planted."): row for row in rows}


def test_every_kind_of_verdict_is_reached(rows: list[GateRow]) -> None:
    found = by_name(rows)
    assert {name: row.verdict for name, row in found.items()} == {
        "slow": "slower", "fast": "faster", "still": "same", "noisy": "undecided", "dies": "broken", "absent": "n/a",
        "old": "missing", "new": "new",
    }  # fmt: skip
    assert found["slow"].head == pytest.approx(1.105e-3, rel=0.01)
    assert found["noisy"].needed_s is None  # more trials than any case gets
    assert rows[0].verdict == "slower"


def test_a_decided_or_broken_case_is_not_open_and_a_suspect_comes_first() -> None:
    slow, still, broken, fresh = (case(f"planted.{name}") for name in ("slow", "still", "broken", "fresh"))
    jury = Jury([slow, still, broken, fresh], Rule())
    heard(jury, slow, 0.05, 0.05, LOOKS[0])
    heard(jury, still, 0.0, 0.001, LOOKS[0])
    jury.hear(broken, records(broken, 0, 1.0, base="it raised"))
    assert jury.open() == ([], [slow], [fresh])
    assert jury.trials() == {slow: LOOKS[0], still: LOOKS[0], broken: 1, fresh: 0}


def test_a_plain_case_is_the_most_urgent_and_told_once() -> None:
    plain, fresh = case("planted.plain"), case("planted.fresh")
    jury = Jury([plain, fresh], Rule())
    heard(jury, plain, math.log(2), 0.01, 1)
    assert jury.open() == ([plain], [], [fresh])
    assert jury.news() == []
    heard(jury, plain, math.log(2), 0.01, 3)
    assert jury.open() == ([], [], [plain, fresh])  # it is known, and how large it is not yet
    (line,) = jury.news()
    assert line.startswith("slower: planted.plain")
    assert "× 2.0" in line
    assert jury.news() == []


def test_a_workload_of_another_version_is_not_compared() -> None:
    both, rows = paired([case("planted.a", version=1)], [case("planted.a", version=2)])
    assert both == []
    assert [row.verdict for row in rows] == ["new"]
    assert "version 1 to 2" in rows[0].reason


def test_stored_trials_are_found_again_whatever_is_missing(rows: list[GateRow]) -> None:
    one, two = case("planted.one"), case("planted.two")
    stored = [*records(one, 0, 1.1).values(), *records(two, 0, 1.2).values(), records(two, 1, 1.3)["base"]]
    found = trials_of(stored, "gate")
    assert [(case, records["head"].values[0]) for case, records in found] == [(one, 1.1e-3), (two, 1.2e-3)]
    assert trials_of(stored, "another") == []


@pytest.mark.parametrize(
    ("verdicts", "undecided", "code"),
    [
        (["same"], "fail", PASSED), (["same", "faster", "new"], "fail", PASSED),
        (["slower", "undecided"], "fail", SLOWER), (["undecided"], "fail", UNDECIDED),
        (["undecided"], "pass", PASSED), (["n/a"], "fail", BROKEN), ([], "fail", BROKEN),
    ],
)  # fmt: skip
def test_exit_codes(verdicts: list[str], undecided: str, code: int) -> None:
    assert exit_code([GateRow(case("a.b"), verdict) for verdict in verdicts], undecided) == code


def test_only_what_the_head_breaks_fails_the_gate() -> None:
    same = GateRow(case("a.b"), "same")
    assert exit_code([same, GateRow(case("a.c"), "broken", reason="head: it raised")], "fail") == BROKEN
    assert exit_code([same, GateRow(case("a.c"), "broken", reason="base: it raised")], "fail") == PASSED


@pytest.mark.parametrize(("name", "render"), [("gate", text), ("gate_markdown", markdown)])
def test_golden_gate(rows: list[GateRow], name: str, render: object) -> None:
    assert callable(render)
    found = render([row for row in rows if row.case.workload != "planted.dies"], HEADLINE)
    assert found == kept(name, found)


def test_what_was_allowed_says_by_whom_and_passes() -> None:
    slow, other = case("planted.slow"), case("planted.other")
    jury = Jury([slow, other], Rule(), {slow: Limit(0.15, "up to +15 %: the new layer needs it")})
    heard(jury, slow, 0.10, 0.004)
    heard(jury, other, 0.0, 0.001)
    found = jury.close()
    assert [row.verdict for row in found] == ["allowed", "same"]
    assert exit_code(found) == PASSED
    said = text(found, HEADLINE)
    assert "allowed: planted.slow" in said
    assert "the new layer needs it" in said
    assert said.endswith("No case is slower: 1 allowed, 1 same.")
    assert "the new layer needs it" in markdown(found, HEADLINE)
    assert "allowed" in as_html(found, HEADLINE)
    assert ElementTree.fromstring(as_junit(found, HEADLINE))[0].get("failures") == "0"
    again = Jury([slow], Rule(), jury.limits)
    heard(again, slow, 0.20, 0.004)  # made slower again
    assert [row.verdict for row in again.close()] == ["slower"]


def test_likely_slower_is_no_pass_and_says_what_is_missing() -> None:
    slow = case("planted.slow")
    jury = Jury([slow, *[case(f"planted.{number}") for number in range(30)]], Rule())
    for trial, more in enumerate((0.20, 0.24, 0.15, 0.30, 0.22)):
        jury.hear(slow, records(slow, trial, math.exp(more)), 2.0)
    (row,) = (row for row in jury.close() if row.case == slow)
    assert row.verdict == "likely slower"
    assert exit_code([row]) == UNDECIDED
    said = text([row], HEADLINE)
    assert "1 of 1 cases is likely slower, and not yet decided" in said
    assert "by itself; to be as sure of it among all cases takes about" in said
    assert "No case" not in said


def test_an_interval_is_written_alike_from_end_to_end() -> None:
    row = GateRow(case("planted.wild"), "undecided", 1.5, 0.213, 11.1)
    assert change(row) == "× 1.50 [× 0.213, × 11.1]"
    assert change(replace(row, low=0.9, high=1.7)) == "+50.0 % [-10.0 %, +70.0 %]"


def test_how_much_would_have_been_found_says_of_how_many_cases() -> None:
    known, unknown = (
        GateRow(case(f"planted.{n}"), "undecided", 1.0, 0.9, 1.1, size) for n, size in ((1, 0.28), (2, None))
    )
    assert "in half of the cases, and" in text([known], HEADLINE)
    assert "in half of the 1 cases with trials enough to say so (1 have not)" in text([known, unknown], HEADLINE)


def test_junit_is_xml_that_fails_what_is_slower(rows: list[GateRow]) -> None:
    suite = ElementTree.fromstring(as_junit(rows, HEADLINE))[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "8", "failures": "1", "errors": "1", "skipped": "4",
    }  # fmt: skip
    kinds = {element.get("classname"): [child.tag for child in element] for element in suite}
    assert kinds["planted.slow"] == ["failure", "system-out"]
    assert kinds["planted.dies"] == ["error"]
    assert kinds["planted.still"] == ["system-out"]
    times = {element.get("classname"): element.get("time") for element in suite}
    assert times["planted.still"] == "6.000"  # of its trials, not of a step

    # A part that grew in a case that is the same passes, unless that is asked to fail.
    small = [replace(row, slower_part="+0.2 % in aten::sort") for row in rows if row.verdict == "same"]
    assert ElementTree.fromstring(as_junit(small, HEADLINE))[0].get("failures") == "0"
    suite = ElementTree.fromstring(as_junit(small, HEADLINE, parts_fail=True))[0]
    assert suite.get("failures") == str(len(small)) == "1"
    (failure,) = suite.iter("failure")
    assert "aten::sort" in str(failure.get("message"))


def test_json_holds_every_row(rows: list[GateRow]) -> None:
    body = json.loads(as_json(rows, HEADLINE, 1))
    assert body["exit_code"] == 1
    assert [row["verdict"] for row in body["cases"]] == [row.verdict for row in rows]
    assert body["cases"][0]["case"]["point"] == {"batch": 64}
    assert body["rule"]["slower_than"] == Rule().slower_than


def test_markdown_holds_each_case_once_and_no_markup_of_what_raised(rows: list[GateRow]) -> None:
    found = markdown(rows, HEADLINE)
    for row in rows:  # once in a table, whatever is said of it besides
        assert sum(f" {row.case.label} " in line and line[:1] == "|" for line in found.splitlines()) <= 1
    assert "<img" not in found
    assert "&lt;img" in found


def test_html_runs_nothing_and_loads_nothing(rows: list[GateRow]) -> None:
    page = as_html(rows, HEADLINE)
    assert "default-src 'none'" in page.partition("</head>")[0]
    assert page.count("<script") == page.count("</script") == 1  # ours, which the policy names; tests/test_pages.py
    assert "<img" not in page
    assert "&lt;img" in page
    assert "http:" not in page
    assert "https:" not in page
    for row in rows:
        assert row.case.label in page
    assert as_html([], HEADLINE)
