"""The files that asv writes, of either version of its format, in one shape. Knows no record and no benchmark of ours.

A result file holds what one commit's benchmarks came to on one machine; `benchmarks.json`, beside the machines'
folders, describes the benchmarks as they were last discovered.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["time", "mem", "peakmem", "track"]

# By the type that a benchmark is described as, or by how the names of methods and classes begin that are not.
KINDS: Mapping[str, Kind] = {
    "time": "time", "timeraw": "time", "mem": "mem", "memory": "mem", "peakmem": "peakmem", "peakmemory": "peakmem",
    "track": "track",
}  # fmt: skip
NAMED = re.compile(r"(timeraw|time|peakmem|mem|track)_", re.IGNORECASE)
UNITS = {"time": "s", "mem": "B", "peakmem": "B"}
SAID = {"seconds": "s", "bytes": "B", "unit": ""}  # units as asv writes them, that people write otherwise
MOST_COMBINATIONS = 1_000_000


class Described(msgspec.Struct):
    """A benchmark in benchmarks.json."""

    type: str = ""
    unit: str | None = None
    param_names: list[str] = []


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark of one commit: `entries` are its results by combination of parameters, each the text of a literal.

    names: of the parameters, where they are known. version: a digest of its code, or what its author says.
    """

    name: str
    kind: Kind
    unit: str
    names: tuple[str, ...]
    version: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One combination: its value, NaN where it was not selected or not available, None where it failed.

    samples: what the value is the median of, where they were kept. number: calls per sample.
    """

    parameters: tuple[str, ...]
    value: float | None
    samples: tuple[float, ...]
    number: int


def is_results(body: object) -> bool:
    """Whether decoded JSON is a result file of any version."""
    return isinstance(body, dict) and isinstance(body.get("results"), dict) and "commit_hash" in body


def descriptions(body: object) -> dict[str, Described]:
    """The benchmarks in a decoded benchmarks.json; what cannot be read is left out."""
    found = {}
    for name, each in body.items() if isinstance(body, dict) else ():
        try:
            found[str(name)] = msgspec.convert(each, Described)
        except msgspec.ValidationError:  # 'version' is a number beside the benchmarks
            continue
    return found


def benchmarks(body: Mapping[str, Any], described: Mapping[str, Described], bad: list[str]) -> Iterator[Benchmark]:
    """The benchmarks of a result file. What cannot be read of it is passed over and named in `bad`."""
    columns = body.get("result_columns")
    versions = body.get("benchmark_version")
    for name, stored in body["results"].items():
        try:
            entry = of_version_2(stored, columns) if isinstance(columns, list) else of_version_1(stored)
            version = entry.version or (versions.get(name) if isinstance(versions, dict) else None)
            yield benchmark(name, entry, str(version or ""), described.get(name))
        except (msgspec.ValidationError, ValueError) as error:
            bad.append(f"{name}: {error}")


class Stored(msgspec.Struct):
    """The columns of a benchmark that are read, as they stand in a file."""

    result: list[float | None] | None = None
    params: list[list[str]] = []
    version: str | None = None
    samples: list[list[float | None] | None] | None = None
    stats_number: list[float | None] | None = None


def of_version_2(stored: object, columns: Sequence[object]) -> Stored:
    """A row of columns; those at its end that are empty are left out."""
    if stored is not None and not isinstance(stored, list):
        raise ValueError("results that are no list")
    return shaped({str(column): value for column, value in zip(columns, stored or [], strict=False)})


def of_version_1(stored: object) -> Stored:
    """A value alone, or a table with one value or many."""
    table = stored if isinstance(stored, dict) else {"result": stored}
    stats = table.get("stats")
    each = stats if isinstance(stats, list) else [stats]
    numbers = [one.get("number") if isinstance(one, dict) else None for one in each]
    result = table.get("result")
    samples = table.get("samples")
    single = not isinstance(result, list)
    return shaped({
        "result": [result] if single else result, "params": table.get("params"), "stats_number": numbers,
        "samples": [samples] if single and isinstance(samples, list) and samples[:1] != [None] else samples,
    })  # fmt: skip


def shaped(row: Mapping[str, Any]) -> Stored:
    """The columns as they should be. Raises msgspec.ValidationError."""
    known = {name: value for name, value in row.items() if name in Stored.__struct_fields__ and value is not None}
    return msgspec.convert(known, Stored)


def benchmark(name: str, stored: Stored, version: str, described: Described | None) -> Benchmark:
    """The benchmark with every combination. Raises ValueError for more than anybody has."""
    kind = kind_of(name, described)
    unit = (described.unit if described else None) or ""
    number = math.prod(len(values) for values in stored.params)
    if number > MOST_COMBINATIONS:
        raise ValueError(f"{number} combinations of parameters")
    combinations = itertools.product(*stored.params)
    entries = tuple(entry_of(stored, index, combination) for index, combination in enumerate(combinations))
    names = tuple(described.param_names) if described else ()
    return Benchmark(name, kind, UNITS.get(kind, SAID.get(unit, unit)), names, version, entries)


def kind_of(name: str, described: Described | None) -> Kind:
    """What is measured: as it was discovered, or by the name of the method, or by that of a class around it."""
    if described and described.type in KINDS:
        return KINDS[described.type]
    for part in reversed(name.split(".")):
        if found := NAMED.match(part):
            return KINDS[found[1].lower()]
    return "track"


def entry_of(stored: Stored, index: int, parameters: Sequence[str]) -> Entry:
    """One combination's columns."""
    value = stored.result[index] if stored.result and index < len(stored.result) else None
    samples = stored.samples[index] if stored.samples and index < len(stored.samples) else None
    number = stored.stats_number[index] if stored.stats_number and index < len(stored.stats_number) else None
    kept = tuple(sample for sample in samples or () if sample is not None and math.isfinite(sample))
    calls = int(number) if number is not None and math.isfinite(number) and number >= 1 else 1
    return Entry(tuple(parameters), value, kept, calls)
