"""Cases with ranks: a launch is a world of processes that torchrun starts, and that end with this one, however it does.

A rank that dies, hangs, raises or answers wrongly makes the cases of its launch broken, with its own last words.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bench.measure.task import Task
from bench.modes.variables import OPENMP_SETTINGS
from bench.ranks import agent
from bench.ranks import launch_folder as files
from bench.ranks.joined import Joined, was_started
from bench.records.errors import LAST_WORDS, Death, how_it_died, how_it_ended
from bench.records.record import Case, Record, Status
from bench.runs.fresh import QUIET

AGENT = Path(agent.__file__)
WORLD_START_S = 60.0  # torchrun and its ranks import torch, on a busy machine one after the other
ASKED_S = 0.5  # what a hanging rank is given to say where it is
ENDING_S = 3.0
LOOK_S = 0.05
LOOPBACK = "lo"
__all__ = ["Joined", "joined", "measured_by_ranks", "was_started"]
Told = tuple[Status, str, bool]
joined: Joined | None = None  # where somebody started this run in several ranks
WAITING = "torch/distributed"  # a rank that hangs there waits for another


def measured_by_ranks(tasks: Sequence[Task], timeout_s: float) -> list[Record]:
    """The records of cases that take turns, or of each why there are none."""
    blanks = [Record("", "", task.case, "step_time", launch=task.launch) for task in tasks]
    beyond = [
        replace(blank, status="unavailable", reason=reason) for blank in blanks if (reason := why_none(blank.case))
    ]
    if beyond:
        rest = [task for task in tasks if not why_none(task.case)]
        return beyond + (measured_by_ranks(rest, timeout_s) if rest else [])
    if len(tasks) > 1 and not same_world(tasks):
        return [record for task in tasks for record in measured_by_ranks([task], timeout_s)]
    try:
        return in_joined_world(tasks, timeout_s * len(tasks)) if joined else in_world(tasks, timeout_s)
    except Failed as failed:
        found = [replace(blank, status=failed.status, reason=failed.reason) for blank in blanks]
    except Death as death:
        found = [replace(blank, status="broken", reason=death.reason) for blank in blanks]
    if len(tasks) == 1:
        return found
    return [record for task in tasks for record in measured_by_ranks([task], timeout_s)]  # which of them it was


def why_none(case: Case) -> str:
    """Why there cannot be as many ranks here as the case has; empty where there can."""
    if not torch.distributed.is_available():
        return "this torch is built without torch.distributed"
    if joined:
        return f"it has {case.ranks} ranks, and {joined.size} were started" if case.ranks > joined.size else ""
    if case.device == "cpu":
        return ""
    there = torch.cuda.device_count() if case.device == "cuda" else 1
    return f"it has {case.ranks} ranks, and there is {there} of {case.device}" if case.ranks > there else ""


def in_joined_world(tasks: Sequence[Task], within_s: float) -> list[Record]:
    """Likewise, by the ranks that somebody started. Raises Failed and Death."""
    assert joined is not None
    given = pickle.dumps((list(tasks), WORLD_START_S + within_s))
    found, ends = joined.lead(given, WORLD_START_S + within_s)
    if all(end.code == 0 for end in ends.values()):
        records: list[Record] = pickle.loads(found)
        return records
    told = {number: end.told for number, end in ends.items()}
    died = {number: end.code for number, end in ends.items() if end.code != 0 and not end.told}
    raise cause(told, died, lambda number, code: words(code, ends[number].said, within_s)) or Death("torchrun ended it")


def words(code: int | None, said: str, within_s: float) -> str:
    """How a rank's process ended, in words."""
    if code is None:
        return f"did not finish within {within_s:g} s (--timeout); its last words: {said[-LAST_WORDS:]}"
    return how_it_ended(code, said[-LAST_WORDS:])


def same_world(tasks: Sequence[Task]) -> bool:
    """Whether the tasks can be measured by the same processes."""
    return len({(task.case.device, task.case.threads, task.module) for task in tasks}) == 1


class Failed(Exception):
    """A rank said itself why there is no result."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def profiled_by_ranks(tasks: Sequence[Task], timeout_s: float, keep: Callable[[Path], None]) -> None:
    """Have the cases' ranks record traces; `keep` is given their folder, before it is gone. Raises Failed, Death."""
    if reason := next(filter(None, (why_none(task.case) for task in tasks)), ""):
        raise Failed("unavailable", reason)
    in_world(tasks, timeout_s, keep)


