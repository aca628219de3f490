"""What a gate found, case by case: trials in, rows out. Plain data; writes no file and prints nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from bench.records.record import SIDES, Case, Record
from reports.read.rows import COMPARED
from reports.stats.plain import plain
from reports.stats.sequential import CHANGED, LIKELY, LOOKS, OPEN, Finding, Rule, decide, is_open, observe
from reports.topics.gate.clocks import Clocks, at_the_same_clock

# From what must be looked at first to what need not be looked at.
VERDICTS = ("slower", "broken", LIKELY, "undecided", "allowed", "faster", "new", "missing", "n/a", "same")
TRIED = (*COMPARED, "allowed", LIKELY)  # verdicts of cases that both sides ran


@dataclass(frozen=True, slots=True)
class Limit:
    """How much slower a case may be, as a share of its time, and who says so."""

    share: float
    why: str


Open = tuple[list[Case], list[Case], list[Case]]
NO_LIMITS: Mapping[Case, Limit] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GateRow:
    """One case of a gate. Times are medians of all turns, in seconds per step; ratios are head / base.

    verdict: slower, faster, same, undecided; likely slower, when its own interval lies above the margin, and more
    trials are needed to say so among all cases; allowed, when surely within a limit of its own; new or missing, when
    one side does not have the case; broken, when a side raised, died or answered wrongly; n/a, when neither side can
    run it. reason: why, of all but the first four; of those, which limit of its own it has. low, high: the case's
    interval. detectable: the slowdown these trials could have found. needed_s: what an undecided case would have needed
    besides, as far as its trials show; None when more than a gate ever gives it.
    took_s: seconds that its trials took. cause: where a change is, in words; empty where nobody looked. slower_part: in
    words, the part that surely grew in a case that did not; empty for none, or where nobody looked. clocks: in words,
    what its device's clock did to its trials; empty where it did nothing.
    """

    case: Case
    verdict: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    detectable: float | None = None
    trials: int = 0
    base: float | None = None
    head: float | None = None
    needed_s: float | None = None
    reason: str = ""
    took_s: float = 0.0
    cause: str = ""
    slower_part: str = ""
    clocks: str = ""


@dataclass(slots=True)
class Heard:
    """What has been heard of one case: an observation and a median time of each side per trial."""

    observations: list[float] = field(default_factory=list)
    medians: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SIDES})
    problems: dict[str, Record] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)
    clocks: Clocks = field(default_factory=Clocks)


class Jury:
    """Hears trials of the cases that both sides have, and says which are open and what was found."""

    def __init__(self, cases: Sequence[Case], rule: Rule, limits: Mapping[Case, Limit] = NO_LIMITS) -> None:
        self.rule, self.limits = rule, limits
        self.own = {case: rule.up_to(limit.share) for case, limit in limits.items()}
        self.heard = {case: Heard() for case in cases}
        self.findings: dict[Case, Finding] = {}
        self.told: set[Case] = set()
        self._judge(final=False)

    def hear(self, case: Case, records: Mapping[str, Record], took_s: float = 0.0) -> None:
        """One trial of a case. A side that failed closes the case."""
        known = self.heard[case]
        known.took_s.append(took_s)
        problems = {name: record for name, record in records.items() if record.status != "measured"}
        if problems or any(name not in records for name in SIDES):
            known.problems |= problems
        else:
            known.clocks.add(records)
            if values := at_the_same_clock(records):
                known.observations.append(observe(values["base"], values["head"]))
                for name in SIDES:
                    known.medians[name].append(float(np.median(values[name])))
        self._judge(final=False)

    def trials(self) -> dict[Case, int]:
        """How many trials each case has had."""
        return {case: len(known.took_s) for case, known in self.heard.items()}

    def open(self) -> Open:
        """The open cases: those all of whose trials so far are plain, those that look slower, and the others."""
        groups: Open = ([], [], [])
        for case, found in self.findings.items():
            if not is_open(found) or self.heard[case].problems:
                continue
            own, seen = self.own.get(case, self.rule), self.heard[case].observations
            if found.verdict in OPEN and len(seen) < LOOKS[0] and plain(seen, own.slower, own.faster):
                groups[0].append(case)
            elif found.verdict in OPEN and len(seen) >= LOOKS[0] and (found.ratio or 0.0) > math.exp(own.slower):
                groups[1].append(case)
            else:
                groups[2].append(case)
        return groups

    def news(self) -> list[str]:
        """In words, each case that was found to have changed since this was asked last."""
        new = {
            case: found for case, found in self.findings.items() if found.verdict in CHANGED and case not in self.told
        }
        self.told |= set(new)
        return [
            f"{found.verdict}: {case.label} ({case.device} {case.mode}), × {found.ratio:.2f} in {found.trials} trials"
            for case, found in new.items()
        ]

    def close(self, final: bool = True) -> list[GateRow]:
        """The rows; what must be looked at comes first. `final`: there will be no more trials, so take a last look."""
        self._judge(final)
        rows = [self._row(case) for case in self.heard]
        return sorted(rows, key=lambda row: (VERDICTS.index(row.verdict), -abs((row.ratio or 1.0) - 1)))

    def _judge(self, final: bool) -> None:
        heard = {case: known.observations for case, known in self.heard.items()}
        self.findings = decide(heard, self.rule, final, self.own)

    def _row(self, case: Case) -> GateRow:
        found, known = self.findings[case], self.heard[case]
        base, head = (float(np.median(known.medians[name])) if known.medians[name] else None for name in SIDES)
        if known.problems:
            reason = "; ".join(f"{name}: {record.reason}" for name, record in sorted(known.problems.items()))
            verdict = verdict_of(known.problems)
            return GateRow(case, verdict, trials=found.trials, reason=reason, took_s=sum(known.took_s))
        needed = None
        if found.trials_needed is not None and known.took_s:
            needed = (found.trials_needed - found.trials) * float(np.mean(known.took_s))
        limit = self.limits.get(case)
        return GateRow(
            case, found.verdict, found.ratio, found.low, found.high, found.detectable, found.trials, base, head, needed,
            limit.why if limit else "", sum(known.took_s), clocks=known.clocks.text(),
        )  # fmt: skip


def verdict_of(problems: Mapping[str, Record]) -> str:
    """What it means that a trial failed: broken, or not available on one side (new, missing) or on both (n/a)."""
    if any(record.status == "broken" for record in problems.values()):
        return "broken"
    return "n/a" if set(problems) == set(SIDES) else "new" if "base" in problems else "missing"


def paired(base: Sequence[Case], head: Sequence[Case]) -> tuple[list[Case], list[GateRow]]:
    """The cases to try, and rows for those that one side does not have, or has in another version."""
    both = [case for case in head if case in set(base)]
    rows = []
    for verdict, own, others in (("new", head, base), ("missing", base, head)):
        versions = {unversioned(case): case.version for case in others}
        for case in own:
            if case in both:
                continue
            other = versions.get(unversioned(case))
            if other is not None and verdict == "missing":
                continue  # said once, as new
            absent = "base" if verdict == "new" else "head"
            reason = f"{absent} does not have it"
            if other is not None:
                reason = f"the workload changed from version {other} to {case.version}: not the same step"
            rows.append(GateRow(case, verdict, reason=reason))
    return both, rows


def unversioned(case: Case) -> tuple[object, ...]:
    """All of a case but its version."""
    return case.workload, case.point, case.device, case.dtype, case.mode, case.threads


def broken_on_head(rows: Sequence[GateRow]) -> bool:
    """Whether the head, whatever the base does, has a case that fails."""
    return any(row.verdict == "broken" and "head: " in row.reason for row in rows)


def trials_of(records: Sequence[Record], run: str) -> list[tuple[Case, dict[str, Record]]]:
    """The stored trials of a gate, in order: both sides' records of the same case and trial."""
    found: dict[tuple[Case, int], dict[str, Record]] = {}
    for record in records:
        name, _, side = record.run.rpartition("/")
        if name == run and side in SIDES:
            found.setdefault((record.case, record.launch), {})[side] = record
    return [(case, sides) for (case, _), sides in found.items() if len(sides) == len(SIDES)]
