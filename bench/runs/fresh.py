"""A fresh process for every task: what one leaves behind, or how it dies, touches no other.

Knows nothing of what the processes do.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import perf_counter  # as it was before anybody could replace it
from typing import Any, ClassVar, TypeVar

from bench.modes.variables import OPENMP_SETTINGS, settings_for
from bench.records.errors import Death, how_it_died
from bench.runs.layouts import Layout, placing

T = TypeVar("T")

# Chatter of torch's native code, which would run through the progress bar.
QUIET = {"KINETO_LOG_LEVEL": "99", "TORCH_CPP_LOG_LEVEL": "ERROR"}
# The fork server searches the current folder before all others, so that its first import is what puts ours first.
PRELOAD = ("torchpace_first", "bench.preload.suite")
PROFILER = "bench.preload.profiler"  # and this, where a profiler is started in the processes
START_S = 120.0  # a fork server may take so long to import torch from a cold disk
CLOCKS_DIFFER = 0.2  # of what a process took, two clocks may be apart, and
START_OF_ANSWER_S = 1.0  # a busy machine may take so long to hand an answer over
LEAVING: list[tuple[Any, Connection]] = []  # processes that have answered and end by themselves, with their lifelines
DYING_S = 0.5  # a killed process is dead by then, where nobody can wait for that without burying it


class Launcher:
    """Starts one process at a time, and waits `timeout_s` for its result."""

    has_server: ClassVar[bool] = False  # whether some process of this program was forked from a server

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        os.environ.update(QUIET)
        for name, value in OPENMP_SETTINGS.items():
            os.environ.setdefault(name, value)
        multiprocessing.get_context("forkserver").set_forkserver_preload(list(PRELOAD))

    def lay_out(self, layout: Layout, imports: Sequence[str] = ()) -> bool:
        """Fork from now on from a new server, which is in this layout and has imported these modules, too.

        Waits until it has. Not while processes run. Gives whether it could; else all stays as it was. Raises Death when
        the server does not start.
        """
        waiting = Launcher(START_S)
        see_off()
        if Launcher.has_server and not ended(waiting.call("forkserver", os.getppid)):
            return False
        multiprocessing.get_context("forkserver").set_forkserver_preload([*PRELOAD, *imports])
        with settings_for(layout.variables), placing(layout):
            multiprocessing.forkserver.ensure_running()
        waiting.call("forkserver", os.getppid)
        return True

    def call(self, start_method: str, function: Callable[..., T], *arguments: Any) -> T:
        """The function's result, computed in a fresh process. Raises Death when there is none.

        A process that has answered ends while the next one starts, and before that one is told to begin.
        """
        context = multiprocessing.get_context(start_method)
        Launcher.has_server |= start_method == "forkserver"
        ours, theirs = context.Pipe()
        far_end, lifeline = context.Pipe(duplex=False)
        has_answered = False
        with tempfile.NamedTemporaryFile(prefix="torchpace-", suffix=".log") as log:
            process = context.Process(target=_serve, args=(theirs, far_end, log.name, function, arguments))  # type: ignore[attr-defined]
            try:  # from here on: a process that is started and not stopped would be waited for when this one ends
                process.start()
                theirs.close()
                far_end.close()
                until_s = time.monotonic() + self.timeout_s
                self._receive(ours, process, until_s)
                see_off()
                ours.send(None)
                begun_s = time.monotonic()
                result: T
                result, told_s = self._receive(ours, process, until_s)
                taken_s, has_answered = time.monotonic() - begun_s, True
                if abs(taken_s - told_s) > CLOCKS_DIFFER * taken_s + START_OF_ANSWER_S:
                    raise Death(f"its clock says that it took {told_s:.3g} s, and this process's {taken_s:.3g} s")
            except (EOFError, BrokenPipeError, ConnectionResetError):
                process.join()
                raise Death(how_it_died(process.exitcode, Path(log.name))) from None
            finally:
                if has_answered:
                    LEAVING.append((process, lifeline))
                else:
                    stop(process)
                    lifeline.close()
                ours.close()
        return result

    def _receive(self, ours: Connection, process: Any, until_s: float) -> Any:
        """What the process says next. Raises Death when it takes too long, and EOFError when the process is gone.

        Not even then does the pipe break where a process that it started has its end, too.
        """
        if not wait([ours, process.sentinel], max(0.0, until_s - time.monotonic())):
            raise Death(f"did not finish within {self.timeout_s:g} s (--timeout)")
        if not ours.poll():
            raise EOFError
        return ours.recv()


@atexit.register  # before multiprocessing would wait for them, however long
def see_off() -> None:
    """Wait until those that have answered are gone; who does not go is ended."""
    while LEAVING:
        with contextlib.suppress(IndexError):  # another thread does the same
            process, lifeline = LEAVING.pop()
            stop(process)
            lifeline.close()


def ended(server: int) -> bool:
    """Whether a fork server could be ended; it is then dead, so that multiprocessing starts another when asked to."""
    try:
        os.waitpid(server, os.WNOHANG)
    except ChildProcessError:  # another process started it, and may still need it
        return False
    os.kill(server, signal.SIGKILL)
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)  # multiprocessing is to find it dead, and not gone
    else:  # on macOS before Python 3.13
        time.sleep(DYING_S)
    return True


def _serve(
    theirs: Connection, far_end: Connection, log: str, function: Callable[..., object], arguments: tuple[Any, ...]
) -> None:
    """In the fresh process: send the function's result; all output goes to the log.

    What the function starts itself, such as a DataLoader's workers, starts as it would anywhere: not as this one did.
    """
    multiprocessing.set_start_method(None, force=True)
    threading.Thread(target=_end_with, args=(far_end,), daemon=True).start()
    file = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    theirs.send(None)
    theirs.recv()  # from here on both clocks run
    begun_s = perf_counter()
    result = function(*arguments)
    theirs.send((result, perf_counter() - begun_s))
    theirs.close()


def _end_with(far_end: Connection) -> None:
    """End this process when the one that started it is gone, however it went: the pipe between them breaks."""
    with contextlib.suppress(EOFError, OSError):
        far_end.recv()
    os._exit(1)


def stop(process: Any) -> None:
    """Make sure that the process is gone, if it was started: it is given a moment to end by itself."""
    if process.pid is None:
        return
    process.join(2)
    if process.is_alive():
        process.terminate()
        process.join(2)
    if process.is_alive():
        process.kill()
        process.join()
