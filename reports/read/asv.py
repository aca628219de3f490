"""Results that asv stored, as records. Knows the names that `bench.suites.suites` gives its benchmarks.

asv keeps raw samples only with --record-samples; otherwise each figure is one value, its median, and says so.
Its files hold bare NaN, its parameters are Python literals as text, and units live in benchmarks.json, which
only describes the latest discovery; so the metric is read from the benchmark's name.
"""

from __future__ import annotations

import ast
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.records.files import Contents, StoringError
from bench.records.metrics import METRICS
from bench.records.points import point_of
from bench.records.record import Case, Environment, Record

NO_SAMPLES = "asv stored only the median; `asv run --record-samples` keeps the values"
PREFIX = "track_"
NOT_RESULTS = ("machine.json", "benchmarks.json")


def read_folder(folder: Path) -> Contents:
    """Every result in an asv results folder, or in one machine's folder of it. Raises StoringError."""
    files = [path for path in sorted(folder.rglob("*.json")) if path.name not in NOT_RESULTS]
    parts = [part for path in files if (part := read_file(path))]
    records = tuple(record for part in parts for record in part.records)
    if not records:
        raise StoringError(f"{folder} holds no asv results of this suite; run `asv run` first, or name a records file")
    environments = {id: environment for part in parts for id, environment in part.environments.items()}
    return Contents(records, environments, tuple(warning for part in parts for warning in part.warnings))


def read_file(path: Path) -> Contents | None:
    """The results of one commit on one machine; None when the file is no result file. Raises StoringError."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoringError(f"{path} is not readable as asv results: {error}") from error
    if not isinstance(body, dict) or "result_columns" not in body:
        return None
    environment = environment_of(body)
    columns = body["result_columns"]
    records = []
    for name, result in body["results"].items():
        workload, _, method = name.rpartition(".")
        metric = method.removeprefix(PREFIX)
        if metric not in METRICS or not method.startswith(PREFIX):
            continue
        entry = dict(zip(columns, result or [], strict=False))
        records += list(records_of(workload, metric, entry, environment))
    return Contents(tuple(records), {environment.id: environment})


def environment_of(body: Mapping[str, Any]) -> Environment:
    """What asv knows of the environment: machine, requirements (torch, the GPU), Python and commit."""
    machine = body.get("params", {})
    requirements = {name: version or None for name, version in body.get("requirements", {}).items()}
    facts = {
        "hostname": machine.get("machine"),
        "cpu": machine.get("cpu"),
        "cores": whole(machine.get("num_cpu")),
        "memory_bytes": whole(machine.get("ram")),
        "machine": machine.get("arch"),
        "os": machine.get("os"),
        "python": body.get("python"),
        "commit": body.get("commit_hash"),
        "commit_date": date / 1000 if isinstance(date := body.get("date"), (int, float)) else None,  # asv keeps ms
        **requirements,
    }
    return Environment(tuple(sorted(facts.items())))


def whole(text: object) -> int | None:
    """A number that asv keeps as text; people may have written anything."""
    return int(text) if str(text).isdigit() else None


def records_of(workload: str, metric: str, entry: Mapping[str, Any], environment: Environment) -> Iterator[Record]:
    """One record per combination of parameters that gave a result or failed."""
    results = entry.get("result")
    for index, combination in enumerate(itertools.product(*(entry.get("params") or []))):
        value = results[index] if results else None
        case = case_of(workload, entry, combination)
        blank = Record(run="asv", environment=environment.id, case=case, metric=metric)
        if value is None:
            yield replace(blank, status="broken", reason="failed under asv; `asv run --show-stderr` says why")
        elif not math.isnan(value):  # NaN: not selected or not available, which asv does not tell apart
            samples, steps = at(entry.get("samples"), index), at(entry.get("stats_number"), index)
            values = tuple(float(sample) for sample in samples or [value])
            noisy = samples is None and METRICS[metric].assumes == "noise"
            yield replace(
                blank, values=values, steps_per_value=int(steps or 1), warnings=(NO_SAMPLES,) if noisy else ()
            )


def at(column: list[Any] | None, index: int) -> Any:
    """The entry of a column that asv leaves out when all of it is empty."""
    return column[index] if column and index < len(column) else None


def case_of(workload: str, entry: Mapping[str, Any], combination: Sequence[str]) -> Case:
    """The case behind the parameters (point, device, dtype, mode, threads), each the text of a Python literal."""
    point, device, dtype, mode, threads = (str(ast.literal_eval(text)) for text in combination)
    version = entry.get("version") or "1"
    return Case(workload, int(version) if version.isdigit() else 1, point_of(point), device, dtype, mode, int(threads))
