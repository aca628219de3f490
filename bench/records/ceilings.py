"""Where measured ceilings are kept: one file per machine, torch, device and threads. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bench.records.files import Contents, StoringError, cache_folder, read
from bench.records.machines import fingerprint_of
from bench.records.record import Environment

LONGEST_PART = 50  # characters of a fact in a file's name; real ones are shorter
TIME = "step_time"  # all that `torchpace ceilings` measures
SUBJECT = "ceilings."  # what the names of the workloads begin with that measure ceilings


def ceilings_folder() -> Path:
    """The user's cache folder for ceilings, beside that of data sets."""
    return cache_folder("ceilings")


def ceilings_file(environment: Environment, device: str, threads: int) -> Path | None:
    """The file of the ceilings that figures of this environment are held against; None where it is not known."""
    fingerprint, torch = fingerprint_of(environment), environment.get("torch")
    if not fingerprint or not torch:
        return None
    parts = (fingerprint, f"torch{torch}", device, f"{threads}threads")
    name = "-".join(re.sub(r"[^A-Za-z0-9.+_-]", "_", part)[:LONGEST_PART] for part in parts)
    return ceilings_folder() / f"{name}.jsonl"


def cached(environment: Environment, device: str, threads: int) -> Contents | None:
    """The ceilings measured before; None when there are none that can be read."""
    path = ceilings_file(environment, device, threads)
    if path is None or not path.is_file():
        return None
    try:
        return read(path)
    except StoringError:  # a cache that went bad is as good as none: it can be measured again
        return None


def cached_for(sources: Iterable[Contents]) -> Contents:
    """All cached ceilings of the machines, devices and threads that the sources' records were measured with."""
    wanted: dict[tuple[str, str, int], Environment] = {}
    for contents in sources:
        for id, case in contents.cases():
            environment = contents.environments.get(id)
            if environment is not None:
                wanted[(id, case.device, case.threads)] = environment
    paths: dict[Path, Contents] = {}
    for (_, device, threads), environment in wanted.items():
        path = ceilings_file(environment, device, threads)
        if path is not None and path not in paths and (found := cached(environment, device, threads)):
            paths[path] = found
    records = tuple(record for found in paths.values() for record in found.records)
    environments = {id: one for found in paths.values() for id, one in found.environments.items()}
    return Contents(records, environments)


def only_ceilings(contents: Contents) -> bool:
    """Whether the records are of nothing but ceilings, and so no run of their own in a report.

    Who measures how a ceiling's cost grows, or compares two torches by it, has first calls and memory, too.
    """
    return all(case.workload.startswith(SUBJECT) for _, case in contents.cases()) and all(
        record.metric == TIME for record in contents.records
    )
