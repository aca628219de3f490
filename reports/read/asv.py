"""Results that asv stored, as records: of this suite under the names it gave them, of anybody else under their own.

This suite's benchmarks return their metric (`track_step_time`) and have five parameters, each written as
`bench.suites.suites` does; everything else is somebody's own. asv keeps raw samples only with --record-samples, and
then those of all processes in one list; otherwise each figure is one value, its median, and says so.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.records.files import Contents
from bench.records.metrics import METRICS, POOLED, metric_of, tracked
from bench.records.points import Value, parse_value, point_of
from bench.records.record import Case, Environment, Record
from reports.read.asv_format import Benchmark, Described, Entry, benchmarks
from reports.stats.intervals import UNSURE

NO_SAMPLES = f"asv kept a median, and none of its values: {UNSURE}; `asv run --record-samples` keeps them"
ONE_PROCESS = f"one process of asv's: {UNSURE}; `torchpace run` measures in several"
FAILED = "failed under asv; `asv run --show-stderr` says why"
NO_VALUE = "asv has no value for it: not selected, skipped, or it returned none"
IMPOSSIBLE = "asv stored a value that is not finite, or a time or memory below 0"
PREFIX = "track_"
PARAMETERS = ("point", "device", "dtype", "mode", "threads")
BYTES = 2**30  # a machine's memory below that is in KiB, as old versions of asv had it
METRIC_OF = {"time": "step_time", "peakmem": "process_memory", "mem": "object_memory"}


def contents(path: Path, body: Mapping[str, Any], described: Mapping[str, Described]) -> Contents:
    """The results in a decoded file of one commit; what cannot be read of it is a warning."""
    environment = environment_of(body)
    bad: list[str] = []
    records = [record for each in benchmarks(body, described, bad) for record in records_of(each, environment.id)]
    return Contents(tuple(records), {environment.id: environment}, tuple(f"{path}: passed over {text}" for text in bad))


def environment_of(body: Mapping[str, Any]) -> Environment:
    """What asv knows of the environment: machine, requirements (torch, the GPU), variables, Python and commit."""
    machine, requirements, variables = (table(body.get(name)) for name in ("params", "requirements", "env_vars"))
    memory = whole(machine.get("ram"))
    date = body.get("date")
    facts: dict[str, Value | None] = {
        "hostname": machine.get("machine"),
        "cpu": machine.get("cpu"),
        "cores": whole(machine.get("num_cpu")),
        "memory_bytes": memory * 1024 if memory and memory < BYTES else memory,
        "machine": machine.get("arch"),
        "os": machine.get("os"),
        "python": body.get("python"),
        "commit": body.get("commit_hash"),
        "commit_date": date / 1000 if isinstance(date, (int, float)) and math.isfinite(date) else None,  # asv keeps ms
        "environment": body.get("env_name"),
        **{name.removeprefix("pip+"): value or None for name, value in requirements.items()},
        **variables,
    }
    return Environment(tuple(sorted((name, value) for name, value in facts.items() if is_fact(value))))


def is_fact(value: object) -> bool:
    """Whether a value is one that a fact can have."""
    return value is None or isinstance(value, (str, int, float, bool))


def table(body: object) -> Mapping[str, Any]:
    """A table, where there is one."""
    return body if isinstance(body, dict) else {}


def whole(text: object) -> int | None:
    """A number that asv keeps as text; people may have written anything."""
    written = str(text)
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None


def records_of(benchmark: Benchmark, environment: str) -> Iterator[Record]:
    """One record per combination of parameters that gave a result or failed."""
    own = is_ours(benchmark)
    metric = metric_name(benchmark, own)
    for entry in benchmark.entries:
        case = own_case(benchmark, entry) if own else foreign_case(benchmark, entry)
        blank = Record(run="asv", environment=environment, case=case, metric=metric)
        if entry.value is None:
            yield replace(blank, status="broken", reason=FAILED)
        elif math.isinf(entry.value) or (benchmark.kind != "track" and min((entry.value, *entry.samples)) < 0):
            yield replace(blank, status="unavailable", reason=IMPOSSIBLE)
        elif math.isnan(entry.value):  # of this suite's cases most were not selected, on purpose
            yield from [] if own else [replace(blank, status="unavailable", reason=NO_VALUE)]
        else:
            noisy = metric_of(metric).assumes == "noise" and metric_of(metric).unit == "s"
            kept = (ONE_PROCESS if own else POOLED) if entry.samples else NO_SAMPLES
            yield replace(
                blank, values=entry.samples or (entry.value,), steps_per_value=entry.number,
                warnings=(kept,) if noisy else (),
            )  # fmt: skip


def metric_name(benchmark: Benchmark, own: bool) -> str:
    """The metric that a benchmark is one of."""
    if own:
        return benchmark.name.rpartition(".")[2].removeprefix(PREFIX)
    return METRIC_OF.get(benchmark.kind) or tracked(benchmark.unit)


def is_ours(benchmark: Benchmark) -> bool:
    """Whether this suite wrote it: a metric's name, and five parameters of the kinds that it gives them."""
    method = benchmark.name.rpartition(".")[2]
    if not method.startswith(PREFIX) or method.removeprefix(PREFIX) not in METRICS:
        return False
    if benchmark.names and benchmark.names != PARAMETERS:
        return False
    return all(is_own(entry) for entry in benchmark.entries)


def is_own(entry: Entry) -> bool:
    """Whether the parameters are texts, of which the last is a number of threads."""
    values = [literal(text) for text in entry.parameters]
    texts = [value for value in values if isinstance(value, str)]
    return len(values) == len(texts) == len(PARAMETERS) and texts[-1].isdecimal() and all(texts[1:])


def own_case(benchmark: Benchmark, entry: Entry) -> Case:
    """The case behind the parameters (point, device, dtype, mode, threads)."""
    point, device, dtype, mode, threads = (str(literal(text)) for text in entry.parameters)
    version = int(benchmark.version) if benchmark.version.isdecimal() else 1
    return Case(benchmark.name.rpartition(".")[0], version, point_of(point), device, dtype, mode, int(threads))


def foreign_case(benchmark: Benchmark, entry: Entry) -> Case:
    """Somebody's own benchmark as a case: of which device, type, mode and threads it is, nobody knows."""
    count = len(entry.parameters)  # names are today's, and results may be older
    names = benchmark.names if len(benchmark.names) == count else [f"param{number + 1}" for number in range(count)]
    point = tuple(zip(names, (shown(text) for text in entry.parameters), strict=False))
    digest = hashlib.sha256(benchmark.version.encode(errors="replace")).hexdigest()
    return Case(benchmark.name, int(digest[:7], 16), point, "", "", "", 0)


def shown(text: str) -> Value:
    """A parameter as the value of an axis; a text that is written as a number is keeps its quotes."""
    value = literal(text)
    return text if isinstance(value, str) and parse_value(value) != value else value


@functools.lru_cache(maxsize=10_000)
def literal(text: str) -> Value:
    """A parameter's value where it is written as a number, a truth value or a text; else as it is written."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what somebody's backslash might escape
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, (str, int, float, bool)) else text
