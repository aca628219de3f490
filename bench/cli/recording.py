"""What commands that measure into a file of records share: options, digits, interruptions, last words.

Selects nothing and prints no table: each command has its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.options import add_module_option
from bench.cli.quantities import duration
from bench.records.errors import Death, UsageError
from bench.records.files import Contents, Writer, read

if TYPE_CHECKING:
    from bench.records.record import Record
    from workloads.base import Workload


def add_recording_options(parser: argparse.ArgumentParser) -> None:
    """How long a pass may take, where the digits are, where records go, and whose workloads they are of."""
    parser.add_argument("--timeout", type=duration, default=300.0, help="seconds per pass of a case (default 300)")
    parser.add_argument("--data", metavar="FOLDER", help="folder with MNIST, as `torchpace data mnist` makes it")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.jsonl", help="records; default results/TIME.jsonl")
    add_module_option(parser)


def prepare_data(options: argparse.Namespace, names: set[str], workloads: Mapping[str, Workload]) -> None:
    """Have digits ready before anything is measured, if any selected workload reads them."""
    from workloads.shared.mnist_data import FOLDER_VARIABLE, has_digits  # noqa: PLC0415 - imports torch

    if options.data:
        if not has_digits(Path(options.data).expanduser()):
            raise UsageError(
                f"--data {options.data} holds no MNIST (MNIST/raw/...-ubyte); "
                f"`torchpace data mnist --data {options.data}` downloads it"
            )
        os.environ[FOLDER_VARIABLE] = options.data
    if any(workloads[name].data == "mnist" for name in names):
        from bench.cli.data import draw_digits  # noqa: PLC0415

        draw_digits()


def gather(measuring: Iterable[Record], writer: Writer) -> tuple[list[Record], bool]:
    """The records as far as they came, and whether they were interrupted. Raises UsageError when none can come."""
    records: list[Record] = []
    interrupted = False
    try:
        for record in measuring:
            records.append(record)
    except KeyboardInterrupt:
        interrupted = True
    except Death as death:
        raise UsageError(f"measuring cannot start: {death.reason}") from death
    finally:
        writer.close()
    return records, interrupted


def contents_of(path: Path, run: str) -> Contents:
    """What a file holds of one run, which others may share it with."""
    contents = read(path)
    own = tuple(record for record in contents.records if record.run == run)
    used = {record.environment for record in own}
    return Contents(own, {id: found for id, found in contents.environments.items() if id in used})


def print_where(records: Sequence[Record], path: Path, started_s: float, again: str) -> None:
    """Print how many records are where, after which time of the monotonic clock, and what shows them again."""
    minutes, seconds = divmod(round(time.monotonic() - started_s), 60)
    print(f"\n{len(records)} records in {path} after {minutes} min {seconds} s; {again}")


def outcome(records: Sequence[Record], interrupted: bool) -> int:
    """The exit code, and a word on stderr where something went wrong."""
    if interrupted:
        kept = "everything measured so far is kept" if records else "nothing was measured before"
        print(f"torchpace: interrupted; {kept}", file=sys.stderr)
        return 130
    if not any(record.status == "measured" for record in records):
        print("torchpace: nothing could be measured; the table says why", file=sys.stderr)
        return 2
    return 0
