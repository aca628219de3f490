"""Large records files: as columns, which are kept from one reading to the next."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bench.records.files import CUT_OFF, FIRST_BYTES, Contents
from reports.read.columns.indexed import Lines, Part, joined_or_none, parts_of

LARGE = 1 << 24  # bytes, of all files together, from which on columns pay
BACK = 1 << 16  # bytes that are read at once, looking back for the end of a line


def read_large(paths: Sequence[Path]) -> dict[Path, Contents]:
    """What can be read as columns of these files, if they are large together; the others are for `read` to judge."""
    files = [path for path in paths if begins_as_records(path)]
    if sum(path.stat().st_size for path in files) < LARGE:
        return {}
    from reports.read.columns.parquet import keep, kept  # noqa: PLC0415 - a tenth of a second that small files do not need

    known = {path: kept(path) for path in files}
    new = [(path, end, last_line_end(path, end)) for path, (_, end) in known.items()]
    cut = [(path, end, path.stat().st_size) for path, _, end in new]
    read = parts_of([stretch for stretch in (*new, *cut) if stretch[1] < stretch[2]])
    found = {}
    for path, (parts, _), *stretches in zip(files, known.values(), new, cut, strict=True):
        part = joined_or_none([*parts, *(read[stretch] for stretch in stretches if stretch in read)])
        if part is None or not len(part.columns):
            continue
        if fresh := read.get(stretches[0]):
            keep(stretches[0], fresh)
        found[path] = contents_of(path, part)
    return found


def begins_as_records(path: Path) -> bool:
    """Whether a file can be read more than once, as a pipe cannot, and its first bytes are those of records."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(FIRST_BYTES)) == FIRST_BYTES
    except OSError:
        return False


def last_line_end(path: Path, begin: int) -> int:
    """Where the last line of a file ends that has an end, from a place on at which a line begins."""
    with path.open("rb") as file:
        at = file.seek(0, os.SEEK_END)
        while at > begin:
            start = max(begin, at - BACK)
            file.seek(start)
            found = file.read(at - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            at = start
    return begin


def contents_of(path: Path, part: Part) -> Contents:
    """A part that is a whole file as contents."""
    warnings = tuple(f"{path}:{line + 1}: {CUT_OFF}" for line in part.cut)
    environments = {environment.id: environment for environment in part.environments.values()}
    return Contents(Lines(path, part), environments, warnings, part.scopes)
