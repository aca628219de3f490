"""A trace's file: its bytes, unpacked and put right, as events. Knows how they are written, and not what they mean."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bench.records.errors import UsageError
from reports.profiles.trace.columns import Number
from reports.profiles.trace.dialects import DETAILS

GZIP = b"\x1f\x8b"

# What some versions write where JSON allows no such number.
NO_NUMBER = re.compile(rb"(?<=[:\[,])(\s*)-?(?:nan|inf|infinity)(?=\s*[,}\]])", re.IGNORECASE)
BAD_ESCAPE = re.compile(rb'\\(\\|["/bfnrt]|u[0-9a-fA-F]{4})|\\')

# The attributes of Args in which a column's details stand, one for each word for it. Each has a name of its own, since
# a word such as "External id" is none.
ATTRIBUTES = {column: tuple(f"{column}_{number}" for number in range(len(words))) for column, words in DETAILS.items()}


class TraceError(UsageError):
    """A file that cannot be read as a trace; the text says which, why and what to do."""


def field_of(attribute: str, column: str, word: str) -> tuple[str, Any, Any]:
    """One detail for msgspec. Shapes are kept as they are written: nobody computes with them."""
    if column == "shapes":
        return attribute, msgspec.Raw, msgspec.field(default_factory=msgspec.Raw, name=word)
    return attribute, Any, msgspec.field(default=None, name=word)


if TYPE_CHECKING:
    Args = msgspec.Struct
else:
    # The details of an event that some dialect knows; everything else is skipped unread.
    Args = msgspec.defstruct(
        "Args",
        [
            field_of(attribute, column, word)
            for column, words in DETAILS.items()
            for attribute, word in zip(ATTRIBUTES[column], words, strict=True)
        ],
        gc=False,
    )


class Event(msgspec.Struct, gc=False):
    """One event as written; times in microseconds, as they stand in the file."""

    ph: str = "X"
    name: Any = ""
    cat: str | None = None
    pid: Number = None
    tid: Number = None
    ts: msgspec.Raw = msgspec.Raw()
    dur: msgspec.Raw = msgspec.Raw()
    args: Args | None = None


class Document(msgspec.Struct):
    """A trace file."""

    traceEvents: list[Event]
    distributedInfo: Any = None
    deviceProperties: Any = None


NOTHING = Args()


def details(args: Sequence[Args], column: str) -> list[Any]:
    """A detail of every event, by whichever of its words is there; None for none."""
    first, *others = (list(map(attrgetter(attribute), args)) for attribute in ATTRIBUTES[column])
    for other in others:
        first = [own if own else alias for own, alias in zip(first, other, strict=True)]
    return first


def content(path: Path) -> bytes:
    """The file's bytes, unpacked. Raises TraceError."""
    try:
        packed = path.read_bytes()
        if packed.startswith(GZIP):
            return gzip.decompress(packed)
    except EOFError as error:
        raise TraceError(f"{path}: the file is cut off: its gzip stream has no end; copy or export it again") from error
    except (OSError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise TraceError(f"{path}: cannot be read: {why}") from error
    if path.suffix == ".gz":
        raise TraceError(f"{path}: is named .gz, but is not compressed with gzip; rename it to .json if it is JSON")
    return packed


def decode(path: Path, data: bytes) -> Document:
    """The document in the bytes. Raises TraceError."""
    if not data or data.isspace():
        raise TraceError(f"{path}: is empty; was the profiler's trace exported after it had stopped?")
    try:
        return decoded(data)
    except RecursionError as error:
        raise TraceError(f"{path}: is JSON, but no trace of torch.profiler: it is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as first:
        if "truncated" in str(first):
            raise TraceError(
                f"{path}: the file is cut off after {len(data):,} bytes; copy or export it again"
            ) from first
    try:
        return decoded(repaired(data))
    except msgspec.ValidationError as error:
        raise TraceError(f"{path}: is JSON, but no trace of torch.profiler: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise TraceError(f"{path}: is not JSON: {error}") from error


def decoded(data: bytes) -> Document:
    """The document; a bare list of events is one as well, for Chrome's format allows it."""
    if data[:1000].lstrip()[:1] == b"[":
        return Document(msgspec.json.decode(data, type=list[Event], strict=False))
    return msgspec.json.decode(data, type=Document, strict=False)


def repaired(data: bytes) -> bytes:
    """The text with what some versions of the profiler get wrong put right: nan and inf, bad escapes, bad UTF-8."""
    text = data.decode("utf-8-sig", errors="replace").encode()
    text = BAD_ESCAPE.sub(lambda found: found[0] if found[1] else b"\\\\", text)
    return NO_NUMBER.sub(rb"\1null", text)
