"""After a gate's trials: what makes its changed cases slower or faster, with a progress bar."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.records.errors import UsageError

if TYPE_CHECKING:
    from bench.cli.gate.trials import Survey
    from bench.gate.lanes import Gate
    from bench.records.record import Record
    from reports.topics.gate.figures import GateRow

SHARE = 0.2  # of a gate's time, besides it
LEAST_S, MOST_S = 90.0, 180.0
MOST_CASES = 6  # the largest changes


def with_causes(gate: Gate, rows: Sequence[GateRow], survey: Survey, path: Path) -> list[GateRow]:
    """The rows; those of the largest changes say in which part of the step the change is, as far as that shows."""
    from tqdm import tqdm  # noqa: PLC0415

    from bench.gate.parts import PAIRS, take_apart  # noqa: PLC0415 - imports torch
    from bench.records.files import Writer  # noqa: PLC0415
    from reports.stats.sequential import LIKELY  # noqa: PLC0415 - imports scipy

    changed = [row for row in rows if row.verdict in ("slower", "faster", LIKELY)]
    cases = [row.case for row in sorted(changed, key=lambda row: row.verdict == "faster")][:MOST_CASES]
    if not cases:
        return list(rows)
    until_s = time.monotonic() + min(MOST_S, max(LEAST_S, SHARE * gate.budget_s))
    writer = Writer(path)
    try:
        with tqdm(total=PAIRS * len(cases), unit="pair", desc="what changed", dynamic_ncols=True) as bar:
            found = take_apart(gate, cases, survey.environments, writer, until_s, bar.update)
    except (KeyboardInterrupt, UsageError):  # a side that does not start any more: the verdicts are known
        return list(rows)
    finally:
        writer.close()
    return [
        replace(row, cause=said(found[row.case], row.verdict != "faster")) if row.case in found else row for row in rows
    ]


def said(pairs: Sequence[dict[str, list[Record]]], is_slower: bool) -> str:
    """The cause in words, from both sides' records pair by pair."""
    from reports.topics.gate.cause import cause, sentence  # noqa: PLC0415 - imports scipy

    times = [(dict(pair["base"][0].parts), dict(pair["head"][0].parts)) for pair in pairs]
    last = (dict(pairs[-1]["base"][1].parts), dict(pairs[-1]["head"][1].parts)) if pairs else ({}, {})
    return sentence(cause(times, last), is_slower)
