"""A trace's file, piece by piece while it is read: neither its text nor its events as objects are ever there whole.

A file that is not as it should be, or that is not divided where it looks as if it were, is not understood here, and
nothing says why: it has to be read whole then, by `document`.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from reports.profiles.trace.document import GZIP, Document, Event, decoded

PIECE = 1 << 24  # bytes that are made into objects at a time
LONGEST_HEAD = 1 << 26  # bytes before the events
LIST = re.compile(rb"\s*\[")
EVENTS = re.compile(rb'(?<!\\)"traceEvents"\s*:\s*\[')
BORDER = 100  # bytes of what was read before in which a border may have begun
BETWEEN = re.compile(rb"\}\s*,\s*(?=\{)")
ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OSError, EOFError, zlib.error)


def pieces(path: Path) -> Iterator[Document]:
    """The document in parts, each with some of the events; the last has all else that it says. Raises ERRORS."""
    read = chunks(path)
    around, text = beginning(read)
    for chunk in read:
        looked_at, text = max(0, len(text) - BORDER), text + chunk
        if cut := BETWEEN.search(text, looked_at):
            part = b"[" + text[: cut.start() + 1] + b"]"
            yield Document(msgspec.json.decode(part, type=list[Event], strict=False))
            text = text[cut.end() :]
    yield decoded(around + text)


def beginning(read: Iterator[bytes]) -> tuple[bytes, bytes]:
    """The text up to the first event, and what was read of what follows."""
    text = b""
    for chunk in read:
        text += chunk
        if begin := LIST.match(text) or EVENTS.search(text):
            return text[: begin.end()], text[begin.end() :]
        if len(text) > LONGEST_HEAD:
            break
    raise msgspec.DecodeError("there is no list of events at its beginning")


def chunks(path: Path) -> Iterator[bytes]:
    """The file's bytes, unpacked."""
    with path.open("rb") as file:
        is_packed = file.read(len(GZIP)) == GZIP
        if path.suffix == ".gz" and not is_packed:
            raise msgspec.DecodeError("its name says that it is packed")
        file.seek(0)
        source = gzip.GzipFile(fileobj=file) if is_packed else file
        while chunk := source.read(PIECE):
            yield chunk
