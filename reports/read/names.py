"""How cases are called in a report, and where each row is found: anchors that stay the same from report to report."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeAlias, TypeVar

from bench.records.points import point_of, text_of
from reports.read.frames import Figure
from reports.read.rows import Row

Named: TypeAlias = Figure | Row
LONGEST_SLUG = 60  # characters of an anchor that people can read; its digest tells apart what is cut


class Placed(Protocol):
    """A row of a table that is grouped by subject."""

    @property
    def name(self) -> str: ...  # noqa: D102


AnyPlaced = TypeVar("AnyPlaced", bound=Placed)


def name(case: Named) -> str:
    """Workload and point, as 'mnist.train(batch=64,model=padded)', which is what GLOBs match."""
    return f"{case.workload}({text_of(point_of(case.point), ',')})" if case.point else case.workload


def key(case: Named) -> tuple[object, ...]:
    """What is the same in every run."""
    return (case.workload, case.point, case.device, case.dtype, case.mode, case.threads)


def where(case: Named) -> str:
    """Device and mode, with the type and the threads where they are not the usual ones."""
    return " · ".join(part for part in (case.device, case.mode, *unusual(case)) if part)


def unusual(case: Named) -> list[str]:
    """The type and the number of threads, where they are not the usual ones."""
    threads = f"{case.threads} threads"
    return [case.dtype] * (case.dtype not in ("float32", "")) + [threads] * (case.threads > 1)


def anchor(kind: str, *parts: object) -> str:
    """An id for a row: what it is about, and a digest that tells apart what reads the same."""
    text = " ".join(str(part) for part in parts)
    slug = re.sub(r"[^a-z0-9_.]+", "-", text.lower())[:LONGEST_SLUG].strip("-")
    return f"{kind}-{slug}-{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:6]}"


def by_subject(rows: Iterable[AnyPlaced]) -> Iterator[tuple[str, Sequence[AnyPlaced]]]:
    """The rows in groups of the first part of their workload's name, in the order of their first rows."""
    groups: dict[str, list[AnyPlaced]] = {}
    for row in rows:
        groups.setdefault(subject_and_name(row.name)[0], []).append(row)
    yield from groups.items()


def subject_and_name(workload: str) -> tuple[str, str]:
    """What a workload is grouped by, a pytest function's file or else the first part, and what is left of its name."""
    between = "::" if "::" in workload else "."
    subject, _, rest = workload.partition(between)
    return (subject, rest) if rest else ("", subject)


def many(count: int, thing: str) -> str:
    """'1 case', '2 cases'."""
    return f"{count} {thing}{'' if count == 1 else 's'}"
