"""What a gate found, as files for machines: JSON for programs, JUnit for a CI's test tab. Writes no file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from reports.topics.gate.figures import GateRow
from reports.topics.gate.text import Headline, change, sentence

GATE_SCHEMA = 1


def as_json(rows: Sequence[GateRow], headline: Headline, exit_code: int) -> str:
    """The rows with everything that they were decided by. Schema 1; times in seconds, ratios are head / base."""
    body: dict[str, Any] = {
        "schema": GATE_SCHEMA, "kind": "gate", "verdict": sentence(rows), "exit_code": exit_code, "base": headline.base,
        "head": headline.head, "machine": headline.machine, "command": headline.command,
        "rule": asdict(headline.rule), "notes": list(headline.notes),
        "cases": [{**asdict(row), "case": row.case.body()} for row in rows],
    }  # fmt: skip
    return json.dumps(body, indent=2, allow_nan=False) + "\n"


def as_junit(rows: Sequence[GateRow], headline: Headline) -> str:
    """One test per case: slower fails, broken is an error, whatever was not decided or compared is skipped.

    A test's time is that of its trials; the steps' times are its output.
    """
    kinds = {"slower": "failure", "broken": "error"}
    passed = ("same", "faster", "allowed")
    suite = ElementTree.Element("testsuite", {
        "name": "torchpace gate",
        "tests": str(len(rows)),
        "failures": str(sum(row.verdict == "slower" for row in rows)),
        "errors": str(sum(row.verdict == "broken" for row in rows)),
        "skipped": str(sum(row.verdict not in (*kinds, *passed) for row in rows)),
    })  # fmt: skip
    for row in rows:
        case = ElementTree.SubElement(suite, "testcase", {
            "classname": row.case.workload,
            "name": f"{row.case.label} {row.case.device} {row.case.mode}",
            "time": f"{row.took_s:.3f}",
        })  # fmt: skip
        if row.verdict not in passed:
            message = f"{row.verdict}: {'; '.join(filter(None, (change(row) if row.ratio else '', row.reason)))}"
            element = ElementTree.SubElement(case, kinds.get(row.verdict, "skipped"), {"message": printable(message)})
            if row.verdict == "slower":
                element.text = f"{headline.base} -> {headline.head}\n{headline.command}"
        if row.base is not None and row.head is not None:
            out = ElementTree.SubElement(case, "system-out")
            out.text = f"step time: {row.base:.9g} s on base, {row.head:.9g} s on head"
    whole = ElementTree.Element("testsuites")
    whole.append(suite)
    ElementTree.indent(whole)
    return ElementTree.tostring(whole, encoding="unicode", xml_declaration=True) + "\n"


def printable(text: str) -> str:
    """The text without the control characters that XML cannot hold."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")
