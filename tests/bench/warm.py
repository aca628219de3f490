"""Hosts of a gate that find torch imported, so that tests of what gates say do not wait two seconds for every host.

All that is ours is imported anew, as in an interpreter that was just started: host.py runs as it does there. Not so:
where things lie in memory and how strings are hashed is not drawn, and settings of OpenMP come too late. Tests of other
interpreters, of names that clash and of a gate that is killed start real hosts.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

import pytest

from bench.gate import hosts
from bench.runs.fresh import Launcher
from tests.conftest import ROOT
from torchpace_first import OURS

FORGOTTEN = (*OURS, "tests", "torchpace", "torchpace_first")


def play(
    ends: Sequence[Connection], log: str, folder: str, settings: dict[str, str], program: str, given: Sequence[str]
) -> None:
    """In a process forked from one that has imported torch: be a host."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(settings)
    file = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    for name in [name for name in sys.modules if name.partition(".")[0] in FORGOTTEN]:
        del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "__module__", "") not in OURS]
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
    sys.argv = [program, *(str(end.fileno()) for end in ends), *given]
    runpy.run_path(program, run_name="__main__")


class Warm:
    """Stands for subprocess.Popen where a gate starts a host."""

    def __init__(
        self, command: Sequence[str], *, pass_fds: Sequence[int], cwd: object, env: dict[str, str], stdout: IO[bytes],
        **how: object,
    ) -> None:  # fmt: skip
        assert command[0] == sys.executable, "another interpreter has not imported torch"
        program, given = command[2], command[5:]
        ends = [Connection(os.dup(descriptor)) for descriptor in pass_fds]
        context = multiprocessing.get_context("forkserver")
        self._process = context.Process(target=play, args=(ends, stdout.name, str(cwd), env, program, given))
        self._process.start()
        for end in ends:
            end.close()
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Its exit code once it has ended, negative for a signal."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end. Raises TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("host", timeout or 0)
        return self._process.exitcode


class Subprocess:
    """The module `subprocess` as hosts see it."""

    Popen = Warm
    DEVNULL, TimeoutExpired = subprocess.DEVNULL, subprocess.TimeoutExpired


def warm_hosts(patch: pytest.MonkeyPatch) -> None:
    """Have gates that are called in this process start such hosts."""
    Launcher(timeout_s=1)  # as it says what the fork server imports
    forkserver.ensure_running()  # here, not in the folder of a gate
    patch.setattr(hosts, "subprocess", Subprocess)
