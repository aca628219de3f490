"""The process of one framework, from the outside: started, spoken to, and ended whatever it does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any

from bench.modes.variables import OPENMP_SETTINGS
from bench.records.errors import Death, how_it_died

PROGRAM = Path(__file__).with_name("served.py")
READY_S = 120.0  # importing a framework may take so long from a cold disk
WORDS_S = 1.0  # for a process that hung up to end
FILES = {
    "torch": "with_torch", "tensorflow": "with_tensorflow", "jax": "with_jax", "numpy": "with_numpy",
    "onnxruntime": "with_onnxruntime",
    "keras-torch": "with_keras", "keras-tensorflow": "with_keras", "keras-jax": "with_keras",
}  # fmt: skip


# Variables by which a shell would change what is compared: modes, flags, caches.
THEIRS = (
    "JAX_", "XLA_", "TF_", "KERAS_", "ORT_", "TORCHINDUCTOR_", "TORCHDYNAMO_", "TORCH_COMPILE", "PYTHONPATH",
    "PYTHONHOME",
)  # fmt: skip


class NoAnswer(Exception):
    """A process said why it has none. status: of the records."""

    def __init__(self, status: Any, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def settings(threads: int) -> dict[str, str]:
    """What a framework's process is told before it imports anything: so many threads in every pool that asks for it.

    XLA's pool has as many threads as NPROC says, and who asks it takes part: of two, it is left with one.
    """
    count = str(threads)
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
             "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")  # fmt: skip
    xla = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"} if threads == 1 else {}
    xla["NPROC"] = str(max(1, threads - 1))
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(THEIRS)},
        **OPENMP_SETTINGS, **dict.fromkeys(pools, count), **xla, "TF_CPP_MIN_LOG_LEVEL": "3",
        "TORCHINDUCTOR_COMPILE_THREADS": count, "PYTHONDONTWRITEBYTECODE": "1", "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip


class Host:
    """The process of a framework, which forks others: of the suite by its name, of anybody by its file's path."""

    def __init__(self, framework: str, threads: int, cache: str = "") -> None:
        self.framework, self.threads = framework, threads
        self.log = tempfile.NamedTemporaryFile(prefix="torchpace-", suffix=".log")  # noqa: SIM115 - closed with the host
        self._connection, theirs = Pipe()
        far_end, self._lifeline = Pipe(duplex=False)
        caches = {"TORCHINDUCTOR_CACHE_DIR": cache} if cache else {}
        ends = (theirs.fileno(), far_end.fileno())
        given = (*ends, framework, FILES.get(framework, framework), threads)
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(PROGRAM), *map(str, given)], pass_fds=ends, env={**settings(threads), **caches},
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip
        theirs.close()
        far_end.close()
        self.forks = self.is_usable = True
        self.is_ready = False
        self.allowed: set[str] = set()
        self.absence: NoAnswer | None = None

    def wait(self) -> None:
        """Wait until it has imported its framework. Raises NoAnswer and Death."""
        if not (self.is_ready or self.absence):
            self.is_ready = True
            kind, what = self.hear(READY_S)
            if kind == "ready":
                self.forks, self.allowed = what
            else:
                self.absence = NoAnswer(kind, what)
        if self.absence:
            raise self.absence

    def open(self, request: object) -> Conversation:
        """Have a step built in a fresh process. Raises NoAnswer and Death."""
        self.wait()
        ours, theirs = Pipe()
        try:
            self._connection.send(request)
            send_handle(self._connection, theirs.fileno(), self.process.pid)
        except OSError:
            raise self.death() from None
        finally:
            theirs.close()
        self.is_usable = self.forks
        return Conversation(self, ours, self.hear(READY_S))

    def hear(self, timeout_s: float) -> Any:
        """What the process itself says next. Raises Death."""
        try:
            if self._connection.poll(timeout_s):
                return self._connection.recv()
        except (EOFError, OSError):
            raise self.death() from None
        self.close()
        raise Death(f"did not import {self.framework} within {timeout_s:g} s")

    def exit_code(self, pid: int) -> int | None:
        """How a process that it forked ended, negative for a signal; None where that is not known."""
        if pid == self.process.pid:
            return self.process.poll()
        with contextlib.suppress(OSError, Death):
            self._connection.send(pid)
            code: int = self.hear(WORDS_S)
            return code
        return None

    def close(self) -> None:
        """End it, and whatever it started."""
        self.is_usable = False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for end in (self._connection, self._lifeline):
            end.close()

    def death(self) -> Death:
        """How it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(WORDS_S)
        death = Death(how_it_died(self.process.poll(), Path(self.log.name)))
        self.close()
        return death


class Conversation:
    """With the process of one step, which a host forked, or is itself."""

    def __init__(self, host: Host, connection: Connection, pid: int) -> None:
        self.host, self.pid = host, pid
        self._connection = connection

    def send(self, message: object) -> None:
        """Say something. Raises Death when the process is gone."""
        try:
            self._connection.send(message)
        except OSError:
            raise self._death() from None

    def receive(self, kind: str, timeout_s: float) -> Any:
        """What it says next, which is to be of this kind. Raises NoAnswer where it says why not, and Death."""
        try:
            if not self._connection.poll(timeout_s):
                raise Death(f"did not answer within {timeout_s:g} s (--timeout)")
            found, what = self._connection.recv()
        except (EOFError, OSError):
            raise self._death() from None
        if found != kind:
            raise NoAnswer(found, what)
        return what

    def close(self) -> None:
        """End the process, which may have ended by itself."""
        if self.host.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.host.exit_code(self.pid)
        self._connection.close()

    def _death(self) -> Death:
        """How the process ended."""
        return Death(how_it_died(self.host.exit_code(self.pid), Path(self.host.log.name)))
