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

# Strings, which may hold what JSON allows no string to hold, and commas with nothing after them.
STRING_OR_COMMA = re.compile(rb'("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])', re.DOTALL)
CONTROL = re.compile(rb"[\x00-\x1f]")

# How files begin that people give for traces, and what to do with them.
UNPACK = "unpack it, and give the trace that is in it"
CONVERT = "text in UTF-16; convert it, as by `iconv -f UTF-16 -t UTF-8`, or write it with encoding='utf-8'"
KINDS = {
    b"PK\x03\x04": f"a zip archive; {UNPACK}",
    b"BZh": f"packed by bzip2; {UNPACK}",
    b"\xfd7zXZ": f"packed by xz; {UNPACK}",
    b"\x28\xb5\x2f\xfd": f"packed by zstd; {UNPACK}",
    **dict.fromkeys((b"\xff\xfe", b"\xfe\xff", b"{\x00", b"[\x00", b"\x00{", b"\x00["), CONVERT),
}
RECORDS = re.compile(rb'\s*\{"(?:schema|environment|record|kind)":')

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
    if path.is_dir():
        raise TraceError(f"{path}: is a folder; give the traces in it, such as {path}/*.json.gz")
    try:
        packed = path.read_bytes()
        if packed.startswith(GZIP):
            return gzip.decompress(packed)
    except EOFError as error:
        raise TraceError(f"{path}: the file is cut off: its gzip stream has no end; copy or export it again") from error
    except (OSError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise TraceError(f"{path}: cannot be read: {why}") from error
    if what := other_kind(packed):
        raise TraceError(f"{path}: is {what}")
    if path.suffix == ".gz":
        raise TraceError(f"{path}: is named .gz, but is not compressed with gzip; rename it to .json if it is JSON")
    return packed


def other_kind(data: bytes) -> str:
    """What a file is that is no JSON, and what to do; empty where nothing is known."""
    for start, what in KINDS.items():
        if data.startswith(start):
            return what
    if data[257:262] == b"ustar":
        return "a tar archive; unpack it, and give the trace that is in it"
    if RECORDS.match(data):
        return "a file of records, and no trace; `torchpace compare` or `report` shows it"
    return ""


def decode(path: Path, data: bytes) -> Document:
    """The document in the bytes. Raises TraceError."""
    if not data or data.isspace():
        raise TraceError(f"{path}: is empty; was the profiler's trace exported after it had stopped?")
    try:
        return decoded(data)
    except RecursionError as error:
        raise TraceError(f"{path}: is JSON, but no trace of torch.profiler: it is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as first:
        truncated = "truncated" in str(first)
    try:
        return decoded(ended(data) if truncated else repaired(data))
    except msgspec.ValidationError as error:
        raise TraceError(f"{path}: is JSON, but no trace of torch.profiler: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        if truncated:
            raise TraceError(
                f"{path}: the file is cut off after {len(data):,} bytes; copy or export it again"
            ) from error
        raise TraceError(f"{path}: is not JSON: {error}") from error


def decoded(data: bytes) -> Document:
    """The document; a bare list of events is one as well, for Chrome's format allows it."""
    if data[:1000].lstrip()[:1] == b"[":
        return Document(msgspec.json.decode(data, type=list[Event], strict=False))
    return msgspec.json.decode(data, type=Document, strict=False)


def ended(data: bytes) -> bytes:
    """A bare list of whole events with its end, which Chrome's format allows to be missing."""
    text = data.strip()
    return text.rstrip(b",") + b"]" if text.startswith(b"[") else text


def repaired(data: bytes) -> bytes:
    """The text with what writers get wrong put right: nan and inf, bad escapes, bad UTF-8, controls, last commas."""
    text = data.decode("utf-8-sig", errors="replace").encode()
    text = BAD_ESCAPE.sub(lambda found: found[0] if found[1] else b"\\\\", text)
    text = STRING_OR_COMMA.sub(lambda found: CONTROL.sub(escaped, found[0]) if found[1] else b"", text)
    return NO_NUMBER.sub(rb"\1null", text)


def escaped(control: re.Match[bytes]) -> bytes:
    """A control character as JSON has it in a string."""
    return b"\\u%04x" % control[0][0]
