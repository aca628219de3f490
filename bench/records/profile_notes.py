"""What is stored beside a profile's traces: what was profiled, where, and what a trace does not say. Imports no torch.

Schema history (also in docs/records.md):
1  first version.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec

from bench.records.files import StoringError, write_whole
from bench.records.lines import case_from
from bench.records.points import Value
from bench.records.record import MOST_ITEMS, Case
from bench.records.texts import loads

NOTES_SCHEMA = 1
FILE = "profile.json"
ALLOCATION = "[memory]"  # what the profiler calls an event that gives or takes memory
TIMELINE, STACKS, MEMORY = "trace.json.gz", "stacks.json.gz", "memory.json.gz"


@dataclass(frozen=True, slots=True)
class Notes:
    """One profiled case.

    step_values_s: seconds per step without the profiler, taken just before. items: per step, in the workload's unit.
    flops, precisions: of an uncompiled step, by operator. module_names, module_flops: a module's name in its model, and
    its FLOPs, by what the profiler calls it and those around it ('Padded_0/Conv2d_0'). addresses: kind of tensor
    ('parameters') by the address of its storage. held: bytes at such addresses that were there before the trace of
    memory began; None where it began before all of them. memory_device: the traces' number of the device whose memory
    counts. missing: why a part is not there, by its name (timeline, stacks, memory, flops).
    """

    case: Case
    facts: Mapping[str, Value | None]
    command: str = ""
    step_values_s: tuple[float, ...] = ()
    items: int | None = None
    item: str = ""
    data: str = ""
    flops: Mapping[str, int] = field(default_factory=dict)
    precisions: Mapping[str, str] = field(default_factory=dict)
    module_flops: Mapping[str, int] = field(default_factory=dict)
    module_names: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, int] | None = None
    memory_device: int | None = None
    graphs: int | None = None
    graph_breaks: tuple[str, ...] = ()
    recompiles: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def write_notes(folder: Path, notes: Notes) -> None:
    """Store the notes; a reader finds the old ones or the new ones, never half of them."""
    body = {**asdict(notes), "case": notes.case.body()}
    write_whole(folder / FILE, json.dumps({"schema": NOTES_SCHEMA, **body}, indent=1))


def read_notes(folder: Path) -> Notes:
    """The notes in a profile's folder. Raises StoringError naming the file."""
    path = folder / FILE
    try:
        body = loads(path.read_text())
        if not isinstance(body, dict) or not isinstance(body.get("schema"), int):
            raise StoringError(f"{path}: is no profile of torchpace: it has no 'schema'")
        if body["schema"] > NOTES_SCHEMA:
            raise StoringError(f"{path}: written by a newer torchpace (schema {body['schema']}); update torchpace")
        return notes_from(body)
    except OSError as error:
        raise StoringError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, RecursionError) as error:
        raise StoringError(f"{path}: is damaged ({error}); profile again") from error


def notes_from(body: Mapping[str, Any]) -> Notes:
    """The notes in decoded JSON; what is unknown is left out, so that schemas can grow. Raises KeyError, ValueError."""
    known = {field.name: body[field.name] for field in fields(Notes) if field.name in body}
    known["case"] = case_from(body["case"])
    notes = msgspec.convert(known, Notes)
    if not all(math.isfinite(value) and value > 0 for value in notes.step_values_s):
        raise ValueError("step_values_s that are not above 0")
    if notes.items is not None and not 0 < notes.items <= MOST_ITEMS:
        raise ValueError(f"items {notes.items!r}")
    return notes
