"""pytest-benchmark's JSON, as records. Knows what `tests/perf` writes into extra_info."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.records.files import Contents, StoringError
from bench.records.record import Environment, Record, case_from

NO_DATA = "the file keeps no raw values; --benchmark-json does, and --benchmark-save-data with --benchmark-autosave"


def contents(path: Path, body: Mapping[str, Any]) -> Contents:
    """All benchmarks of this suite in a decoded file. Raises StoringError when there are none."""
    machine, commit = body["machine_info"], body.get("commit_info", {})
    facts = {
        "hostname": machine.get("node"),
        "cpu": machine.get("cpu", {}).get("brand_raw"),
        "machine": machine.get("machine"),
        "os": f"{machine.get('system')} {machine.get('release')}",
        "python": machine.get("python_version"),
        "commit": commit.get("id"),
        "dirty": commit.get("dirty"),
    }
    records, environments = [], {}
    for benchmark in body["benchmarks"]:
        extra = benchmark.get("extra_info", {})
        if "case" not in extra:
            continue
        environment = Environment(tuple(sorted({**facts, "torch": extra.get("torch")}.items())))
        environments[environment.id] = environment
        stats = benchmark["stats"]
        # pytest-benchmark divides by its iterations itself, so the data are seconds per call.
        values = tuple(stats.get("data") or [stats["median"]])
        records.append(
            Record(
                run="pytest-benchmark", environment=environment.id, case=case_from(extra["case"]), metric="step_time",
                values=values, steps_per_value=stats.get("iterations", 1), items=extra.get("items"),
                item=extra.get("item", ""), warnings=() if stats.get("data") else (NO_DATA,),
            )
        )  # fmt: skip
    if not records:
        raise StoringError(
            f"{path} holds no benchmarks of this suite; `pytest tests/perf --benchmark-only` writes some"
        )
    return Contents(tuple(records), environments)
