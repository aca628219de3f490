"""Record files: JSON Lines, appended a whole line at a time, read with every bad line named. Imports no torch."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from bench.records.errors import UsageError
from bench.records.lines import Named, environment_line, parse_line, record_line, scope_line
from bench.records.record import Case, Environment, Record, RecordError, Scope

FIRST_BYTES = b'{"schema"'  # how every line of a records file begins

CUT_OFF = "cut off in the middle, passed over"


class StoringError(UsageError):
    """A file that cannot be written or read; the text names it and says what to do."""


def cache_folder(name: str) -> Path:
    """A folder for what can be made again, below the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torchpace" / name


def write_whole(path: Path, text: str) -> None:
    """Write a file whole, or leave it as it was. Raises StoringError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # a pipe or /dev/stdout, which nothing is to be put in place of
            path.write_text(text, encoding="utf-8", errors="replace")
            return
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        raise StoringError(f"cannot write {path}: {error.strerror}; name another file") from error


class Writer:
    """Appends records to a file; after every call what was appended is on disk.

    A line that an earlier crash cut off stays in the file, ended by a line break, and is passed over by `read`.
    Raises StoringError when the file cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._environments: set[str] = set()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, len(FIRST_BYTES), 0) != FIRST_BYTES:
                raise StoringError(f"{path} exists and is no records file; name another file with -o")
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                os.write(self._file, b"\n")
        except OSError as error:
            raise StoringError(f"cannot write {path}: {error.strerror}; name another file with -o") from error

    def add(self, environment: Environment, records: Sequence[Record]) -> None:
        """Append the records, and before them their environment when this writer has not stored it yet."""
        lines = [record_line(record) for record in records]
        if not lines:
            return
        if environment.id not in self._environments:
            self._environments.add(environment.id)
            lines.insert(0, environment_line(environment, records[0].run))
        self._append(lines)

    def declare(self, scope: Scope) -> None:
        """Append what a run is about to measure."""
        self._append([scope_line(scope)])

    def _append(self, lines: Sequence[str]) -> None:
        data = ("\n".join(lines) + "\n").encode()
        try:
            while data:
                data = data[os.write(self._file, data) :]
            os.fsync(self._file)
        except OSError as error:
            raise StoringError(f"cannot write {self.path}: {error.strerror}; what came before is kept") from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


@runtime_checkable
class KnowsCases(Protocol):
    """Records of which is known what they are of before any of them is read."""

    def cases(self) -> Iterable[tuple[str, Case]]:
        """Each environment with each case that was measured there."""
        ...


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a file holds: records, environments by id, what was passed over and why, and what runs set out to do."""

    records: Sequence[Record]
    environments: dict[str, Environment]
    warnings: tuple[str, ...] = ()
    scopes: tuple[Scope, ...] = ()

    def cases(self) -> Iterable[tuple[str, Case]]:
        """Each environment, by its id, with each case that was measured there."""
        if isinstance(self.records, KnowsCases):
            return self.records.cases()
        return dict.fromkeys((record.environment, record.case) for record in self.records)


def lacks_its_end(line: str) -> bool:
    """Whether a line that is not JSON would need more text to be."""
    try:
        json.loads(line)
    except json.JSONDecodeError as error:
        return not line.endswith("}") or error.pos >= len(line)
    except (ValueError, RecursionError):  # a number of thousands of digits, or brackets without end
        return False
    return False


def read(path: Path, unmeasured: bool = False) -> Contents:
    """Read a records file. A line cut off by a crash is passed over with a warning.

    unmeasured: whether one will do that only says what a run set out to measure.
    Raises StoringError, with path and line, for an unreadable, empty or foreign file, or a newer schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StoringError(f"cannot read {path}: {why}") from error
    if not text.strip():
        raise StoringError(f"{path} is empty; was the run that wrote it stopped before its first case?")
    records: list[Record] = []
    environments: dict[str, Environment] = {}
    named: dict[str, str] = {}
    scopes: list[Scope] = []
    warnings: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            parsed = parse_line(line)
        except RecordError as error:
            # Every line begins with its schema, so this beginning without an end is a write that was cut off.
            if line.encode().startswith(FIRST_BYTES) and lacks_its_end(line):
                warnings.append(f"{path}:{number}: {CUT_OFF}")
                continue
            raise StoringError(f"{path}:{number}: {error}") from error
        if isinstance(parsed, Named):
            named[parsed.id] = parsed.environment.id
            environments[parsed.environment.id] = parsed.environment
        elif isinstance(parsed, Scope):
            scopes.append(parsed)
        else:  # somebody may have written facts into a file, whose digest is then another
            id = named.get(parsed.environment, parsed.environment)
            records.append(parsed if id == parsed.environment else replace(parsed, environment=id))
    if not records and not (unmeasured and scopes):
        raise StoringError(f"{path} holds no records; {'; '.join(warnings) or 'only what a run set out to measure'}")
    return Contents(tuple(records), environments, tuple(warnings), tuple(scopes))
