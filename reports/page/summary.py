"""The answer first: one sentence, how many of what, the largest changes, the machine and its noise. Draws nothing."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.format import units
from reports.read.names import anchor, key, many, name, where
from reports.read.rows import Row, blank, summary_of
from reports.read.runs import Material, Run
from reports.stats.intervals import CONFIDENCE_BETWEEN_RUNS
from reports.topics.absent.section import cause
from reports.topics.cells import interval, value
from reports.topics.compare.section import SHADES, run_rows, speedups
from reports.topics.compare.text import resolution
from reports.topics.ladder.figures import ladders
from reports.topics.ladder.text import ratio
from reports.topics.notes import machine

COMPARED = ("slower", "faster", "same", "undecided")
CHANGED = ("slower", "faster", "worse", "better")
ASIDE = {"missing": "in one run only", "broken": "broken"}
WORDS = {"worse": "more memory", "better": "less memory"}
MOST_CHANGES = {"step_time": 5, "peak_memory": 3}
MOST_BROKEN = 5
MOST_NOISY = 3
WIDE = 0.1  # half an interval, as a share of the step time, from which on a reader is told
LIKELY = 0.5  # false alarms to be expected of which a reader is told


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: what (a shade of colour and a word), of which case, its evidence, and where more is."""

    shade: str
    word: str
    name: str
    where: str
    evidence: str
    target: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a reader who reads no further should know. counts: (shade, word, number)."""

    sentence: str
    counts: tuple[tuple[str, str, int], ...]
    findings: tuple[Finding, ...]
    machine: tuple[str, ...]
    noise: str


def summary(material: Material) -> Summary:
    """The summary of runs against the first or, where they have no case in common, of each by itself."""
    rows = run_rows(material)
    times = [row for row in rows if row.metric == "step_time"]
    facts = machine(material.environments, [blank(figure, "") for _, figure in material.figures])
    compared = any(row.verdict in COMPARED for row in times)
    found = changes(material, rows) if compared else alone_findings(material)
    return Summary(
        compared_sentence(material, times) if compared else alone_sentence(material),
        tuple(compared_counts(times) if compared else alone_counts(material)),
        (*broken(material), *found),
        tuple(line for line in facts.split("\n") if line),
        resolved(times) if compared else noise(material),
    )  # fmt: skip


def compared_sentence(material: Material, times: Sequence[Row]) -> str:
    """The verdict on runs against the first, with the largest change that is beyond doubt."""
    counts = Counter(row.verdict for row in times)
    compared = sum(counts[verdict] for verdict in COMPARED)
    base = material.runs[0].label
    for verdict, other in (("slower", "faster"), ("faster", "slower")):
        if counts[verdict]:
            most = max((row for row in times if row.verdict == verdict), key=size)
            rest = f"{counts[other]} {other}" if counts[other] else f"none {other}"
            return (
                f"{counts[verdict]} of {many(compared, 'step time')} {verdict} than in {base}, {rest}; "
                f"the largest change is {interval(most)} in {name(most)}."
            )
    return (
        f"No step time differs from {base} beyond doubt: {counts['same']} the same within 3 %, "
        f"{counts['undecided']} undecided."
    )


def compared_counts(times: Sequence[Row]) -> Iterator[tuple[str, str, int]]:
    """How many step times have which verdict."""
    counts = Counter(row.verdict for row in times)
    for verdict in COMPARED:
        yield verdict, verdict, counts[verdict]
    for verdict, words in ASIDE.items():
        if counts[verdict]:
            yield verdict, words, counts[verdict]


def alone_sentence(material: Material) -> str:
    """What every run found, by itself."""
    if len(material.runs) == 1:
        return found_in(material.runs[0])
    each = [f"{run.label}: {found_in(run)}" for run in material.runs]
    return " ".join(["No case was timed in the first run and in another.", *each])


def found_in(run: Run) -> str:
    """What one run found."""
    times = [figure for figure in run.figures if figure.metric == "step_time"]
    devices = list(dict.fromkeys(figure.device for figure in times if figure.status == "measured"))
    counts = Counter(figure.status for figure in times)
    gains = [row for row in speedups(run.figures) if row.ratio is not None]
    measured, broken = counts["measured"], counts["broken"]
    parts = [
        f"{many(measured, 'case')} measured on {' and '.join(devices)}" if measured else "No step time was measured"
    ]
    parts += [f"{broken} broken"] if broken else []
    parts += [f"torch.compile is {compiled_words(gains)}"] if gains else []
    return "; ".join(parts) + "."


def compiled_words(gains: Sequence[Row]) -> str:
    """'faster in 1 of 7 cases, slower in 6', and what else there is."""
    counts = Counter(row.verdict for row in gains)
    first, *others = [verdict for verdict in ("faster", "slower", "same", "undecided") if counts[verdict]]
    words = [f"{first} in {counts[first]} of {many(len(gains), 'case')}"]
    return ", ".join(words + [f"{verdict} in {counts[verdict]}" for verdict in others])


def alone_counts(material: Material) -> Iterator[tuple[str, str, int]]:
    """How many cases were measured, and how many not."""
    counts = Counter(figure.status for _, figure in material.figures if figure.metric == "step_time")
    yield "measured", "measured", counts["measured"]
    yield "broken", "broken", counts["broken"]
    yield "same", "not available", counts["unavailable"]


def size(row: Row) -> float:
    """How large a change is, in either direction."""
    return abs(math.log(row.ratio)) if row.ratio and math.isfinite(row.ratio) else math.inf


def changes(material: Material, rows: Sequence[Row]) -> Iterator[Finding]:
    """The largest changes of step times, and those of peak memory, that are beyond doubt."""
    labels = {run.value: run.label for run in material.runs}
    for metric, most in MOST_CHANGES.items():
        found = [row for row in rows if row.metric == metric and row.verdict in CHANGED]
        for row in sorted(found, key=size, reverse=True)[:most]:
            label = [labels[row.head_label]] * (len(labels) > 2)
            evidence = f"{interval(row)}: {value(row.base, row)} → {value(row.head, row)}"
            target = anchor("time" if metric == "step_time" else "memory", *key(row), labels[row.head_label])
            yield Finding(
                SHADES.get(row.verdict, row.verdict), WORDS.get(row.verdict, row.verdict), name(row),
                " · ".join((where(row), *label)), evidence, target,
            )  # fmt: skip


def broken(material: Material) -> Iterator[Finding]:
    """The cases whose step is broken."""
    found = [figure for _, figure in material.figures if figure.status == "broken" and figure.metric == "step_time"]
    for figure in found[:MOST_BROKEN]:
        yield Finding("broken", "broken", name(figure), where(figure), figure.reason, anchor("not", *cause(figure)))


def alone_findings(material: Material) -> Iterator[Finding]:
    """What every run shows by itself."""
    yield from gained(material)
    yield from climbed(material)
    yield from noisy(material)


def gained(material: Material) -> Iterator[Finding]:
    """The case for which compiling pays most, and the one that it slows most."""
    for run in material.runs:
        rows = sorted((row for row in speedups(run.figures) if row.ratio), key=lambda row: row.ratio or 1.0)
        ends = (*rows[-1:], *rows[:1])
        for row in (row for row, verdict in zip(ends, ("faster", "slower"), strict=False) if row.verdict == verdict):
            evidence, target = f"{interval(row)} times eager's speed", anchor("compile", *key(row), material.said(run))
            yield Finding(row.verdict, row.verdict, name(row), where(row), evidence, target)


def climbed(material: Material) -> Iterator[Finding]:
    """The fastest rung of every ladder, if it is faster than the bottom one."""
    for run in material.runs:
        for ladder in ladders(run.figures):
            best = max(
                (tread for tread in ladder.treads if tread.total), key=lambda tread: tread.rate or 0, default=None
            )
            if best is not None and best.total is not None and best.total.value > 1:
                target = anchor("rung", *key(best.figure), material.said(run))
                yield Finding(
                    "faster", f"ladder up to {best.rung}", ladder.workload, where(best.figure),
                    f"{ratio(best.total)} times the throughput of its bottom rung", target,
                )  # fmt: skip


def noisy(material: Material) -> Iterator[Finding]:
    """The cases whose step time is known least."""
    widths = [(summary_of(figure), run, figure) for run, figure in material.measured("step_time")]
    wide = [(found, run, figure) for found, run, figure in widths if (found.half_width or 0.0) > WIDE]
    for found, run, figure in sorted(wide, key=lambda each: -(each[0].half_width or 0.0))[:MOST_NOISY]:
        evidence = f"{units.quantity(found.estimate, 's')} ± {units.percent(found.half_width)} between launches"
        target = anchor("time", *key(figure), material.said(run))
        yield Finding("undecided", "uncertain", name(figure), where(figure), evidence, target)


def resolved(times: Sequence[Row]) -> str:
    """Which change the runs could have shown, and how many they show by chance."""
    compared = [row for row in times if row.verdict in COMPARED]
    by_chance = (1 - CONFIDENCE_BETWEEN_RUNS) * len(compared)
    if by_chance < LIKELY:
        return resolution(compared)
    return (
        f"{resolution(compared)} Of {len(compared)} unchanged cases, about {by_chance:.0f} would be called slower "
        "or faster by chance; torchpace gate leaves less to it."
    )


def noise(material: Material) -> str:
    """How well the step times of one run are known, in words."""
    found = [summary_of(figure) for _, figure in material.measured("step_time")]
    widths = [one.half_width for one in found if one.half_width is not None]
    spreads = [one.spread for one in found if one.spread is not None]
    if not found:
        return ""
    within = (
        f"; in half of them the values spread by {units.percent(statistics.median(spreads))} or less" if spreads else ""
    )
    if not widths:
        return f"One process per case: how sure the step times are cannot be said{within}. More --launches can."
    return (
        f"Between launches, half of the step times are known within ± {units.percent(statistics.median(widths))}, "
        f"all within ± {units.percent(max(widths))}{within}."
    )
