"""The stored form of a measurement, and its way to JSON and back. Plain data; imports no torch.

Schema history (also in docs/records.md):
1  first version.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias

from bench.records.points import Value, text_of

SCHEMA = 1

Status: TypeAlias = Literal["measured", "unavailable", "broken"]
STATUSES = ("measured", "unavailable", "broken")
# The warning of a step that was timed though nobody looks at what it answers.
UNCHECKED = "answers are not checked: give the Step a check, or check_first where they change as it trains"
SIDES = ("base", "head")  # of a gate: how the names of its runs end
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


def case_from(body: Mapping[str, Any]) -> Case:
    """The case in decoded JSON; unknown fields are left out. Raises KeyError and TypeError."""
    return Case(**{**{field.name: body[field.name] for field in fields(Case)}, "point": tuple(body["point"].items())})


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


def parse_line(line: str) -> Record | Environment:
    """The record or environment in one line of JSON. Raises RecordError."""
    try:
        body = json.loads(line)
    except json.JSONDecodeError as error:
        raise RecordError(f"not JSON ({error.msg} at column {error.colno})") from error
    except RecursionError as error:
        raise RecordError("not a record (nested too deeply)") from error
    if not isinstance(body, dict) or "schema" not in body:
        raise RecordError("JSON, but not a torchpace record: it has no 'schema'")
    if not isinstance(body["schema"], int) or body["schema"] < 1:
        raise RecordError(f"schema {body['schema']!r} is not a positive whole number")
    if body["schema"] > SCHEMA:
        raise RecordError(
            f"schema {body['schema']}, written by a newer torchpace; this one reads up to {SCHEMA}: update torchpace"
        )
    try:
        if body["kind"] == "environment":
            return Environment(tuple(body["facts"].items()))
        if body["kind"] == "record":
            return record_from(body)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordError(f"a {body.get('kind')} that lacks or misuses {error}") from error
    raise RecordError(f"kind {body['kind']!r} unknown; expected 'environment' or 'record'")


def record_from(body: Mapping[str, Any]) -> Record:
    """The record in a decoded line; unknown fields are left out, so that schemas can grow."""
    if not isinstance(body["metric"], str) or not body["metric"]:  # one that is not known is another version's
        raise ValueError(f"metric {body['metric']!r}")
    if body["status"] not in STATUSES:
        raise ValueError(f"status {body['status']!r}")
    known = {field.name: body[field.name] for field in fields(Record) if field.name in body}
    known["case"] = case_from(body["case"])
    for name in ("values", "warm_up_values"):
        known[name] = tuple(float(value) for value in known[name])
        if not all(math.isfinite(value) and value >= 0 for value in known[name]):
            raise ValueError(f"{name} that are negative or not finite")
    if (known["status"] == "measured") != bool(known["values"]):
        raise ValueError(f"status {known['status']!r} with {len(known['values'])} values")
    if known.get("items") is not None and not (isinstance(known["items"], int) and known["items"] > 0):
        raise ValueError(f"items {known['items']!r}")
    known["warnings"] = tuple(known["warnings"])
    for name in ("parts", "machine"):
        known[name] = parts_of(body.get(name, {}))
    return Record(**known)


def parts_of(body: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """Numbers by name in a decoded line. Raises ValueError for those that are not finite."""
    parts = tuple((name, float(body[name])) for name in sorted(body))
    if not all(math.isfinite(number) for _, number in parts):
        raise ValueError("parts or facts of the machine that are not finite")
    return parts
