"""After a gate's trials: what makes its changed cases slower or faster, with a progress bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.records.errors import UsageError
from bench.records.record import SIDES

if TYPE_CHECKING:
    from bench.cli.gate.trials import Survey
    from bench.gate.lanes import Gate
    from bench.gate.parts import Pair
    from bench.gate.revisions import Side
    from bench.records.record import Case
    from reports.topics.gate.cause import Cause
    from reports.topics.gate.figures import GateRow
    from reports.topics.gate.places import Diff, Location

SHARE = 0.2  # of a gate's time, besides it
LEAST_S, MOST_S = 90.0, 180.0
MOST_CASES = 6  # the largest changes
UNCHANGED = ("same", "undecided", "allowed")
OF_COMPILER = {"graph_breaks": "graph break", "recompiles": "recompilation"}  # by the figure


def with_causes(gate: Gate, rows: Sequence[GateRow], survey: Survey, path: Path) -> list[GateRow]:
    """The rows; those of the largest changes say in which part of the step the change is, as far as that shows."""
    from bench.gate.parts_pass import PARTS  # noqa: PLC0415 - imports torch
    from reports.stats.sequential import LIKELY  # noqa: PLC0415 - imports scipy

    changed = [row for row in rows if row.verdict in ("slower", "faster", LIKELY)]
    cases = [row.case for row in sorted(changed, key=lambda row: row.verdict == "faster")][:MOST_CASES]
    limit_s = min(MOST_S, max(LEAST_S, SHARE * gate.budget_s))
    found = taken_apart(gate, cases, survey, path, limit_s, PARTS)
    diff = diff_of(gate.sides)
    return [
        replace(row, cause=said(found[row.case], row.verdict != "faster", diff, (row.ratio or 1.0) - 1.0))
        if row.case in found else row
        for row in rows
    ]  # fmt: skip


def with_slower_parts(
    gate: Gate, rows: Sequence[GateRow], survey: Survey, path: Path
) -> tuple[list[GateRow], list[str]]:
    """The rows; those of cases that are not slower say which part of the step is, where one surely is.

    Takes at most as long as the gate again. Besides, a note where cases could not be looked into.
    """
    from bench.gate.parts_pass import SMALL_PARTS  # noqa: PLC0415 - imports torch
    from reports.topics.gate.cause import FEWEST  # noqa: PLC0415 - imports scipy

    cases = [row.case for row in rows if row.verdict in UNCHANGED]
    found = taken_apart(gate, cases, survey, path, max(LEAST_S, gate.budget_s), SMALL_PARTS)
    diff = diff_of(gate.sides)
    unseen = sum(len(found.get(case, ())) < FEWEST for case in cases)
    notes = [f"--parts: {unseen} of {len(cases)} cases had too few profiles to say whether a part is slower"]
    return [
        replace(row, slower_part=grown(found[row.case], len(cases), diff)) if row.case in found else row for row in rows
    ], notes * bool(unseen)


def taken_apart(
    gate: Gate, cases: Sequence[Case], survey: Survey, path: Path, limit_s: float, what: str
) -> Mapping[Case, Sequence[Pair]]:
    """What pairs of profiles of each case show, stored; nothing after Ctrl-C, for the verdicts are known."""
    from tqdm import tqdm  # noqa: PLC0415

    from bench.gate.parts import PAIRS, TakingApart  # noqa: PLC0415 - imports torch
    from bench.records.files import Writer  # noqa: PLC0415

    if not cases:
        return {}
    writer = Writer(path)
    until_s = time.monotonic() + limit_s
    try:
        with tqdm(total=PAIRS[what] * len(cases), unit="pair", desc="what changed", dynamic_ncols=True) as bar:
            return TakingApart(gate, cases, survey.environments, writer, until_s, bar.update, what).run()
    except (KeyboardInterrupt, UsageError):  # a side that does not start any more
        return {}
    finally:
        writer.close()


def grown(pairs: Sequence[Pair], cases: int, diff: Diff) -> str:
    """The parts of a case that surely grew although it did not, in words; the error is shared by so many cases."""
    from bench.gate.parts_pass import CALLS, FUNCTIONS, TIMES  # noqa: PLC0415 - imports torch
    from reports.topics.gate.cause import DOUBT, cause, told  # noqa: PLC0415 - imports scipy

    doubt = DOUBT / cases / 2  # a step is taken apart in two ways: by operators, and by functions
    operators = cause(parts_of(pairs, TIMES), parts_of(pairs, CALLS), doubt, at_one_speed=True)
    functions = cause(parts_of(pairs, FUNCTIONS), doubt=doubt, at_one_speed=True)
    location = location_of(pairs, True, diff)
    said = [(told(part), location.of(part)) for part in (operators.grown() if operators else ())]
    for function in functions.grown() if functions else ():
        said.append((told(function), "which this change touches" if location.touches_function(function) else ""))
    return "; ".join(", ".join(filter(None, texts)) for texts in said)


def said(pairs: Sequence[Pair], is_slower: bool, diff: Diff, change: float = 0.0) -> str:
    """The cause in words, from both sides' records pair by pair. change: of the whole case, where it is known."""
    from reports.topics.gate.cause import more, sentence  # noqa: PLC0415 - imports scipy

    location = location_of(pairs, is_slower, diff)
    found = cause_of(pairs)
    named = found.named(is_slower, location.touches, change) if found else []
    compiled = [more(*sides[-1], one) for metric, one in OF_COMPILER.items() if (sides := parts_of(pairs, metric))]
    return "; ".join(filter(None, [*(compiled if is_slower else ()), sentence(found, named, location.of)]))


def location_of(pairs: Sequence[Pair], is_slower: bool, diff: Diff) -> Location:
    """What is known of where in the code the parts come from."""
    from bench.gate.parts_pass import FUNCTIONS, PLACES  # noqa: PLC0415 - imports torch
    from reports.topics.gate.cause import cause  # noqa: PLC0415 - imports scipy
    from reports.topics.gate.places import Location  # noqa: PLC0415

    base, head = (parts_of(pairs, PLACES) or [({}, {})])[-1]
    return Location(base, head, cause(parts_of(pairs, FUNCTIONS)), diff, is_slower)


def cause_of(pairs: Sequence[Pair]) -> Cause | None:
    """The parts that changed; None where there are too few pairs to say."""
    from bench.gate.parts_pass import CALLS, TIMES  # noqa: PLC0415 - imports torch
    from reports.topics.gate.cause import cause  # noqa: PLC0415 - imports scipy

    return cause(parts_of(pairs, TIMES), parts_of(pairs, CALLS))


def parts_of(pairs: Sequence[Pair], metric: str) -> list[tuple[dict[str, float], dict[str, float]]]:
    """Base's and head's parts of a figure, of every pair that has both."""
    found = [[dict(r.parts) for side in SIDES for r in pair[side] if r.metric == metric] for pair in pairs]
    return [(sides[0], sides[1]) for sides in found if len(sides) == len(SIDES)]


def diff_of(sides: Mapping[str, Side]) -> Diff:
    """What changed between both sides' files, read as they are asked for."""
    from reports.topics.gate.places import Diff  # noqa: PLC0415

    def lines(side: str) -> Callable[[str], list[str]]:
        def read(path: str) -> list[str]:
            try:
                return (sides[side].root / path).read_text(errors="replace").splitlines()
            except OSError:
                return []

        return read

    return Diff(lines("base"), lines("head"))
