"""Ranks whose processes somebody else started, with torchrun, srun or mpirun: RANK, WORLD_SIZE, MASTER_ADDR are there.

Each of them starts a process of its own for every launch, so that launches are as fresh as everywhere. The first leads:
it says through the store that they share what is to be measured, and hears how each rank's process ended.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.modes.variables import OPENMP_SETTINGS
from bench.ranks import launch_folder as files
from bench.records.record import Status

NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
PATIENCE = timedelta(days=1)  # for the leader's next task: it may measure long by itself
HEARD_S = 30.0  # after the leader's own process, the others' may take so long to end
MOST_SAID = 4000  # characters of what a rank printed last
PROGRAM = Path(__file__).with_name("rank.py")
OVER = b""
HEARING_S = 0.5  # for the others to hear that it was the last


@dataclass(frozen=True, slots=True)
class Ended:
    """How a rank's process ended. code: None when it was killed for its time. told: what it wrote of its failure."""

    code: int | None
    told: tuple[Status, str, bool] | None
    said: str


def was_started(environment: Mapping[str, str]) -> bool:
    """Whether this process is one rank of several that somebody started."""
    return all(name in environment for name in NEEDED) and environment["WORLD_SIZE"] != "1"


class Joined:
    """All ranks, as one of them sees them. Raises RuntimeError when they do not find each other."""

    def __init__(self) -> None:
        from torch.distributed import rendezvous  # type: ignore[attr-defined]  # noqa: PLC0415 - not in every torch

        self.store, self.rank, self.size = next(iter(rendezvous("env://")))
        self.launch = 0

    def lead(self, tasks: bytes, within_s: float) -> tuple[bytes, dict[int, Ended]]:
        """Have all ranks measure; what the first found, and how the process of each ended. within_s: with its start."""
        self.launch += 1
        self.store.set(f"torchpace/tasks/{self.launch}", pickle.dumps((tasks, within_s)))
        found, ended = self._take_part(tasks, within_s)
        ends = {self.rank: ended}
        for number in range(self.size):
            if number != self.rank:
                self.store.wait([f"torchpace/ended/{self.launch}/{number}"], timedelta(seconds=HEARD_S + within_s))
                ends[number] = pickle.loads(self.store.get(f"torchpace/ended/{self.launch}/{number}"))
        return found, ends

    def follow(self) -> None:
        """Take part in every launch that the leader asks for, until it says that it was the last."""
        while True:
            self.launch += 1
            name = f"torchpace/tasks/{self.launch}"
            self.store.wait([name], PATIENCE)
            tasks, within_s = pickle.loads(self.store.get(name))
            if tasks == OVER:
                return
            _, ended = self._take_part(tasks, within_s)
            self.store.set(f"torchpace/ended/{self.launch}/{self.rank}", pickle.dumps(ended))

    def end(self) -> None:
        """Say that there are no more launches."""
        self.store.set(f"torchpace/tasks/{self.launch + 1}", pickle.dumps((OVER, 0.0)))
        time.sleep(HEARING_S)  # the store may be this process's: let the others hear it

    def _take_part(self, tasks: bytes, within_s: float) -> tuple[bytes, Ended]:
        """This rank's process of a launch: what it found, and how it ended."""
        with tempfile.TemporaryDirectory(prefix="torchpace-ranks-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            (folder / files.TASKS).write_bytes(tasks)
            process = subprocess.Popen(
                [sys.executable, str(PROGRAM), name], env=settings(os.environ, self.launch),
                start_new_session=True,
            )  # fmt: skip
            code: int | None = None
            try:
                code = process.wait(within_s)
            except subprocess.TimeoutExpired:
                pass
            finally:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, 9)
                process.wait()
            told, log = files.place(folder, self.rank, files.FAILED), files.place(folder, self.rank, files.LOG)
            said = " ".join(log.read_text(errors="replace").split())[-MOST_SAID:] if log.exists() else ""
            found = (folder / files.RECORDS).read_bytes() if (folder / files.RECORDS).exists() else b""
            return found, Ended(code, pickle.loads(told.read_bytes()) if told.exists() else None, said)


def settings(environment: Mapping[str, str], launch: int) -> dict[str, str]:
    """What a rank's process is told: the same on all, whichever of them runs the command."""
    return {**environment, **OPENMP_SETTINGS, files.LAUNCH: str(launch)}


def group_of_launch(launch: str) -> dict[str, Any]:
    """In a rank's process: what `init_process_group` is told, so that launches do not read each other's keys."""
    from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]  # noqa: PLC0415 - as above

    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = PrefixStore(f"torchpace/launch/{launch}", TCPStore(host, port, is_master=False))
    return {"store": store, "rank": int(os.environ["RANK"]), "world_size": int(os.environ["WORLD_SIZE"])}