def in_world(tasks: Sequence[Task], timeout_s: float, keep: Callable[[Path], None] | None = None) -> list[Record]:
    """The records, measured by as many ranks as the largest case has. Raises Failed and Death."""
    ranks = max(task.case.ranks for task in tasks)
    with tempfile.TemporaryDirectory(prefix="torchpace-ranks-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        within_s = timeout_s * len(tasks)
        (folder / files.TASKS).write_bytes(pickle.dumps((list(tasks), WORLD_START_S + within_s)))
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, str(AGENT), name, str(ranks)], stdin=subprocess.PIPE, stdout=log, stderr=log,
                env=settings(os.environ, tasks[0].case.threads), start_new_session=True,
            )  # fmt: skip
            try:
                if not ended(process, folder, within_s):
                    raise Death(f"did not finish within {within_s:g} s (--timeout){who_hangs(folder, ranks)}")
            finally:
                end(process)
        if (folder / files.RECORDS).is_file() and process.returncode == 0:
            if keep:
                keep(folder)
            records: list[Record] = pickle.loads((folder / files.RECORDS).read_bytes())
            return records
        raise why(folder, ranks, process.returncode)


def ended(process: subprocess.Popen[bytes], folder: Path, within_s: float) -> bool:
    """Whether the ranks ended in time, which runs from when they had found each other."""
    until_s, begun = time.monotonic() + WORLD_START_S, False
    while process.poll() is None:
        if not begun and files.place(folder, 0, files.BEGUN).exists():
            until_s, begun = time.monotonic() + within_s, True
        if time.monotonic() > until_s:
            return False
        time.sleep(LOOK_S)
    return True


def settings(environment: Mapping[str, str], threads: int) -> dict[str, str]:
    """What torchrun and its ranks are told. All are on this machine, whatever its name stands for in a network."""
    loopback = {"GLOO_SOCKET_IFNAME": LOOPBACK} if sys.platform.startswith("linux") else {}
    own = {**OPENMP_SETTINGS, **QUIET, "OMP_NUM_THREADS": str(threads), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**loopback, **environment, **own}


def end(process: subprocess.Popen[bytes]) -> None:
    """See to it that nothing is left: the agent kills its ranks when the pipe to it breaks."""
    if process.stdin:
        with suppress(OSError):
            process.stdin.close()
    try:
        process.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def why(folder: Path, ranks: int, exit_code: int) -> Failed | Death:
    """Why a world came to nothing, in the words of the rank that was the cause: others lost it, or were told to end."""
    told = {number: read(files.place(folder, number, files.FAILED)) for number in range(ranks)}
    died = {number: code for number, code in (read(folder / agent.DIED) or {}).items() if code != -signal.SIGTERM}
    found = cause(told, died, lambda number, code: how_it_died(code, files.place(folder, number, files.LOG)))
    return found or Death(f"torchrun: {how_it_died(exit_code, folder / 'log')}")


def cause(
    told: Mapping[int, Told | None], died: Mapping[int, int | None], words: Callable[[int, int | None], str]
) -> Failed | Death | None:
    """Of all ranks' ends the one that explains the others. told: what a rank wrote of its failure. died: exit codes."""
    causes = [(number, *said[:2]) for number, said in told.items() if said and not said[2]]
    lost = [(number, *said[:2]) for number, said in told.items() if said and said[2]]
    silent = [number for number in died if not told.get(number)]
    if not causes and silent:
        return Death(f"rank {min(silent)}: {words(min(silent), died[min(silent)])}")
    for number, status, reason in (*causes, *lost):
        return Failed(status, reason if status == "unavailable" else f"rank {number}: {reason}")
    return None


def read(path: Path) -> Any:
    """What a process wrote down; None where it came to nothing."""
    with suppress(OSError, EOFError, pickle.UnpicklingError):
        return pickle.loads(path.read_bytes())
    return None


def who_hangs(folder: Path, ranks: int) -> str:
    """In words, which ranks do not wait for others, and where they are."""
    for number in range(ranks):
        with suppress(OSError, ValueError):
            os.kill(int(files.place(folder, number, files.PID).read_text()), signal.SIGUSR1)
    time.sleep(ASKED_S)
    found = []
    for number in range(ranks):
        with suppress(OSError):
            lines = files.place(folder, number, files.LOG).read_text(errors="replace").splitlines()
            places = [line.strip() for line in lines if line.strip().startswith("File ")]
            if places and not any(WAITING in line for line in places[:3]):
                found.append(f"rank {number} is at {places[0].removeprefix('File ')}")
    return ("; " + "; ".join(found))[:LAST_WORDS] if found else ""
