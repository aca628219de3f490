"""Exact figures of two revisions side by side: what changed, and which operators came and went. Draws nothing.

Exact figures are the same in every process that runs the same code (docs/method.md), so any difference is the code's.
Instructions alone have a noise floor. Pure; knows no torch.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.records.metrics import METRICS, metric_of
from bench.records.record import Case, Record

Parts = tuple[tuple[str, float], ...]

INSTRUCTIONS_FLOOR = 0.003  # processes of identical code differ by up to about 0.3 % in user-mode instructions
INSTRUCTIONS = ("instructions", "instructions_valgrind")
SPREADS = 3.0  # and by no more than so many times the spread of one process's repeats
ABSENT_IS_NONE = ("flops", "kernels")  # left out of a side's records when there are none to count
PLACED = ("graph_breaks", "recompiles")  # their parts end in ':line', which an edit elsewhere in the file moves
CHANGED = ("worse", "allowed", "better", "changed")
WHOLE_CASE = ""  # the metric of a row that is about a case as a whole


@dataclass(frozen=True, slots=True)
class ExactRow:
    """One exact metric of one case on both sides. Values are per step, in the metric's unit; unknown is None.

    metric: empty when the row is about the case as a whole: broken, new or missing on a side, or of another version.
    verdict: same; worse or better; allowed, when worse and accepted; changed, when other parts add up to the same, or
    it is not known which way is better; new or missing, when only head or only base has it; broken, when the case
    raised on a side; n/a, when there is nothing to compare.
    came, went: by how much each part is more in head, and less. The reasons say why a side has no value.
    """

    case: Case
    metric: str
    verdict: str
    base: float | None = None
    head: float | None = None
    came: Parts = ()
    went: Parts = ()
    base_reason: str = ""
    head_reason: str = ""

    @property
    def unit(self) -> str:
        """The unit of the values."""
        return metric_of(self.metric).unit if self.metric else "1"

    @property
    def reason(self) -> str:
        """Both sides' reasons in one text; one of them only when they are alike."""
        if self.base_reason == self.head_reason:
            return self.base_reason
        sides = (("base", self.base_reason), ("head", self.head_reason))
        return "; ".join(f"{side}: {reason}" for side, reason in sides if reason)


def compare_exact(base: Iterable[Record], head: Iterable[Record]) -> list[ExactRow]:
    """A row per metric of each case in the order measured, or one for a case that cannot be compared."""
    sides = by_case(base), by_case(head)
    keys = dict.fromkeys([*sides[0], *sides[1]])
    return [row for key in keys for row in case_rows(sides[0].get(key, []), sides[1].get(key, []))]


def by_case(records: Iterable[Record]) -> dict[Case, list[Record]]:
    """The records of each case, whatever its version."""
    found: dict[Case, list[Record]] = {}
    for record in records:
        found.setdefault(replace(record.case, version=0), []).append(record)
    return found


def case_rows(base: Sequence[Record], head: Sequence[Record]) -> list[ExactRow]:
    """The rows of one case, either side of which may have no records."""
    case = (*head, *base)[0].case
    if not base or not head:
        return [ExactRow(case, WHOLE_CASE, "missing" if base else "new")]
    broken = reason_of(base, "broken"), reason_of(head, "broken")
    if any(broken):
        return [ExactRow(case, WHOLE_CASE, "broken", base_reason=broken[0], head_reason=broken[1])]
    if base[0].case.version != case.version:
        reason = f"version {base[0].case.version} became {case.version}, so it is other work and not compared"
        return [ExactRow(case, WHOLE_CASE, "n/a", base_reason=reason, head_reason=reason)]
    measured = any_measured(base), any_measured(head)
    if not all(measured):
        verdict = "missing" if measured[0] else "new" if measured[1] else "n/a"
        reasons = [
            "" if there else reason_of(side, "unavailable") for there, side in zip(measured, (base, head), strict=True)
        ]
        return [ExactRow(case, WHOLE_CASE, verdict, base_reason=reasons[0], head_reason=reasons[1])]
    sides = {r.metric: r for r in base}, {r.metric: r for r in head}
    metrics = [
        metric for metric in dict.fromkeys([*METRICS, *sides[0], *sides[1]]) if metric in sides[0] or metric in sides[1]
    ]
    return [metric_row(case, metric, sides[0].get(metric), sides[1].get(metric)) for metric in metrics]


