"""pytest-benchmark's JSON, as records: of this suite by what `tests/perf` writes into extra_info, else as they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.records.files import Contents, StoringError
from bench.records.lines import case_from
from bench.records.metrics import POOLED
from bench.records.points import Value, parse_value
from bench.records.record import MOST_ITEMS, Case, Environment, Record
from reports.read.asv import is_fact, table
from reports.stats.intervals import UNSURE

NO_COMMIT = (None, "", "unversioned", "unknown")  # what pytest-benchmark writes outside of a repository
OBJECT = "UNSERIALIZABLE"  # how pytest-benchmark begins what it cannot write
NO_DATA = (
    f"one process's median: {UNSURE}; --benchmark-json keeps the values, and --benchmark-save-data "
    "with --benchmark-autosave"
)
LONGEST = 80  # characters of a text in extra_info that are shown


class Stats(msgspec.Struct):
    """Seconds per call, as pytest-benchmark divides by its iterations itself."""

    median: float | None = None
    mean: float | None = None
    iterations: float | None = None
    data: list[float] | None = None


class Benchmark(msgspec.Struct):
    """One benchmark, of any version of pytest-benchmark."""

    name: str
    stats: Stats
    fullname: str | None = None
    group: str | None = None
    params: dict[str, Any] | None = None
    extra_info: dict[str, Any] | None = None


def is_results(body: object) -> bool:
    """Whether decoded JSON is a file of pytest-benchmark's."""
    return isinstance(body, dict) and isinstance(body.get("benchmarks"), list) and "machine_info" in body


def contents(path: Path, body: Mapping[str, Any]) -> Contents:
    """All benchmarks in a decoded file; what cannot be read of it is a warning. Raises StoringError when all is bad."""
    facts = facts_of(body)
    run = body["datetime"] if isinstance(body.get("datetime"), str) else "pytest-benchmark"
    records: list[Record] = []
    environments: dict[str, Environment] = {}
    warnings = []
    seen: dict[Case, str] = {}
    for number, stored in enumerate(body["benchmarks"]):
        try:
            benchmark = msgspec.convert(stored, Benchmark)
            torch = table(benchmark.extra_info).get("torch")
            environment = Environment(tuple(sorted({**facts, "torch": torch if is_fact(torch) else None}.items())))
            records.append(record_of(benchmark, run, environment.id, seen))
            environments[environment.id] = environment
        except (KeyError, ValueError) as error:
            warnings.append(f"{path}: passed over benchmarks[{number}]: {error}")
    if not records:
        raise StoringError(f"{path} holds no benchmark that can be read; {'; '.join(warnings[:3]) or 'it is empty'}")
    return Contents(tuple(records), environments, tuple(warnings))


def facts_of(body: Mapping[str, Any]) -> dict[str, Value | None]:
    """What pytest-benchmark knows of the machine and the commit."""
    machine, commit = table(body.get("machine_info")), table(body.get("commit_info"))
    cpu = table(machine.get("cpu"))
    head = None if commit.get("id") in NO_COMMIT else commit.get("id")
    system = " ".join(str(machine[name]) for name in ("system", "release") if machine.get(name))
    facts = {
        "hostname": machine.get("node"),
        "cpu": cpu.get("brand_raw") or cpu.get("brand"),
        "cores": cpu.get("count"),
        "machine": machine.get("machine"),
        "os": system or None,
        "python": machine.get("python_version"),
        "commit": head,
        "commit_date": seconds(commit.get("time")),
        "dirty": commit.get("dirty"),
    }
    if not head or commit.get("dirty"):  # what was measured then is told apart by the run alone
        facts["run"] = body.get("datetime")
    return {name: value for name, value in facts.items() if is_fact(value)}


def seconds(date: object) -> float | None:
    """A date in ISO's format as seconds since 1970."""
    try:
        return datetime.fromisoformat(date).timestamp() if isinstance(date, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def record_of(benchmark: Benchmark, run: str, environment: str, seen: dict[Case, str]) -> Record:
    """One benchmark as a record; seen: ids by case in the file so far. Raises ValueError where it has no time."""
    extra, stats = table(benchmark.extra_info), benchmark.stats
    data = tuple(value for value in stats.data or () if math.isfinite(value) and value >= 0)
    usual = stats.median if stats.median is not None else stats.mean
    if not data and (usual is None or not math.isfinite(usual) or usual < 0):
        raise ValueError("its stats hold no median that is a time")
    values = data or (float(usual or 0.0),)
    own = set(Case.__dataclass_fields__) <= set(table(extra.get("case")))
    case = case_from(extra["case"]) if own else foreign_case(benchmark)
    name = benchmark.fullname or benchmark.name
    if not own and seen.setdefault(case, name) != name:  # 1 and True are one axis value, and two tests
        case = Case(name, 1, (), "", "", "", 0)
    items = extra.get("items") if own else None
    calls = stats.iterations or 1
    return Record(
        run=run, environment=environment, case=case, metric="step_time", values=values,
        steps_per_value=int(calls) if math.isfinite(calls) and calls >= 1 else 1,
        items=items if type(items) is int and 0 < items <= MOST_ITEMS else None,
        item=str(extra.get("item") or "") if own else "", data="" if own else about(benchmark),
        warnings=(POOLED,) * (not own) if data else (NO_DATA,),
    )  # fmt: skip


def foreign_case(benchmark: Benchmark) -> Case:
    """Somebody's own benchmark as a case: of which device, type, mode and threads it is, nobody knows."""
    name = benchmark.fullname or benchmark.name
    params = table(benchmark.params)
    if not params or not all(is_plain(value) for value in params.values()):
        return Case(name, 1, (), "", "", "", 0)  # its id tells objects apart, and is the same in every run
    return Case(name.partition("[")[0], 1, tuple(params.items()), "", "", "", 0)


def is_plain(value: object) -> bool:
    """Whether a parameter is what it is written as: no object, and no text that is written as a number is."""
    if isinstance(value, str):
        return not value.startswith(OBJECT) and parse_value(value) == value
    return isinstance(value, (bool, int, float))


def about(benchmark: Benchmark) -> str:
    """The group and what the author noted, in a line; neither is part of what the benchmark is."""
    notes = {"group": benchmark.group, **table(benchmark.extra_info)}
    return ", ".join(f"{name}={str(value)[:LONGEST]}" for name, value in notes.items() if value not in (None, {}, []))
