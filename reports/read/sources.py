"""Where figures come from: record files, `.asv/results` folders, pytest-benchmark files; all become records."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from bench.records.files import Contents, StoringError, read
from reports.read import asv, pytest_benchmark


def load(paths: Iterable[Path]) -> Contents:
    """Everything in the files and folders. Raises StoringError, naming the file, for what cannot be read."""
    parts = [load_one(path) for path in paths]
    return Contents(
        tuple(record for part in parts for record in part.records),
        {id: environment for part in parts for id, environment in part.environments.items()},
        tuple(warning for part in parts for warning in part.warnings),
    )


def load_one(path: Path) -> Contents:
    """One file or folder, by what it is."""
    if path.is_dir():
        return asv.read_folder(path)
    if path.suffix == ".json":
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise StoringError(f"cannot read {path}: {error.strerror}") from error
        except ValueError as error:
            raise StoringError(f"{path} is not JSON: {error}") from error
        if isinstance(body, dict) and "benchmarks" in body and "machine_info" in body:
            return pytest_benchmark.contents(path, body)
        raise StoringError(
            f"{path} is JSON, but neither pytest-benchmark's nor records (.jsonl); for asv, name its results folder"
        )
    return read(path)
