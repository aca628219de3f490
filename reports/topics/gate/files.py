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
SLOWER_PART = "slower part"  # what JUnit calls a case that fails for one


def as_json(rows: Sequence[GateRow], headline: Headline, exit_code: int) -> str:
    """The rows with everything that they were decided by. Schema 1; times in seconds, ratios are head / base."""
    body: dict[str, Any] = {
        "schema": GATE_SCHEMA, "kind": "gate", "verdict": sentence(rows), "exit_code": exit_code, "base": headline.base,
        "head": headline.head, "machine": headline.machine, "command": headline.command,
        "rule": asdict(headline.rule), "notes": list(headline.notes),
        "cases": [{**asdict(row), "case": row.case.body()} for row in rows],
    }  # fmt: skip
    return json.dumps(body, indent=2, allow_nan=False) + "\n"


def as_junit(rows: Sequence[GateRow], headline: Headline, parts_fail: bool = False) -> str:
    """One test per case: slower fails, broken is an error, whatever was not decided or compared is skipped.

    parts_fail: whether a case fails that is not slower, and has a part that is. A test's time is that of its trials;
    the steps' times are its output.
    """
    verdicts = [
        SLOWER_PART if parts_fail and row.slower_part and row.verdict != "slower" else row.verdict for row in rows
    ]
    failed = ("slower", SLOWER_PART)
    kinds = {**dict.fromkeys(failed, "failure"), "broken": "error"}
    passed = ("same", "faster", "allowed")
    suite = ElementTree.Element("testsuite", {
        "name": "torchpace gate",
        "tests": str(len(rows)),
        "failures": str(sum(verdict in failed for verdict in verdicts)),
        "errors": str(verdicts.count("broken")),
        "skipped": str(sum(verdict not in (*kinds, *passed) for verdict in verdicts)),
    })  # fmt: skip
    for row, verdict in zip(rows, verdicts, strict=True):
        case = ElementTree.SubElement(suite, "testcase", {
            "classname": row.case.workload,
            "name": f"{row.case.label} {row.case.device} {row.case.mode}",
            "time": f"{row.took_s:.3f}",
        })  # fmt: skip
        if verdict not in passed:
            said = row.slower_part if verdict == SLOWER_PART else row.reason
            message = f"{verdict}: {'; '.join(filter(None, (change(row) if row.ratio else '', said)))}"
            element = ElementTree.SubElement(case, kinds.get(verdict, "skipped"), {"message": printable(message)})
            if verdict in failed:
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
