"""The answer first: one sentence, how many of what, the largest changes, the machine, how sure it is. Draws nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.page.highlights import Finding, alone_findings, broken, changes, size
from reports.read.names import many, name
from reports.read.rows import COMPARED, Row, blank
from reports.read.runs import Material, Run
from reports.stats.intervals import CONFIDENCE_BETWEEN_RUNS
from reports.topics.cells import interval
from reports.topics.compare.section import run_rows, speedups
from reports.topics.compare.text import resolution
from reports.topics.notes import machine
from reports.topics.overview.answer import launches_of, sure
from reports.topics.overview.figures import overview
from reports.topics.pace.figures import is_one_machine
from reports.topics.pace.text import pace_text

ASIDE = {"missing": "in one run only", "broken": "broken"}
LIKELY = 0.5  # false alarms to be expected of which a reader is told


@dataclass(frozen=True, slots=True)
class Summary:
    """What a reader who reads no further should know. counts: (shade, word, number)."""

    sentence: str
    counts: tuple[tuple[str, str, int], ...]
    findings: tuple[Finding, ...]
    machine: tuple[str, ...]
    certainty: tuple[str, ...]


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
        (resolved(times),) if compared else tuple(certainty(material)),
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
    devices = [device for device in dict.fromkeys(f.device for f in times if f.status == "measured") if device]
    on = f" on {' and '.join(devices)}" if devices else ""
    counts = Counter(figure.status for figure in times)
    gains = [row for row in speedups(run.figures) if row.ratio is not None]
    measured, broken = counts["measured"], counts["broken"]
    parts = [f"{many(measured, 'case')} measured{on}" if measured else "No step time was measured"]
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


def certainty(material: Material) -> Iterator[str]:
    """How well the step times of every run are known, which least, and how much the machine's speed wandered."""
    for run in material.runs:
        timed = [figure for figure in run.figures if figure.metric == "step_time" and figure.status == "measured"]
        rows = [row for row in overview(timed) if row.metric == "step_time"]
        if rows:
            lines = [*sure(rows, launches_of(timed)), pace_text(timed) * is_one_machine(material.environments.values())]
            label = f"{run.label}: " if len(material.runs) > 1 else ""
            yield label + " ".join(" ".join(lines).split())
