"""Functions measured in fresh processes, which a program beside this one starts, until enough is known."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tqdm import tqdm

from bench.api import fresh_program
from bench.api.fresh_program import Answer, Request
from bench.api.visits import BAR
from bench.records.errors import UsageError, how_it_died
from bench.records.record import Environment, Record
from bench.runs.schedule import LOOKS

PROGRAM = Path(fresh_program.__file__)
FRESH_S = 60.0

Found = tuple[list[Record], Environment, Mapping[str, str]]


def in_fresh_processes(
    request: Request, seconds: float, enough: Callable[[Sequence[Record]], bool], progress: bool
) -> Found:
    """The records of all processes, where they were, and by function how its answers differ from the first one's.

    Ends when enough is known, time is up, or at Ctrl-C with what is known by then. Raises UsageError where a process
    could not measure, with what it said.
    """
    records: list[Record] = []
    last = Answer()
    started_s = time.monotonic()
    with (
        answers(request) as coming,
        tqdm(total=seconds, disable=not progress, bar_format=BAR, leave=False) as bar,
        suppress(KeyboardInterrupt),
    ):
        for number, answer in enumerate(coming, start=1):
            if answer.error:
                raise UsageError(f"{request.label} cannot be measured in a fresh process: {answer.error}")
            last = answer
            records += answer.records
            taken_s = time.monotonic() - started_s
            bar.set_description_str(f"process {number}")
            bar.update(min(taken_s, seconds) - bar.n)
            if taken_s * (number + 1) / number > seconds or (number in LOOKS and enough(records)):
                break
    if last.environment is None:
        raise KeyboardInterrupt
    return records, last.environment, last.differences or {}


@contextmanager
def answers(request: Request) -> Iterator[Iterator[Answer]]:
    """The answers of fresh processes as they come, from a program that ends with this block."""
    with tempfile.NamedTemporaryFile(prefix="torchpace-", suffix=".log") as log:
        program = subprocess.Popen(
            [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        assert program.stdin is not None
        assert program.stdout is not None
        try:
            with suppress(BrokenPipeError):
                pickle.dump(list(request.path), program.stdin)
                pickle.dump(request, program.stdin)
                program.stdin.flush()
            yield read(program, program.stdout, Path(log.name))
        finally:
            program.kill()  # what it started ends with it: the pipes between them break
            program.wait()
            program.stdin.close()
            program.stdout.close()


def read(program: subprocess.Popen[bytes], output: IO[bytes], log: Path) -> Iterator[Answer]:
    """One answer after the other. Raises UsageError when the program ends."""
    while True:
        try:
            yield pickle.load(output)
        except (EOFError, pickle.UnpicklingError):
            raise UsageError(f"measuring in fresh processes ended: {how_it_died(program.wait(), log)}") from None
