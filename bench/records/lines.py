"""What is measured, to a line of JSON and back. Plain data; imports no torch."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias

import msgspec

from bench.records.points import Value
from bench.records.record import MOST_ITEMS, SCHEMA, Case, Environment, Record, RecordError, Scope, Status
from bench.records.texts import loads


def environment_line(environment: Environment, run: str) -> str:
    """The environment as one line of JSON."""
    body = {"id": environment.id, "run": run, "facts": dict(environment.facts)}
    return json.dumps({"schema": SCHEMA, "kind": "environment", **body}, allow_nan=False)


def record_line(record: Record) -> str:
    """The record as one line of JSON. Raises ValueError for NaN or infinity among the values."""
    body = {**asdict(record), "case": record.case.body(), **{name: dict(getattr(record, name)) for name in TABLES}}
    return json.dumps({"schema": SCHEMA, "kind": "record", **body}, allow_nan=False)


def scope_line(scope: Scope) -> str:
    """The scope as one line of JSON."""
    body = {**asdict(scope), "cases": [case.body() for case in scope.cases]}
    return json.dumps({"schema": SCHEMA, "kind": "scope", **body}, allow_nan=False)


@dataclass(frozen=True, slots=True)
class Named:
    """An environment as it stands in a file, with the name that the file's records call it by."""

    id: str
    environment: Environment


Line: TypeAlias = Record | Named | Scope


class WrittenCase(msgspec.Struct):
    """A case as this version writes it."""

    workload: str
    version: int
    point: dict[str, Value]
    device: str
    dtype: str
    mode: str
    threads: int


class WrittenRecord(msgspec.Struct):
    """A record as this version writes it, which can be read without asking for its fields one by one."""

    schema: int
    kind: str
    run: str
    environment: str
    case: WrittenCase
    metric: str
    status: Status
    values: tuple[float, ...]
    steps_per_value: int
    warm_up_values: tuple[float, ...]
    launch: int
    items: int | None
    item: str
    data: str
    reason: str
    warnings: tuple[str, ...]
    parts: dict[str, float]
    turns: str = ""
    machine: dict[str, float] = {}
    layout: int | None = None
    readings: dict[str, tuple[float, ...]] = {}
    facts: dict[str, str] = {}


TABLES = ("parts", "machine", "readings", "facts")  # fields that are objects from names to what is said of them
DECODER = msgspec.json.Decoder(WrittenRecord)


@functools.lru_cache(maxsize=1 << 16)
def case_of(
    workload: str,
    version: int,
    point: tuple[tuple[str, str, Value], ...],
    device: str,
    dtype: str,
    mode: str,
    threads: int,
) -> Case:
    """The case; one object for all records of it. point: with the values as text, since 1, 1.0 and True are equal."""
    return Case(workload, version, tuple((axis, value) for axis, _, value in point), device, dtype, mode, threads)


def record_at_once(line: str) -> Record | None:
    """The record in a line that is as this version writes it; None for any other, of which parse_line says more."""
    try:
        found = DECODER.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if found.schema != SCHEMA or found.kind != "record":
        return None
    case = found.case
    point = tuple((axis, repr(value), value) for axis, value in case.point.items())
    record = Record(
        found.run, found.environment,
        case_of(case.workload, case.version, point, case.device, case.dtype, case.mode, case.threads),
        found.metric, found.status, found.values, found.steps_per_value, found.warm_up_values, found.launch,
        found.items, found.item, found.data, found.reason, found.warnings, tuple(sorted(found.parts.items())),
        found.turns, tuple(sorted(found.machine.items())), found.layout,
        tuple(sorted(found.readings.items())), tuple(sorted(found.facts.items())),
    )  # fmt: skip
    try:
        return checked(record)
    except ValueError:
        return None


def parse_line(line: str) -> Line:
    """The record, environment or scope in one line of JSON. Raises RecordError."""
    return record_at_once(line) or explained(line)


