"""The stored form of a measurement, and its way to JSON and back. Plain data; imports no torch.

Schema history (also in docs/records.md):
1  first version.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias

import msgspec

from bench.records.points import Value, text_of
from bench.records.texts import loads

SCHEMA = 1

Status: TypeAlias = Literal["measured", "unavailable", "broken"]
# The warning of a step that was timed though nobody looks at what it answers.
UNCHECKED = "answers are not checked: give the Step a check, or check_first where they change as it trains"
MOST_ITEMS = 2**63
SIDES = ("base", "head")  # of a gate: how the names of its runs end
BUILT_IN = "built-in functions"  # the part of a function_time that is in no function of Python, such as operators
OUTSIDE = "outside of operators"  # the part of an operator_time that no operator or kernel took
MODES_IN_TURNS = "modes"  # what `turns` says of more than two modes, which take turns with each other
RUNGS = "rungs"  # what `turns` says of the rungs of a ladder, which take turns with each other


class RecordError(ValueError):
    """A line that is not a record this version understands; the text says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """One workload at one point, on one device, in one dtype and mode, with so many threads."""

    workload: str
    version: int
    point: tuple[tuple[str, Value], ...]
    device: str
    dtype: str
    mode: str
    threads: int

    @property
    def point_text(self) -> str:
        """The point as 'batch=64, model=padded'; empty when the workload has no axes."""
        return text_of(self.point)

    @property
    def label(self) -> str:
        """Workload and point as 'mnist_cnn.train_step(batch=64,model=padded)', which is also what GLOBs match."""
        return f"{self.workload}({text_of(self.point, ',')})" if self.point else self.workload

    def body(self) -> dict[str, Any]:
        """The case as it stands in JSON, where a point is a table."""
        return {**asdict(self), "point": dict(self.point)}


@dataclass(frozen=True, slots=True)
class Environment:
    """All that a figure depends on besides the code of the step: versions, machine, settings, commit."""

    facts: tuple[tuple[str, Value | None], ...]

    @property
    def id(self) -> str:
        """A short digest of all facts; equal environments have equal ids."""
        return hashlib.sha256(json.dumps(self.facts).encode()).hexdigest()[:12]

    def get(self, fact: str) -> Value | None:
        """The fact, or None when it is unknown."""
        return dict(self.facts).get(fact)


@dataclass(frozen=True, slots=True)
class Record:
    """One metric of one case, as measured in one launch (one fresh process).

    values: raw values in the order taken, each the mean over `steps_per_value` steps, in the metric's unit per
        step; empty unless the status is "measured".
    warm_up_values: what was measured before the values and is not counted.
    reason: why there are no values, when there are none.
    parts: what the value is the sum of, such as operator calls by name; sorted by name, empty when there is no more
        to say.
    launch: which of the run's rounds of fresh processes this one was, from 0.
    turns: the mode whose values were taken next to these, the nth of either in the same round; MODES_IN_TURNS where it
        was several, RUNGS where it was the other rungs of a ladder; empty when these were taken alone.
    machine: what the machine did meanwhile, by name (bench/measure/machine.py says which); empty where nobody looked.
    layout: which of the run's layouts of memory its process had, which processes forked from one program share; None
        where it had one of its own, or nobody knows.
    """

    run: str
    environment: str
    case: Case
    metric: str
    status: Status = "measured"
    values: tuple[float, ...] = ()
    steps_per_value: int = 1
    warm_up_values: tuple[float, ...] = ()
    launch: int = 0
    items: int | None = None
    item: str = ""
    data: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()
    parts: tuple[tuple[str, float], ...] = ()
    turns: str = ""
    machine: tuple[tuple[str, float], ...] = ()
    layout: int | None = None


def environment_line(environment: Environment, run: str) -> str:
    """The environment as one line of JSON."""
    facts = {
        "schema": SCHEMA,
        "kind": "environment",
        "id": environment.id,
        "run": run,
        "facts": dict(environment.facts),
    }
    return json.dumps(facts, allow_nan=False)


def record_line(record: Record) -> str:
    """The record as one line of JSON. Raises ValueError for NaN or infinity among the values."""
    body = {**asdict(record), "case": record.case.body(), "parts": dict(record.parts),
            "machine": dict(record.machine)}  # fmt: skip
    return json.dumps({"schema": SCHEMA, "kind": "record", **body}, allow_nan=False)


@dataclass(frozen=True, slots=True)
class Named:
    """An environment as it stands in a file, with the name that the file's records call it by."""

    id: str
    environment: Environment


def parse_line(line: str) -> Record | Named:
    """The record or environment in one line of JSON. Raises RecordError."""
    try:
        body = loads(line)
    except json.JSONDecodeError as error:
        raise RecordError(f"not JSON ({error.msg} at column {error.colno})") from error
    except (RecursionError, ValueError) as error:  # a number of thousands of digits is a ValueError
        raise RecordError(
            f"not a record ({'nested too deeply' if isinstance(error, RecursionError) else error})"
        ) from error
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
        raise RecordError(f"kind {kind!r} unknown; expected 'environment' or 'record'")
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
    for name in ("parts", "machine"):
        known[name] = sorted(table(body, name).items()) if name in body else []
    record = msgspec.convert(known, Record)
    if not record.metric:  # one that is not known is another version's
        raise ValueError(f"metric {record.metric!r}")
    for name in ("values", "warm_up_values"):
        if not all(math.isfinite(value) and value >= 0 for value in getattr(record, name)):
            raise ValueError(f"{name} that are negative or not finite")
    if not all(math.isfinite(number) for _, number in record.parts + record.machine):
        raise ValueError("parts or facts of the machine that are not finite")
    if (record.status == "measured") != bool(record.values):
        raise ValueError(f"status {record.status!r} with {len(record.values)} values")
    if record.items is not None and not 0 < record.items <= MOST_ITEMS:
        raise ValueError(f"items {record.items!r}")
    if record.steps_per_value < 1 or record.launch < 0 or record.case.threads < 1:
        raise ValueError("steps_per_value, launch or threads that are too small")
    return record


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


READERS: Mapping[str, Callable[[Mapping[str, Any]], Record | Named]] = {
    "environment": environment_from,
    "record": record_from,
}
ARTICLES = {"environment": "an environment", "record": "a record"}
