"""Where figures come from: files and folders of records, of asv's and of pytest-benchmark's; all become records."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.records.files import FIRST_BYTES, Contents, StoringError, read
from bench.records.texts import loads
from reports.read import asv, asv_format, pytest_benchmark
from reports.read.columns.arrays import Several
from reports.read.columns.large import read_large

DESCRIPTIONS = "benchmarks.json"
NO_RESULTS = ("machine.json", DESCRIPTIONS)  # files of asv's beside its results
FILES_NAMED = 3  # files that are named of those that were passed over


class NoResultsError(StoringError):
    """A file of another kind."""


def load(paths: Iterable[Path]) -> Contents:
    """Everything in the files and folders. Raises StoringError, naming the file, for what cannot be read."""
    return joined([load_one(path) for path in paths])


def joined(parts: Sequence[Contents]) -> Contents:
    """Several contents as one."""
    if len(parts) == 1:
        return parts[0]
    return Contents(
        Several([part.records for part in parts]),
        {id: environment for part in parts for id, environment in part.environments.items()},
        tuple(warning for part in parts for warning in part.warnings),
    )


def load_one(path: Path) -> Contents:
    """One file or folder, by what it is."""
    return load_folder(path) if path.is_dir() else read_large([path]).get(path) or load_file(path)


def load_folder(folder: Path) -> Contents:
    """All results in a folder and those in it, the oldest commit first; bad files are passed over and named."""
    parts, bad, others = [], [], []
    paths = [path for path in sorted(folder.rglob("*.json*")) if is_result(path)]
    large = read_large(paths)
    for path in paths:
        try:
            parts.append(large.get(path) or load_file(path))
        except NoResultsError:
            others.append(path.name)
        except StoringError as error:
            bad.append(str(error))
    if not parts:
        raise StoringError(
            "; ".join([f"{folder} holds no results of torchpace, asv or pytest-benchmark", *bad[:FILES_NAMED]])
        )
    if others:
        more = f" and {len(others) - FILES_NAMED} more" if len(others) > FILES_NAMED else ""
        bad.append(f"{', '.join(others[:FILES_NAMED])}{more} in {folder}, which hold no results")
    found = joined(sorted(parts, key=date_of))
    return Contents(found.records, found.environments, (*found.warnings, *(f"passed over: {text}" for text in bad)))


def is_result(path: Path) -> bool:
    """Whether a file may be one of results, by its name."""
    return path.suffix in (".json", ".jsonl") and path.name not in NO_RESULTS and path.is_file()


def date_of(contents: Contents) -> float:
    """When the commit was made that a file is of, in s since 1970; where nobody knows, it comes first."""
    dates = (environment.get("commit_date") for environment in contents.environments.values())
    return max((float(date) for date in dates if isinstance(date, (int, float))), default=0.0)


def load_file(path: Path) -> Contents:
    """One file, by what is in it."""
    if path.suffix != ".json" or begins_as_records(path):
        return read(path)
    body = decoded(path)
    if pytest_benchmark.is_results(body):
        return pytest_benchmark.contents(path, body)
    if asv_format.is_results(body):
        found = asv.contents(path, body, described_beside(path))
        if not found.records:
            raise StoringError("; ".join([f"{path} holds no result that was measured", *found.warnings[:FILES_NAMED]]))
        return found
    if isinstance(body, dict) and "traceEvents" in body:
        raise StoringError(f"{path} is a trace of the profiler's: torchpace profile --trace {path}")
    raise NoResultsError(f"{path} is JSON, but neither pytest-benchmark's nor asv's nor records (.jsonl)")


def begins_as_records(path: Path) -> bool:
    """Whether a file's first bytes are those of records."""
    try:
        with path.open("rb") as file:
            return file.read(len(FIRST_BYTES)) == FIRST_BYTES
    except OSError as error:
        raise StoringError(f"cannot read {path}: {error.strerror}") from error


def decoded(path: Path) -> Any:
    """The JSON in a file. Raises StoringError."""
    try:
        return loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoringError(f"cannot read {path}: {error.strerror}") from error
    except RecursionError as error:
        raise StoringError(f"{path} is nested too deeply to be results") from error
    except ValueError as error:
        raise StoringError(f"{path} is not JSON: {error}") from error


def described_beside(path: Path) -> Mapping[str, asv_format.Described]:
    """What benchmarks.json says that belongs to a result file of asv's; nothing where there is none."""
    for folder in (path.parent, path.parent.parent):
        beside = folder / DESCRIPTIONS
        if beside.is_file():
            return descriptions(beside, beside.stat().st_mtime_ns)
    return {}


@functools.lru_cache(maxsize=2)
def descriptions(path: Path, changed_ns: int) -> Mapping[str, asv_format.Described]:
    """The descriptions in a file as it was at a time; nothing where it cannot be read."""
    try:
        return asv_format.descriptions(decoded(path))
    except StoringError:
        return {}
