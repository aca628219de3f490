"""Fresh interpreters for the sides of a gate, and the conversation with the processes they start.

A host imports a side's code once and forks a fresh process per request, so that no request waits for torch. Where
code and data lie in memory, and how sets of strings are ordered, makes the same step some percent slower or faster;
this layout is drawn anew for every pair of hosts, and is the same for both of them: it differs from trial to trial,
where statistics see it, and not between the sides, where they could not. Knows nothing of what the processes do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.devices import DEVICES
from bench.devices.base import Device
from bench.gate.host import IMPORTS
from bench.gate.revisions import Side
from bench.modes.variables import CUDA_SETTINGS, OPENMP_SETTINGS
from bench.records.errors import Death, how_it_died
from bench.runs.fresh import QUIET
from bench.runs.layouts import Layout, placing

PROGRAM = Path(__file__).with_name("host.py")  # started by its path, under the interpreter of a side
LAID_OUT = "TORCHPACE_LAID_OUT"  # who decided where things lie
LAID_OUT_HERE, LAID_OUT_BY_SYSTEM = "drawn per trial, the same on both sides", "as the system has it"
IMPORT_S = 120.0  # importing torch and the side's code may take so long on a cold disk
UNDER_ANOTHER = 5  # times as long, under another program


class Host:
    """One side's interpreter, on the cores `cores` (empty: wherever the system likes). imports: modules besides.

    Raises Death when its code does not import. Not for several requests at a time.
    """

    def __init__(
        self, side: Side, module: str | None, cores: Sequence[int], layout: Layout, imports: Sequence[str] = ()
    ) -> None:
        self._log = tempfile.NamedTemporaryFile(prefix="torchpace-", suffix=".log")  # noqa: SIM115 - closed with the host
        self._connection, theirs = Pipe()
        far_end, self._lifeline = Pipe(duplex=False)
        before, more = side.under
        self._import_s = IMPORT_S * (UNDER_ANOTHER if before else 1)
        settings = {
            **{name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")},
            **OPENMP_SETTINGS,
            **CUDA_SETTINGS,
            **QUIET,
            **layout.variables,
            "PYTHONDONTWRITEBYTECODE": "1",
            IMPORTS: " ".join(imports),
            "TORCHINDUCTOR_CACHE_DIR": str(side.cache / "inductor"),
            "TRITON_CACHE_DIR": str(side.cache / "triton"),
            **more,
        }
        given = (theirs.fileno(), far_end.fileno(), side.root, module or "")
        with placing(layout) as placed:
            settings[LAID_OUT] = LAID_OUT_HERE if placed else LAID_OUT_BY_SYSTEM
            self._process = subprocess.Popen(
                [*before, side.python, "-P", str(PROGRAM), *map(str, given)],
                pass_fds=given[:2], cwd=side.root, env=settings,
                stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True,
            )  # fmt: skip
        theirs.close()
        far_end.close()
        self.alive = True
        self._ready = False
        self.spoilt: dict[str, bool] = {}
        self.pin(cores)

    def pin(self, cores: Sequence[int]) -> None:
        """Have it, and what it starts from now on, use these cores; none given: as it is."""
        if cores and hasattr(os, "sched_setaffinity"):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(self._process.pid, cores)

    def wait(self) -> None:
        """Wait until the side's code is imported. Raises Death when it does not import."""
        if not self._ready:
            kind, what = self.receive(self._import_s)
            if kind == "failed":
                raise self._end(str(what))
            self._ready = True

    def start(self, forks: bool, function: Callable[..., object], *values: object) -> None:
        """Have the function called in a fresh process, with a connection to this one before its other values."""
        self.wait()
        self.send((function, values, forks))

    def send(self, message: object) -> None:
        """Send a message to the process under way. Raises Death when there is none any more."""
        try:
            self._connection.send(message)
        except OSError:
            raise self._end() from None

    def receive(self, timeout_s: float) -> tuple[str, Any]:
        """The next message of the process under way: its kind, and what it holds. Raises Death when there is none."""
        try:
            if not self._connection.poll(timeout_s):
                raise self._end(f"did not answer within {timeout_s:g} s (--timeout)")
            kind, what = self._connection.recv()
        except (EOFError, OSError):
            raise self._end() from None
        if kind == "ended":
            raise Death(self.last_words(what))
        return kind, what

    def finish(self, timeout_s: float) -> Any:
        """What the function gave back, once its process is over. Raises Death when there is nothing."""
        kind, what = self.receive(timeout_s)
        assert kind == "result", kind
        with contextlib.suppress(Death):
            self.receive(timeout_s)
        return what

    def last_words(self, exit_code: int | None) -> str:
        """How a process ended, with what it printed since the last time this was asked."""
        reason = how_it_died(exit_code, Path(self._log.name))
        os.truncate(self._log.name, 0)
        return reason

    def close(self) -> None:
        """End the host and whatever it started."""
        if self.alive:
            self._end()

    def _end(self, reason: str | None = None) -> Death:
        """Kill the host's whole session; the Death that says why there is no answer."""
        self.alive = False
        if reason is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)
        code = self._process.poll()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        death = Death(reason or how_it_died(code, Path(self._log.name)))
        self._connection.close()
        self._lifeline.close()
        self._log.close()
        return death


def call(owner: Host, forks: bool, timeout_s: float, function: Callable[..., Any], *values: object) -> Any:
    """The function's result from a fresh process of the host. Raises Death when there is none."""
    owner.start(forks, _without_connection, function, values)
    return owner.finish(timeout_s)


def may_fork(owner: Host, device: Device, timeout_s: float) -> bool:
    """Whether a process for the device may be forked from the host. Raises Death when that cannot be asked.

    It may not where what the host imported has touched a device that does not survive it.
    """
    if device.start_method != "forkserver" or not device.may_be_spoilt:
        return device.start_method == "forkserver"
    if device.name not in owner.spoilt:
        owner.spoilt[device.name] = call(owner, True, timeout_s, _is_spoilt, device.name)
    return not owner.spoilt[device.name]


def _is_spoilt(device: str) -> bool:
    """In a forked process: whether it cannot use the device."""
    return DEVICES[device].is_spoilt()


def _without_connection(connection: Connection, function: Callable[..., Any], values: tuple[Any, ...]) -> Any:
    """In the fresh process: call a function that does not talk."""
    return function(*values)
