"""A records file as columns: each line is read once, by several processes, and again only where its record is wanted.

Knows no cache. What cannot be read is not judged here: `bench.records.files.read` says what is wrong with which line.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import TypeAlias, overload

import numpy as np
from tqdm import tqdm

from bench.records.files import FIRST_BYTES, lacks_its_end
from bench.records.lines import Named, parse_line
from bench.records.record import Case, Environment, Record, RecordError, Scope
from reports.read.columns.arrays import Columns, columns_of

CHUNK = 1 << 23  # bytes that a process reads at once
FEW = 4  # chunks that are read sooner than a process starts
MOST_TASKS = 500  # that are handed to processes one by one

Stretch: TypeAlias = tuple[Path, int, int]


class NotPlainError(ValueError):
    """Something in a file that only one who reads it line by line can judge."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A stretch of a file: its records as columns and where their lines begin and how long they are, in bytes.

    environments: by what the file calls them, which is not their id where somebody wrote facts into it.
    cut: which of its lines are cut off, from 0, of `lines` that there are.
    """

    columns: Columns
    begins: np.ndarray
    lengths: np.ndarray
    environments: dict[str, Environment]
    scopes: tuple[Scope, ...]
    cut: tuple[int, ...]
    lines: int

    @staticmethod
    def joined(parts: Sequence[Part]) -> Part:
        """Stretches that follow each other as one. Raises NotPlainError."""
        before = list(accumulate((part.lines for part in parts), initial=0))
        environments: dict[str, Environment] = {}
        for id, environment in chain.from_iterable(part.environments.items() for part in parts):
            if environments.setdefault(id, environment) != environment:  # which is meant depends on the line
                raise NotPlainError(f"environment {id} is two")
        return Part(
            Columns.joined([part.columns for part in parts]),
            np.concatenate([part.begins for part in parts]),
            np.concatenate([part.lengths for part in parts]),
            environments,
            tuple(scope for part in parts for scope in part.scopes),
            tuple(line + shift for part, shift in zip(parts, before, strict=False) for line in part.cut),
            before[-1],
        )


class Lines(Sequence[Record]):
    """The records of a file, each parsed when it is asked for."""

    def __init__(self, path: Path, part: Part) -> None:
        self._file: int | None = None
        self.path, self._begins, self._lengths = path, part.begins, part.lengths
        self._ids = {name: environment.id for name, environment in part.environments.items() if name != environment.id}
        self.columns = replace(part.columns, environment=part.columns.environment.renamed(self._ids))

    def cases(self) -> Iterator[tuple[str, Case]]:
        """Each environment with each case that was measured there."""
        return self.columns.cases()

    def __len__(self) -> int:
        return len(self._begins)

    def __iter__(self) -> Iterator[Record]:
        return (self[at] for at in range(len(self)))

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | Sequence[Record]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        if self._file is None:
            self._file = os.open(self.path, os.O_RDONLY)
        line = os.pread(self._file, int(self._lengths[at]), int(self._begins[at]))
        found = parse_line(line.decode())
        assert isinstance(found, Record)
        id = self._ids.get(found.environment)
        return replace(found, environment=id) if id else found

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)


def part_of(path: Path, begin: int, end: int) -> Part:
    """The lines between two places of a file. Raises NotPlainError, OSError and UnicodeDecodeError."""
    with path.open("rb") as file:
        file.seek(begin)
        lines = file.read(end - begin).split(b"\n")
    records, begins, lengths, cut = [], [], [], []
    environments: dict[str, Environment] = {}
    scopes: list[Scope] = []
    at = begin
    for number, line in enumerate(lines):
        if line.strip():
            try:
                found = parse_line(line.decode())
            except RecordError as error:
                if not (line.startswith(FIRST_BYTES) and lacks_its_end(line.decode())):
                    raise NotPlainError(str(error)) from error
                cut.append(number)
                found = None
            if isinstance(found, Record):
                records.append(found)
                begins.append(at)
                lengths.append(len(line))
            elif isinstance(found, Named):
                if environments.setdefault(found.id, found.environment) != found.environment:
                    raise NotPlainError(f"environment {found.id} is two")
            elif found is not None:
                scopes.append(found)
        at += len(line) + 1
    return Part(
        columns_of(records), np.array(begins, dtype=np.int64), np.array(lengths, dtype=np.int32), environments,
        tuple(scopes), tuple(cut), len(lines) - (not lines[-1]),
    )  # fmt: skip


def parts_of(stretches: Sequence[Stretch]) -> dict[Stretch, Part | None]:
    """The part of each stretch; None where it holds what only one who reads line by line can judge.

    Long ones are read by as many processes as there are processors, with a bar.
    """
    chunks = [(path, *edges) for path, begin, end in stretches for edges in pairwise(edges_in(path, begin, end))]
    if sum(end - begin for _, begin, end in chunks) <= FEW * CHUNK:
        found = [tried(*chunk) for chunk in chunks]
    else:
        found = by_processes(chunks)
    rest = iter(found)
    return {stretch: joined_or_none([next(rest) for _ in pairwise(edges_in(*stretch))]) for stretch in stretches}


def by_processes(chunks: Sequence[Stretch]) -> list[Part | None]:
    """What `tried` gives for each, from as many processes as there are processors; none goes on after Ctrl-C."""
    context = multiprocessing.get_context("spawn")  # what forks beside threads may hang
    pool = ProcessPoolExecutor(os.cpu_count(), context, signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        parts = pool.map(tried, *zip(*chunks, strict=True), chunksize=1 + len(chunks) // MOST_TASKS)
        return list(tqdm(parts, "reading", len(chunks), leave=False, disable=None, dynamic_ncols=True))
    finally:
        pool.shutdown(cancel_futures=True)


def tried(path: Path, begin: int, end: int) -> Part | None:
    """The lines between two places of a file; None where it takes more to read them."""
    try:
        return part_of(path, begin, end)
    except (NotPlainError, OSError, UnicodeDecodeError):
        return None


def joined_or_none(parts: Sequence[Part | None]) -> Part | None:
    """The parts as one; None where one is None, or they contradict each other."""
    there = [part for part in parts if part]
    try:
        return Part.joined(there) if there and len(there) == len(parts) else None
    except NotPlainError:
        return None


def edges_in(path: Path, begin: int, end: int) -> Iterator[int]:
    """The ends of a stretch, and between them where lines begin, about a chunk apart."""
    yield begin
    with path.open("rb") as file:
        for at in range(begin + CHUNK, end, CHUNK):
            file.seek(at)
            file.readline()
            if file.tell() < min(at + CHUNK, end):
                yield file.tell()
    yield end
