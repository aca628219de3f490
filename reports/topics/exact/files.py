"""Exact figures of two revisions, as files for machines: JSON for programs, JUnit for a CI's test tab. Writes none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from xml.etree import ElementTree

from bench.records.record import Case
from reports.topics.exact.figures import WHOLE_CASE, ExactRow
from reports.topics.exact.text import amounts, difference, parts_text
from reports.topics.gate.files import printable

EXACT_SCHEMA = 1
FAILS = {"worse": "failure", "broken": "error"}
SKIPPED = ("new", "missing", "n/a")


def as_json(rows: Sequence[ExactRow]) -> str:
    """The rows as JSON, schema 1: values per step in the metric's unit, parts by name."""
    cases = [
        {**asdict(row), "case": row.case.body(), "came": dict(row.came), "went": dict(row.went)} for row in rows
    ]  # fmt: skip
    body = {"schema": EXACT_SCHEMA, "kind": "exact gate", "figures": cases}
    return json.dumps(body, indent=2, allow_nan=False) + "\n"


def as_junit(rows: Sequence[ExactRow], sides: str) -> str:
    """One test per case: a worse figure fails it, broken is an error, and what is on one side only is skipped."""
    cases: dict[Case, list[ExactRow]] = {}
    for row in rows:
        cases.setdefault(row.case, []).append(row)
    kinds = {case: kind_of(found) for case, found in cases.items()}
    counts = {kind: sum(each == kind for each in kinds.values()) for kind in ("failure", "error", "skipped")}
    suite = ElementTree.Element("testsuite", {
        "name": "torchpace gate --exact", "tests": str(len(cases)), "failures": str(counts["failure"]),
        "errors": str(counts["error"]), "skipped": str(counts["skipped"]),
    })  # fmt: skip
    for case, found in cases.items():
        test = ElementTree.SubElement(suite, "testcase", {
            "classname": case.workload, "name": f"{case.label} {case.device} {case.mode}",
        })  # fmt: skip
        if kinds[case]:
            said = [told(row) for row in found if FAILS.get(row.verdict, "skipped") == kinds[case]]
            element = ElementTree.SubElement(test, kinds[case], {"message": printable("; ".join(said))})
            element.text = sides if kinds[case] == "failure" else None
    whole = ElementTree.Element("testsuites")
    whole.append(suite)
    ElementTree.indent(whole)
    return ElementTree.tostring(whole, encoding="unicode", xml_declaration=True) + "\n"


def kind_of(rows: Sequence[ExactRow]) -> str:
    """What a case is to JUnit; empty for one that passes."""
    verdicts = {row.verdict for row in rows}
    for verdict, kind in (("broken", "error"), ("worse", "failure")):
        if verdict in verdicts:
            return kind
    whole = [row for row in rows if row.metric == WHOLE_CASE]
    return "skipped" if whole and all(row.verdict in SKIPPED for row in whole) else ""


def told(row: ExactRow) -> str:
    """A row in words: 'peak_memory: worse, 1.00 MiB -> 2.00 MiB (+1.00 MiB): +1 aten::mul'."""
    what = f"{row.metric or 'the case'}: {row.verdict}"
    if row.base is not None and row.head is not None:
        base, head = amounts(row)
        what += f", {base} -> {head} ({difference(row)})"
    parts = parts_text(row.came, row.went)
    return ": ".join(filter(None, (what, "; ".join(filter(None, (parts, row.reason))))))
