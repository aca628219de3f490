"""Where the figures were taken, what differed, what they mean, and how to take them again. Draws nothing."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from bench.records.points import Value
from reports.format import units
from reports.read.names import anchor, name
from reports.read.runs import Material, Run

MEANINGS = (
    ("step time", "wall time of one step, over blocks of steps between two waits for the device; no profiler runs."),
    ("95 %", "the interval of the step time over fresh processes; with one process there is none, and none is shown."),
    ("spread", "the middle half of all values as a share of the step time: how noisy the machine was."),
    ("levelled", "launches are told as at the machine's usual pace, by work timed beside their values."),
    ("throughput", "items per step over step time; what an item is, the workload says."),
    ("ratio", "time over the baseline's time; its interval is of 99 % between runs, of 95 % between modes of one run."),
    ("slower, faster", "the whole interval of the ratio lies on one side of 1."),
    ("same", "the whole interval lies within 1 ± 3 %."),
    ("undecided", "neither can be said; more --launches on both sides decide more."),
    ("latency, p99", "seconds of single calls, each waited for: their median, and the 99th percentile of a process's."),
    ("peak memory", "the most bytes of live tensors at any moment of one step; not the memory of the process."),
    ("reserved", "the most bytes that the device's allocator held during that step."),
    ("first call", "the first step of a fresh process, the compiler's import included; cold: never compiled before."),
    ("break-even", "steps after which the longer first call of the compiled step is paid for by its faster steps."),
    ("graph break", "a place where torch.compile gave the step back to Python."),
    ("seeds", "every process seeds torch alike, so that weights and data are the same in each."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact with its value in every run: a dash where it is unknown, all values where they differ within a run."""

    id: str
    name: str
    values: tuple[str, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning and the cases it is about."""

    text: str
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """Everything of the section. columns: the runs' labels, in the order of every fact's values."""

    columns: tuple[str, ...]
    facts: tuple[Fact, ...]
    warnings: tuple[Warned, ...]
    again: tuple[str, ...]


def method(material: Material) -> Method:
    """The section's facts, warnings and commands."""
    return Method(
        tuple(run.label for run in material.runs), tuple(facts(material)), tuple(warnings(material)),
        tuple(dict.fromkeys(command(run) for run in material.runs)),
    )  # fmt: skip


def facts(material: Material) -> Iterator[Fact]:
    """Every fact that is known of any run; those that differ come first."""
    names = dict.fromkeys(fact for environment in material.environments.values() for fact, _ in environment.facts)
    rows = [("threads", [sorted({str(figure.threads) for figure in run.figures}, key=int) for run in material.runs])]
    rows += [(fact, [known(material, run, fact) for run in material.runs]) for fact in names]
    found = [
        Fact(
            anchor("fact", fact), fact.removesuffix("_bytes").replace("_", " "),
            tuple(" / ".join(values) or units.DASH for values in columns),
            any(len(values) > 1 or values != columns[0] for values in columns),
        )
        for fact, columns in rows
        if any(columns)
    ]  # fmt: skip
    yield from sorted(found, key=lambda fact: not fact.differs)


def known(material: Material, run: Run, fact: str) -> list[str]:
    """The values that a run's environments know of a fact: one, unless they differ."""
    values = (material.environments[id].get(fact) for id in run.environments if id in material.environments)
    return list(dict.fromkeys(said(fact, value) for value in values if value is not None and value != ""))


def said(fact: str, value: Value) -> str:
    """A fact as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return units.quantity(float(value), "B") if fact.endswith("_bytes") and isinstance(value, int) else str(value)


def warnings(material: Material) -> Iterator[Warned]:
    """Every warning that records carry, once, with its cases."""
    cases: dict[str, dict[str, None]] = defaultdict(dict)
    for _, figure in material.figures:
        for warning in figure.warnings:
            cases[warning][name(figure)] = None
    for text, found in cases.items():
        yield Warned(text, tuple(found))


def command(run: Run) -> str:
    """A command that measures a run's workloads again, as far as its records know."""
    workloads = list(dict.fromkeys(figure.workload for figure in run.figures))
    threads = sorted({figure.threads for figure in run.figures})
    launches = max((len(figure.launches) for figure in run.figures if figure.metric == "step_time"), default=0)
    parts = ["torchpace run", *(shlex.quote(workload) for workload in workloads)]
    parts += [f"--launches {launches}"] if launches else []
    parts += [f"--threads {threads[0]}"] if len(threads) == 1 and threads != [1] else []
    return " ".join(parts)
