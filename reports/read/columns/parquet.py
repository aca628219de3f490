"""Columns of records files, kept as Parquet in the user's cache folder, and made again where a file is not as it was.

JSON Lines stay the truth: what is kept can be thrown away at any time. Of a file that grew, what came is read and kept
beside what was there, so that a night's run costs what it is long.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.records.files import cache_folder
from bench.records.lines import case_from, environment_from, environment_line, scope_from, scope_line
from bench.records.record import SCHEMA
from reports.read.columns.arrays import Coded, Columns
from reports.read.columns.indexed import Part, Stretch

FORMAT = f"1 {SCHEMA}"
BLOCK = 1 << 24  # bytes of a file that are summed at once
KEY = b"torchpace"  # of what is said of a part beside its columns
CODED = ("case", "metric", "environment", "run", "status", "data")


def folder_of(path: Path) -> Path:
    """Where the columns of a file are kept."""
    return cache_folder("columns") / hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]


def kept(path: Path) -> tuple[list[Part], int]:
    """What is kept of a file as it is now: its parts in order, and up to which byte they go."""
    parts, end, status = [], 0, path.stat()
    files = sorted(folder_of(path).glob("*.parquet"))
    is_as_seen = bool(files) and said_of(files[-1]).get("seen") == [status.st_size, status.st_mtime_ns]
    for file in files:
        said = said_of(file)
        if (said.get("format"), said.get("begin")) != (FORMAT, end):
            break
        if not is_as_seen and said["sum"] != summed(path, end, said["end"]):
            break
        try:
            parts.append(part_from(pq.read_table(file), said))
        except (OSError, pa.ArrowException):  # its end, where all is said of it, is whole, and its columns are not
            break
        end = said["end"]
    return parts, end


def said_of(file: Path) -> dict[str, Any]:
    """What is said of a part beside its columns; nothing where that cannot be read: such a cache is as good as none."""
    try:
        return dict(json.loads(pq.read_schema(file).metadata[KEY]))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return {}


def keep(stretch: Stretch, part: Part) -> None:
    """Keep a part of a file in place of what was kept from there on; nothing happens where that cannot be written."""
    path, begin, end = stretch
    folder, status = folder_of(path), path.stat()
    said = {"format": FORMAT, "begin": begin, "end": end, "sum": summed(path, begin, end),
            "seen": [status.st_size, status.st_mtime_ns], **described(part)}  # fmt: skip
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.parquet"):
            if int(old.stem) >= begin:
                old.unlink()
        handle, temporary = tempfile.mkstemp(dir=folder)
        os.close(handle)
        table = table_of(part).replace_schema_metadata({KEY: json.dumps(said)})
        pq.write_table(table, temporary, compression="zstd", use_dictionary=False, row_group_size=max(1, len(table)))
        Path(temporary).replace(folder / f"{begin:015}.parquet")


def summed(path: Path, begin: int, end: int) -> int:
    """A checksum of a stretch of a file."""
    found = 0
    with path.open("rb") as file:
        file.seek(begin)
        for at in range(begin, end, BLOCK):
            found = zlib.crc32(file.read(min(BLOCK, end - at)), found)
    return found


def described(part: Part) -> dict[str, Any]:
    """All of a part but its columns, as JSON."""
    columns = part.columns
    names = {name: list(getattr(columns, name).names) for name in CODED}
    names["case"] = [case.body() for case in names["case"]]
    return {
        "names": names,
        "environments": {name: environment_line(each, "") for name, each in part.environments.items()},
        "scopes": [scope_line(scope) for scope in part.scopes],
        "cut": part.cut,
        "lines": part.lines,
    }


def table_of(part: Part) -> pa.Table:
    """The columns of a part."""
    columns = part.columns
    ends = np.concatenate([[0], columns.ends])
    return pa.table({
        "begin": part.begins, "length": part.lengths, "varies": columns.varies,
        "values": pa.LargeListArray.from_arrays(ends, columns.values),
        **{name: getattr(columns, name).codes for name in CODED},
    })  # fmt: skip


def part_from(table: pa.Table, said: dict[str, Any]) -> Part:
    """The part that `table_of` and `described` say."""
    names = said["names"] | {"case": [case_from(body) for body in said["names"]["case"]]}
    table = table.combine_chunks()
    values = cast(Any, table["values"]).combine_chunks()
    columns = Columns(
        **{name: Coded(tuple(names[name]), table[name].to_numpy()) for name in CODED},
        varies=table["varies"].to_numpy(), values=values.flatten().to_numpy(), ends=values.offsets.to_numpy()[1:],
    )  # fmt: skip
    named = {name: environment_from(json.loads(line)).environment for name, line in said["environments"].items()}
    return Part(
        columns, table["begin"].to_numpy(), table["length"].to_numpy(), named,
        tuple(scope_from(json.loads(line)) for line in said["scopes"]), tuple(said["cut"]), said["lines"],
    )  # fmt: skip
