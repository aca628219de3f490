"""The first sentence of a profile, a profile as text, and before and after."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import main
from bench.records.profile_notes import Notes
from reports.page.report import said_of
from reports.profiles.profile import Profile
from reports.profiles.say.difference import difference
from reports.profiles.say.headline import headline
from reports.profiles.say.text import MOST_BYTES, as_text
from reports.profiles.shape.windows import middle
from tests.conftest import ROOT
from tests.reports.stored import case
from tests.traces.events import Events, event, op, step, write
from tests.traces.one import read_one

TRACES = ROOT / "tests" / "data" / "traces"
LONG = "void at::native::" + "x" * 300 + "<img src=x>"


def steps(parts: Events, lengths: tuple[float, ...] = (1000, 1000, 1000)) -> Events:
    """Steps one after the other, each with the parts at the same places in it."""
    found: Events = []
    at = 0.0
    for number, length in enumerate(lengths):
        found.append(step(number, at, length))
        found += [{**part, "ts": part["ts"] + at} for part in parts]
        at += length
    return found


def profile_of(path: Path, parts: Events, lengths: tuple[float, ...] = (1000, 1000, 1000)) -> Profile:
    return read_one(write(path, steps(parts, lengths)))


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([op("aten::convolution", 0, 610), op("aten::relu", 620, 300)],
         "61 % of the step (610 µs of 1.00 ms) is aten::convolution, in 1 call."),
        ([op("enumerate(DataLoader)#_Iter.__next__", 0, 700), op("aten::mm", 710, 200)],
         "70 % of the step (700 µs of 1.00 ms) is waiting for the DataLoader."),
        ([op("aten::mm", 0, 200)], "80 % of the step (800 µs of 1.00 ms) is outside of operators: Python, or waiting."),
        ([op(f"aten::f{n}", 100 * n, 95) for n in range(10)],
         "No part of the step is large: the largest, 9.5 % of the step (95.0 µs of 1.00 ms), is aten::f0, in 1 call."),
    ],
)  # fmt: skip
def test_the_first_sentence_says_where_the_time_goes(tmp_path: Path, parts: Events, says: str) -> None:
    assert headline(profile_of(tmp_path / "t.json", parts)) == says


def test_where_threads_overlap_the_share_is_of_what_operators_take(tmp_path: Path) -> None:
    parts = [op("aten::mm", 0, 900), event("cpu_op", "aten::mul", 0, 300, 2)]
    said = headline(profile_of(tmp_path / "t.json", parts))
    assert said == "75 % of what operators take (900 µs of 1.20 ms) is aten::mm, in 1 call."


def test_how_near_an_operator_comes_to_the_roof_is_said_where_both_are_known(tmp_path: Path) -> None:
    found = profile_of(tmp_path / "t.json", [op("aten::mm", 0, 800)])
    notes = Notes(case("mine.step"), {"torch": "2"}, flops={"aten::mm": 8_000_000})
    known = replace(found, notes=notes)
    assert headline(known, {"float32": 20e9}).endswith(", at 50 % of the FLOP/s that products reach on this machine.")
    assert "FLOP" not in headline(known)


def test_every_format_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = {}
    for style in ("table", "markdown", "csv", "json"):
        path = str(TRACES / "h200_streams.json.gz")
        assert main(["profile", "--trace", path, "-o", str(tmp_path), "--format", style]) == 0
        captured = capsys.readouterr()
        shown[style] = captured.out
        assert captured.err == f"{tmp_path / 'report.html'}\n"
    (body,) = json.loads(shown["json"])
    assert body["headline"].startswith("87 % of the device's work (1.71 ms of 1.97 ms) is aten::mm")
    assert all(body["headline"] in text for text in shown.values())
    rows = list(csv.DictReader(io.StringIO(shown["csv"])))
    assert {row["kind"] for row in rows} == {
        "headline", "finding", "device breakdown", "CPU breakdown", "operator", "kernel",
    }  # fmt: skip
    own = [row for row in rows if row["kind"] == "operator"]
    assert [(row["name"], float(row["seconds"])) for row in own] == [
        (line["name"], line["seconds"]) for line in body["lines"] if line["kind"] == "operator"
    ]
    assert "torchpace report --diff" in shown["markdown"]


def test_markdown_fits_into_a_comment_and_is_not_markup(tmp_path: Path) -> None:
    parts = [op(f"aten::{number}{LONG}|@team", number * 10, 9) for number in range(100)]
    found = profile_of(tmp_path / "t.json", parts)
    for count in (1, 3, 60):
        text = as_text([said_of(found, [])] * count, "markdown", "torchpace gate --base HEAD")
        assert len(text.encode()) <= MOST_BYTES
        assert "<img" not in text
        assert text.endswith("Next: `torchpace gate --base HEAD`")


def test_the_page_begins_with_the_answer_and_names_its_profile_once(tmp_path: Path) -> None:
    path = str(TRACES / "h200_lag.json.gz")
    assert main(["profile", "--trace", path, "-o", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text()
    body = page.partition("<main")[2] or page.partition("<body")[2]
    assert body.index("of the step (17.0 ms of 17.1 ms) is aten::mm") < body.index("What stands out")
    assert body.count(">h200_lag.json.gz</") == 1 + body.count("<code>h200_lag.json.gz</code>")


def test_a_disturbed_step_is_in_no_difference_and_more_calls_come_first(tmp_path: Path) -> None:
    base = [op("aten::fill_", 0, 100), op("aten::sort", 200, 50)]
    head = [*base, op("aten::sort", 300, 50)]
    usual, disturbed = (1000.0,) * 8, (1000.0,) * 5 + (9000.0,) * 3
    before = read_one(write(tmp_path / "a.json", steps(base, usual)), chosen=middle)
    slow = steps(head, disturbed)
    for each in slow:
        if each["name"] == "aten::fill_" and each["ts"] >= 5000:
            each["dur"] = 8000
    for each in slow:  # what comes after a long fill begins later
        if each["name"] == "aten::sort" and each["ts"] >= 5000:
            each["ts"] += 8000
    after = read_one(write(tmp_path / "b.json", slow), chosen=middle)
    found = difference(before, after)
    first = found.changes["operators"][0]
    assert (first.name, first.calls_before, first.calls_after, first.is_certain) == ("aten::sort", 1, 2, True)
    for side in (before, after):
        assert sum(side.phases.mean_s(name) for name in side.phases.names) == pytest.approx(side.steps.mean_s)


def test_what_not_every_step_calls_is_no_certain_change(tmp_path: Path) -> None:
    def every_second(path: Path, count: int) -> Profile:
        parts: Events = []
        for number in range(count):
            parts += [step(number, 1000 * number, 1000), op("aten::mm", 1000 * number, 500)]
            if number % 2 == 0:
                parts.append(op("aten::_foreach_add_", 1000 * number + 600, 100))
        return read_one(write(path, parts), chosen=middle)

    found = difference(every_second(tmp_path / "a.json", 8), every_second(tmp_path / "b.json", 9))
    assert not any(change.is_certain for change in found.changes["operators"])


def test_how_much_steps_differ_is_that_of_all_that_were_recorded(tmp_path: Path) -> None:
    lengths = tuple(1000.0 + 100 * (number % 5) for number in range(20))
    sides = [
        read_one(write(tmp_path / f"{name}.json", steps([op("aten::mm", 0, 500)], lengths)), chosen=middle)
        for name in "ab"
    ]
    found = difference(*sides)
    assert found.noise_s == pytest.approx(1.4826 * 100e-6)