def reason_of(records: Iterable[Record], status: str) -> str:
    """The first reason among the records of a status; empty when there is none."""
    return next((record.reason or status for record in records if record.status == status), "")


def any_measured(records: Iterable[Record]) -> bool:
    """Whether a side of a case has any value."""
    return any(record.status == "measured" for record in records)


def metric_row(case: Case, metric: str, base: Record | None, head: Record | None) -> ExactRow:
    """One metric's row; at least one side has a record."""
    base, head = (or_none_counted(side, other, metric) for side, other in ((base, head), (head, base)))
    values = value_of(base), value_of(head)
    row = ExactRow(
        case, metric, "n/a", values[0], values[1],
        base_reason=base.reason if base else "", head_reason=head.reason if head else "",
    )  # fmt: skip
    if values[0] is None or values[1] is None:
        return replace(row, verdict="missing" if values[0] is not None else "new" if values[1] is not None else "n/a")
    assert base is not None
    assert head is not None
    came, went = came_and_went(dict(base.parts), dict(head.parts), metric in PLACED)
    row = replace(row, came=came, went=went)
    if metric in INSTRUCTIONS and abs(values[1] - values[0]) <= values[0] * noise_floor(base.values, head.values):
        return replace(row, verdict="same")
    if values[0] == values[1]:
        return replace(row, verdict="changed" if came or went else "same")
    less_is_better = metric_of(metric).lower_is_better
    if less_is_better is None:
        return replace(row, verdict="changed")
    return replace(row, verdict="worse" if (values[1] > values[0]) == less_is_better else "better")


def or_none_counted(side: Record | None, other: Record | None, metric: str) -> Record | None:
    """The side's record; where its absence means that there was nothing to count, one that says 0."""
    if side is None and other is not None and metric in ABSENT_IS_NONE and other.status == "measured":
        return replace(other, values=(0.0,), parts=())
    return side


def value_of(record: Record | None) -> float | None:
    """The record's value, the median of several; None when there is none."""
    return statistics.median(record.values) if record and record.values else None


def noise_floor(base: Sequence[float], head: Sequence[float]) -> float:
    """The relative difference of instructions up to which two sides count as the same."""
    return max(INSTRUCTIONS_FLOOR, SPREADS * max(spread(base), spread(head)))


def spread(values: Sequence[float]) -> float:
    """The middle half of the values, relative to their median; 0 for fewer than two."""
    middle = statistics.median(values)
    if len(values) < 2 or middle == 0:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / middle


def came_and_went(base: Mapping[str, float], head: Mapping[str, float], placed: bool) -> tuple[Parts, Parts]:
    """The parts that are more in head, and those that are less, each with by how much; sorted by name.

    placed: the names end in ':line'. Those that differ in the line only have moved, and neither came nor went.
    """
    more, less = Counter[str](), Counter[str]()
    for name in sorted({*base, *head}):
        difference = head.get(name, 0.0) - base.get(name, 0.0)
        (more if difference > 0 else less)[name] += abs(difference)  # type: ignore[assignment]
    if placed:
        cancel_moved(more, less)
    return tuple((n, float(c)) for n, c in more.items() if c), tuple((n, float(c)) for n, c in less.items() if c)


def cancel_moved(more: Counter[str], less: Counter[str]) -> None:
    """Take from both what differs in the line number only."""
    for new in more:
        for old in less:
            if re.sub(r":\d+$", "", new) == re.sub(r":\d+$", "", old):
                moved = min(more[new], less[old])
                more[new] -= moved
                less[old] -= moved
