"""The judge of exact figures: what it calls changed, what it names, and every way in which a side can be missing."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from bench.records.record import Case, Record
from reports.topics.exact.figures import ExactRow, compare_exact
from reports.topics.exact.files import as_json, as_junit
from reports.topics.exact.section import as_html
from reports.topics.exact.text import exact_text

CASE = Case("modules.linear", 1, (("batch", 64),), "cpu", "float32", "eager", 1)
OTHER = replace(CASE, workload="modules.mlp", point=())


def record(metric: str, value: float | None = None, case: Case = CASE, **parts: float) -> Record:
    """A record of an exact metric; the names of parts are written with _ for ::."""
    named = tuple((name.replace("_", "::", 1), number) for name, number in sorted(parts.items()))
    total = sum(parts.values()) if value is None else value
    return Record("run", "e", case, metric, values=(float(total),), parts=named)


def failed(status: str, reason: str, case: Case = CASE, metric: str = "ops") -> Record:
    return Record("run", "e", case, metric, status=status, reason=reason)  # type: ignore[arg-type]


def only(base: list[Record], head: list[Record]) -> ExactRow:
    (row,) = compare_exact(base, head)
    return row


def test_the_same_figures_are_the_same() -> None:
    records = [record("ops", aten_add=2), record("peak_memory", 4096), record("parameters", 0)]
    rows = compare_exact(records, records)
    assert [row.verdict for row in rows] == ["same"] * 3
    assert exact_text(rows) == "1 case, 3 figures: 3 same."


@pytest.mark.parametrize(
    "metric",
    ["peak_memory", "bytes_allocated", "ops", "kernels", "flops", "graph_breaks", "graphs", "recompiles", "parameters"],
)
def test_more_is_worse_and_less_is_better(metric: str) -> None:
    assert only([record(metric, 4)], [record(metric, 5)]).verdict == "worse"
    assert only([record(metric, 5)], [record(metric, 4)]).verdict == "better"
    assert only([record(metric, 0)], [record(metric, 1)]).verdict == "worse"


def test_what_came_and_went_is_named() -> None:
    row = only([record("ops", aten_addcmul=1, aten_add=3)], [record("ops", aten_mul=2, aten_add=4)])
    assert row.came == (("aten::add", 1), ("aten::mul", 2))
    assert row.went == (("aten::addcmul", 1),)
    assert "ops: +2 aten::mul, +1 aten::add, -1 aten::addcmul" in exact_text([row])


def test_other_parts_of_the_same_sum_are_a_change() -> None:
    row = only([record("ops", aten_sin=1)], [record("ops", aten_cos=1)])
    assert (row.verdict, row.came, row.went) == ("changed", (("aten::cos", 1),), (("aten::sin", 1),))
    assert "1 changed" in exact_text([row])


def breaks(*places: str) -> Record:
    parts = tuple((f"item() at {place}", 1.0) for place in sorted(places))
    return Record("run", "e", CASE, "graph_breaks", values=(float(len(places)),), parts=parts)


def test_a_line_that_moved_is_no_other_graph_break() -> None:
    assert only([breaks("w/a.py:10")], [breaks("w/a.py:12")]).verdict == "same"
    row = only([breaks("w/a.py:10")], [breaks("w/a.py:12", "w/b.py:3")])
    assert (row.verdict, row.came, row.went) == ("worse", (("item() at w/b.py:3", 1),), ())
    assert only([breaks("w/a.py:10")], [breaks("w/b.py:10")]).verdict == "changed"


def test_no_record_of_flops_or_kernels_is_none_of_them() -> None:
    ops = record("ops", aten_add=1)
    row = next(row for row in compare_exact([ops], [ops, record("flops", aten_mm=512)]) if row.metric == "flops")
    assert (row.base, row.head, row.verdict, row.came) == (0, 512, "worse", (("aten::mm", 512),))
    back = next(row for row in compare_exact([ops, record("kernels", cpp=1)], [ops]) if row.metric == "kernels")
    assert (back.base, back.head, back.verdict) == (1, 0, "better")


def counts(*values: float) -> Record:
    return Record("run", "e", CASE, "instructions", values=values)


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        ((1000,) * 5, (1003,) * 5, "same"),
        ((1000,) * 5, (1004,) * 5, "worse"),
        ((1000,) * 5, (990,) * 5, "better"),
        ((990, 995, 1000, 1005, 1010), (1025,) * 5, "same"),  # 3 x a spread of 1 %
        ((990, 995, 1000, 1005, 1010), (1040,) * 5, "worse"),
    ],
)
def test_instructions_have_a_noise_floor(base: tuple[float, ...], head: tuple[float, ...], verdict: str) -> None:
    assert only([counts(*base)], [counts(*head)]).verdict == verdict


def test_a_case_on_one_side_only_is_new_or_missing() -> None:
    here, there = record("ops", aten_add=1), record("ops", case=OTHER, aten_add=1)
    rows = compare_exact([here], [there])
    assert [(row.case, row.metric, row.verdict) for row in rows] == [(CASE, "", "missing"), (OTHER, "", "new")]
    text = exact_text(rows)
    assert "- modules.linear(batch=64) cpu float32 eager: in base only" in text
    assert text.endswith("2 cases, 0 figures; cases 1 new, 1 missing.")


def test_a_case_that_is_broken_says_on_which_side_and_why() -> None:
    row = only([record("ops", aten_add=1)], [failed("broken", "ValueError: no")])
    assert (row.verdict, row.base_reason, row.head_reason) == ("broken", "", "ValueError: no")
    assert "broken (head: ValueError: no)" in exact_text([row])
    both = only([failed("broken", "a")], [failed("broken", "a")])
    assert (both.verdict, both.reason) == ("broken", "a")
    assert only([failed("broken", "a")], [record("ops", aten_add=1)]).reason == "base: a"


def test_a_case_of_another_version_is_said_and_not_compared() -> None:
    newer = replace(CASE, version=2)
    row = only([record("ops", aten_add=1)], [record("ops", case=newer, aten_add=5)])
    assert (row.metric, row.verdict) == ("", "n/a")
    assert "version 1 became 2" in row.reason


def test_a_case_that_became_unavailable_is_missing_with_the_reason() -> None:
    row = only([record("ops", aten_add=1), record("graphs", 1)], [failed("unavailable", "nothing to compile")])
    assert (row.metric, row.verdict, row.reason) == ("", "missing", "head: nothing to compile")
    gone = only([failed("unavailable", "no GPU")], [failed("unavailable", "no GPU")])
    assert (gone.verdict, gone.reason) == ("n/a", "no GPU")


def test_figures_that_neither_side_has_are_counted_with_their_reason() -> None:
    cases = [replace(CASE, point=(("batch", size),)) for size in range(5)]
    side = [
        r for case in cases for r in (record("ops", 1, case), failed("unavailable", "no counter", case, "instructions"))
    ]
    text = exact_text(compare_exact(side, side))
    assert "- 5 cases: instructions not available (no counter)" in text
    assert text.endswith("5 cases, 5 figures: 5 same; 5 figures not available.")


def test_a_figure_that_one_side_lacks_is_said() -> None:
    ops = record("ops", aten_add=1)
    rows = compare_exact([ops, record("peak_memory", 8)], [ops, failed("unavailable", "workers", metric="peak_memory")])
    row = next(row for row in rows if row.metric == "peak_memory")
    assert (row.verdict, row.base, row.head, row.reason) == ("missing", 8, None, "head: workers")


CHANGED = compare_exact(
    [
        record("peak_memory", 1_304_000),
        record("bytes_allocated", 1024),
        record("ops", aten_add=2),
        record("flops", aten_mm=2e9),
    ],
    [
        record("peak_memory", 1_304_008),
        record("bytes_allocated", 3072),
        record("ops", aten_add=3),
        record("flops", aten_mm=3e9),
    ],
)


def test_the_table_shows_every_change_with_its_size() -> None:
    text = " ".join(exact_text(CHANGED).split())
    assert "peak_memory 1,304,000 B 1,304,008 B +8 B worse" in text
    assert "bytes_allocated 1.00 KiB 3.00 KiB +2.00 KiB worse" in text
    assert "ops 2 3 +1 worse" in text
    assert "flops 2.00 G 3.00 G +1.00 G worse" in text
    assert "flops: +1.00 G aten::mm" in text
    assert text.endswith("1 case, 4 figures: 4 worse.")


def test_markdown_is_markdown() -> None:
    text = exact_text(CHANGED, "markdown")
    assert text.startswith("### Exact figures\n\n| workload")
    assert (
        "\n### What came and went\n\n- modules.linear(batch=64) cpu float32 eager, flops: +1.00 G `aten::mm`\n" in text
    )


def test_a_long_list_of_parts_is_cut_and_says_so() -> None:
    base, head = record("ops", aten_add=1), record("ops", **{f"aten_op{index}": index for index in range(1, 21)})
    text = exact_text([only([base], [head])])
    assert "+20 aten::op20" in text
    assert "and 13 more" in text
    assert "aten::op3," not in text


def every_kind() -> list[ExactRow]:
    third, fourth = replace(OTHER, workload="modules.dies"), replace(OTHER, workload="modules.still")
    base = [record("ops", aten_add=2), record("peak_memory", 4096), record("ops", 1, third), record("ops", 1, fourth)]
    head = [
        record("ops", aten_add=2, aten_mul=1), record("peak_memory", 8192), record("ops", 1, OTHER),
        failed("broken", "ValueError: <img src=x> \x00", third), record("ops", 1, fourth),
    ]  # fmt: skip
    return compare_exact(base, head)


def test_junit_fails_what_is_worse_and_skips_what_did_not_run() -> None:
    suite = ElementTree.fromstring(as_junit(every_kind(), "a -> b"))[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4", "failures": "1", "errors": "1", "skipped": "1",
    }  # fmt: skip
    kinds = {test.get("classname"): [(child.tag, child.get("message")) for child in test] for test in suite}
    ((kind, message),) = kinds["modules.linear"]
    assert kind == "failure"
    assert message == "peak_memory: worse, 4.00 KiB -> 8.00 KiB (+4.00 KiB); ops: worse, 2 -> 3 (+1): +1 aten::mul"
    assert kinds["modules.mlp"] == [("skipped", "the case: new")]
    assert kinds["modules.dies"][0][0] == "error"
    assert kinds["modules.still"] == []


def test_the_page_has_every_change_and_no_markup_of_others() -> None:
    found = as_html(every_kind(), "main <b>", "working tree", "torchpace gate --exact")
    assert "8.00 KiB" in found
    assert "+1 aten::mul" in found
    assert "<img" not in found
    assert "main &lt;b&gt;" in found
    assert as_html([], "a", "b", "c")


def test_json_is_what_was_found() -> None:
    body = json.loads(as_json(every_kind()))
    assert body["kind"] == "exact gate"
    assert {(row["metric"], row["verdict"]) for row in body["figures"]} >= {("ops", "worse"), ("", "new")}
