"""Records as arrays, one number for each: what they are grouped and computed by. Knows no file."""

from __future__ import annotations

import bisect
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any, Protocol, overload, runtime_checkable

import numpy as np
import pandas as pd

from bench.records.metrics import VARIES
from bench.records.record import Case, Record

MOST_CODES = 1 << 62  # numbers that keys can be put together in
STATUSES = ("measured", "unavailable", "broken")


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A text, or a case, of each record: names, each once, in order of appearance, and of each record which it is."""

    names: tuple[Any, ...]
    codes: np.ndarray

    def of(self, at: int) -> Any:
        """The name of a record."""
        return self.names[self.codes[at]]

    @staticmethod
    def made(values: Iterable[Hashable]) -> Coded:
        """The values as codes."""
        places: dict[Hashable, int] = {}
        codes = [places.setdefault(value, len(places)) for value in values]
        return Coded(tuple(places), np.array(codes, dtype=np.int32))

    def renamed(self, names: Mapping[str, str]) -> Coded:
        """With other names for some; what is then called the same is the same."""
        return Coded.joined([Coded(tuple(names.get(name, name) for name in self.names), self.codes)])

    @staticmethod
    def joined(parts: Sequence[Coded]) -> Coded:
        """Several as one, with one code for each name."""
        places: dict[Hashable, int] = {}
        codes = []
        for part in parts:
            new = np.array([places.setdefault(name, len(places)) for name in part.names], dtype=np.int32)
            codes.append(new[part.codes] if len(new) else part.codes)
        return Coded(tuple(places), np.concatenate(codes))


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Records in their order. values: of all records, one after the other; ends: where each record's end there.

    varies: whether a record says that its figure is not the same in every run.
    """

    case: Coded
    metric: Coded
    environment: Coded
    run: Coded
    status: Coded
    data: Coded
    varies: np.ndarray
    values: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        """How many records there are."""
        return len(self.ends)

    @property
    def counts(self) -> np.ndarray:
        """How many values each record has."""
        return np.diff(self.ends, prepend=0)

    def medians(self, at: np.ndarray) -> np.ndarray:
        """The median of the values of each of these records; NaN of one without values."""
        counts, found = self.counts[at], np.full(len(at), np.nan)
        for count in np.unique(counts[counts > 0]).tolist():
            rows = np.flatnonzero(counts == count)
            places = self.ends[at[rows], None] - count + np.arange(count)
            found[rows] = np.median(self.values[places], axis=1)
        return found

    def values_of(self, at: np.ndarray) -> np.ndarray:
        """All values of these records."""
        begins = np.where(at > 0, self.ends[at - 1], 0)
        stretches = zip(begins.tolist(), self.ends[at].tolist(), strict=True)
        return np.concatenate([self.values[begin:end] for begin, end in stretches])

    def is_status(self, status: str) -> np.ndarray:
        """Which records are of this status."""
        found: np.ndarray = self.status.codes == STATUSES.index(status)
        return found

    def cases(self) -> Iterator[tuple[str, Case]]:
        """Each environment with each case that was measured there."""
        order, begins = in_groups([self.environment.codes, self.case.codes])
        for at in order[begins].tolist():
            yield self.environment.names[self.environment.codes[at]], self.case.names[self.case.codes[at]]

    @staticmethod
    def joined(parts: Sequence[Columns]) -> Columns:
        """Several as one."""
        coded = ("case", "metric", "environment", "run", "data")
        before = accumulate((int(part.ends[-1]) if len(part) else 0 for part in parts), initial=0)
        return Columns(
            **{name: Coded.joined([getattr(part, name) for part in parts]) for name in coded},
            status=Coded(STATUSES, np.concatenate([part.status.codes for part in parts])),
            varies=np.concatenate([part.varies for part in parts]),
            values=np.concatenate([part.values for part in parts]),
            ends=np.concatenate([part.ends + shift for part, shift in zip(parts, before, strict=False)]),
        )


@runtime_checkable
class HasColumns(Protocol):
    """Records that are known as columns before any of them is read."""

    @property
    def columns(self) -> Columns:
        """All of them."""
        ...


def columns_of(records: Sequence[Record]) -> Columns:
    """The records as columns."""
    if isinstance(records, HasColumns):
        return records.columns
    return Columns(
        case=Coded.made(record.case for record in records),
        metric=Coded.made(record.metric for record in records),
        environment=Coded.made(record.environment for record in records),
        run=Coded.made(record.run for record in records),
        status=Coded(STATUSES, np.array([STATUSES.index(record.status) for record in records], dtype=np.int32)),
        data=Coded.made(record.data for record in records),
        varies=np.array([VARIES in record.warnings for record in records], dtype=bool),
        values=np.fromiter(chain.from_iterable(record.values for record in records), dtype=float),
        ends=np.cumsum([len(record.values) for record in records], dtype=np.int64),
    )


class Several(Sequence[Record]):
    """The records of several sequences, one after the other, none of them read before it is asked for."""

    def __init__(self, parts: Sequence[Sequence[Record]]) -> None:
        self.parts = parts
        self.ends = list(accumulate(map(len, parts)))
        self._columns: Columns | None = None

    @property
    def columns(self) -> Columns:
        """All of them."""
        if self._columns is None:
            self._columns = Columns.joined([columns_of(part) for part in self.parts])
        return self._columns

    def cases(self) -> Iterator[tuple[str, Case]]:
        """Each environment with each case that was measured there."""
        return self.columns.cases()

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __iter__(self) -> Iterator[Record]:
        return chain.from_iterable(self.parts)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | Sequence[Record]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        place = at + len(self) if at < 0 else at
        if not 0 <= place < len(self):
            raise IndexError(at)
        part = bisect.bisect_right(self.ends, place)
        return self.parts[part][place - (self.ends[part - 1] if part else 0)]


def in_groups(keys: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Records with equal keys together, the groups in order of appearance: the records, and where each group begins.

    keys: arrays of whole numbers, as long as there are records; within a group records stay in their order.
    """
    code, span = np.zeros(len(keys[0]), dtype=np.int64), 1
    for key in keys:
        size = int(key.max(initial=0)) + 1
        if span * size > MOST_CODES:
            code, span = pd.factorize(code)[0].astype(np.int64), len(code)
        code, span = code * size + key, span * size
    groups = pd.factorize(code)[0]
    order = np.argsort(groups, kind="stable")
    begins = np.flatnonzero(np.diff(groups[order], prepend=-1))
    return order, begins