def explained(line: str) -> Line:
    """Likewise, of any line, whoever wrote it."""
    try:
        body = loads(line)
    except json.JSONDecodeError as error:
        raise RecordError(f"not JSON ({error.msg} at column {error.colno})") from error
    except (RecursionError, ValueError) as error:  # a number of thousands of digits is a ValueError
        why = "nested too deeply" if isinstance(error, RecursionError) else error
        raise RecordError(f"not a record ({why})") from error
    if not isinstance(body, dict) or "schema" not in body:
        raise RecordError("JSON, but not a torchpace record: it has no 'schema'")
    schema, kind = body["schema"], str(body.get("kind"))
    if type(schema) is not int or schema < 1:
        raise RecordError(f"schema {schema!r} is not a positive whole number")
    if schema > SCHEMA:
        raise RecordError(
            f"schema {schema}, written by a newer torchpace; this one reads up to {SCHEMA}: update torchpace"
        )
    if kind not in READERS:
        raise RecordError(f"kind {kind!r} unknown; expected {' or '.join(map(repr, READERS))}")
    try:
        return READERS[kind](body)
    except (KeyError, ValueError) as error:
        raise RecordError(f"{ARTICLES[kind]} that lacks or misuses {in_words(error)}") from error


def in_words(error: KeyError | ValueError) -> str:
    """What a body lacks or misuses, the place first."""
    what, at, place = str(error).partition(" - at ")
    return f"{place}: {what}" if at else what


def environment_from(body: Mapping[str, Any]) -> Named:
    """The environment in a decoded line. Raises KeyError and ValueError."""
    facts = tuple(table(body, "facts").items())
    return Named(
        msgspec.convert(body["id"], str), Environment(msgspec.convert(facts, tuple[tuple[str, Value | None], ...]))
    )


def record_from(body: Mapping[str, Any]) -> Record:
    """The record in a decoded line; unknown fields are left out, so that schemas can grow. Raises as above."""
    known = {field.name: body[field.name] for field in fields(Record) if field.name in body}
    known["case"] = case_body(table(body, "case"))
    for name in TABLES:
        known[name] = sorted(table(body, name).items()) if name in body else []
    return checked(msgspec.convert(known, Record))


def checked(record: Record) -> Record:
    """The record. Raises ValueError where it contradicts itself."""
    if not record.metric:  # one that is not known is another version's
        raise ValueError(f"metric {record.metric!r}")
    for name in ("values", "warm_up_values"):
        values = getattr(record, name)
        if not are_finite(values) or (values and min(values) < 0):
            raise ValueError(f"{name} that are negative or not finite")
    if not are_finite([number for _, number in record.parts + record.machine]):
        raise ValueError("parts or facts of the machine that are not finite")
    for name, read in record.readings:
        if len(read) != len(record.values) or not are_finite(read):
            raise ValueError(f"readings of {name!r} that are not one finite number for each value")
    if (record.status == "measured") != bool(record.values):
        raise ValueError(f"status {record.status!r} with {len(record.values)} values")
    if record.items is not None and not 0 < record.items <= MOST_ITEMS:
        raise ValueError(f"items {record.items!r}")
    if record.steps_per_value < 1 or record.launch < 0 or record.case.threads < 1:
        raise ValueError("steps_per_value, launch or threads that are too small")
    return record


def are_finite(numbers: Sequence[float]) -> bool:
    """Whether all of them are finite; a finite sum, of which there are a million, says so at once."""
    return math.isfinite(sum(numbers)) or all(map(math.isfinite, numbers))


def case_from(body: object) -> Case:
    """The case in decoded JSON; unknown fields are left out. Raises KeyError and ValueError."""
    if not isinstance(body, dict):
        raise ValueError(f"case {body!r}")
    return msgspec.convert(case_body(body), Case)


def case_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a case in decoded JSON, its point as pairs."""
    known = {field.name: body[field.name] for field in fields(Case)}
    return {**known, "point": list(table(body, "point").items())}


def table(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The table of this name. Raises KeyError and ValueError."""
    found = body[name]
    if not isinstance(found, dict):
        raise ValueError(f"{name} {found!r}")
    return found


def scope_from(body: Mapping[str, Any]) -> Scope:
    """The scope in a decoded line. Raises as above."""
    known = {field.name: body[field.name] for field in fields(Scope) if field.name in body}
    if not isinstance(body.get("cases"), list):
        raise ValueError(f"cases {body.get('cases')!r}")
    known["cases"] = [case_body(case) if isinstance(case, dict) else case for case in body["cases"]]
    scope = msgspec.convert(known, Scope)
    if not 1 <= scope.shard <= scope.shards:
        raise ValueError(f"shard {scope.shard} of {scope.shards}")
    if not all(0 <= place < len(scope.cases) for place in scope.own):
        raise ValueError(f"own {scope.own!r} of {len(scope.cases)} cases")
    return scope


READERS: Mapping[str, Callable[[Mapping[str, Any]], Line]] = {
    "environment": environment_from,
    "record": record_from,
    "scope": scope_from,
}
ARTICLES = {"environment": "an environment", "record": "a record", "scope": "a scope"}
