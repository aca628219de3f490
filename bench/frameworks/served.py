"""What imports one framework: it does so once, then forks a fresh process for each step that is asked for, any number
of which live side by side.

Started by its path: `served.py CONNECTION LIFELINE NAME FILE THREADS`. It imports of this project only what imports no
framework: not `workloads`, whose own file imports torch, but the files in it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import os
import sys
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path
from types import ModuleType
from typing import Any

if __name__ == "__main__":  # asv imports whatever lies in this folder
    ROOT = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(ROOT))  # before all others: whatever folder this was started in
    stub = ModuleType("workloads")
    stub.__path__ = [str(ROOT / "workloads")]
    sys.modules["workloads"] = stub

from bench.frameworks import messages
from bench.frameworks.busy import Busy, may_fork, peak_bytes, threads
from bench.frameworks.messages import Begun, Ended, Profile, Request, Turn
from bench.frameworks.profilers import PROFILERS
from bench.measure.timer import block_time
from bench.measure.turns import warm_up
from bench.records.errors import describe
from workloads.frameworks.given import given

IMAGES = 4  # axes of a batch of images
PACKAGES = ("torch", "tensorflow", "keras", "jax", "onnxruntime")


class Absent(Exception):
    """There is no such step in this framework, or no such framework; the text says why."""


def load(file: str) -> Any:
    """The framework's file: of the suite by its name, any other by its path."""
    if not file.endswith(".py"):
        return importlib.import_module(f"workloads.frameworks.{file}")
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Taking:
    """A step that is called again and again; its clock waits for the last answer."""

    def __init__(self, framework: Any, step: Any) -> None:
        self.framework, self.step = framework, step
        self.answer: Any = None

    def run(self) -> None:
        """One step."""
        self.answer = self.step.run()

    def clock(self) -> float:
        """Seconds, once the last answer is there."""
        if self.answer is not None:
            self.framework.wait(self.answer)
        return time.perf_counter()

    def answers(self) -> list[Any]:
        """The next answers as NumPy has them, in copies."""
        found = []
        for _ in range(messages.CHECKED_ANSWERS):
            self.run()
            self.clock()
            found.append(self.step.read(self.answer).copy())
        return found


def begin(framework: Any, name: str, request: Request) -> tuple[Taking, float]:
    """The step, given its numbers and called once; and how long that call took. Raises Absent."""
    build = getattr(framework, request.workload, None)
    if build is None:
        raise Absent(f"{name} has no {request.workload} here")
    if request.how not in framework.ways(name):
        raise Absent(f"{name} is used in these ways: {', '.join(framework.ways(name))}; not {request.how}")
    taking = Taking(framework, build(request.how, request.point))
    taking.step.give(given(request.workload, request.point, 0))
    start_s = taking.clock()
    taking.run()
    return taking, taking.clock() - start_s + taking.step.made_s()


def serve(connection: Connection, framework: Any, name: str, request: Request) -> None:
    """One step from its building until all has been asked of it."""
    taking, first_call_s = begin(framework, name, request)
    taking.step.give(given(request.workload, request.point, 0))  # training starts again, and is checked from there
    imported = {package for package in PACKAGES if sys.modules.get(package)}
    facts = framework.facts()
    if not has_images(request):
        facts.pop("layout", None)  # which is of images
    connection.send(("begun", Begun(first_call_s, taking.answers(), facts, imported)))
    connection.recv()
    connection.send(("settled", warm_up(taking.run, taking.clock)))
    while steps := int(connection.recv()):
        busy = Busy()
        step_s = block_time(taking.run, steps, taking.clock) / steps
        connection.send(("turn", Turn(step_s, *busy.threads())))
    peak, alive = peak_bytes(), threads() - 1  # without the one that waits for who asks to be gone
    taking.step.give(given(request.workload, request.point, messages.SECOND_SEED))
    answers = taking.answers()
    connection.send(("over", Ended(peak, alive, answers, fresh(taking, request))))
    if steps := int(connection.recv()):
        taking.step.give(given(request.workload, request.point, 0))
        connection.send(("profiled", profiled(taking, request, framework.allowed(name), steps)))


def profiled(taking: Taking, request: Request, packages: set[str], steps: int) -> Profile:
    """Where the step's time goes, by the profiler of the package among these that has one."""
    take = next((PROFILERS[package] for package in PROFILERS if package in packages), None)
    if take is None:
        return Profile({})

    def run() -> None:
        taking.run()
        taking.clock()

    try:
        return Profile(take(run, lambda: taking.step.give(given(request.workload, request.point, 0)), steps))
    except Exception as error:  # a profiler of another version, perhaps: a figure less
        return Profile({}, f"its profiler failed: {describe(error)}")


def has_images(request: Request) -> bool:
    """Whether what is given has channels, which frameworks put in different places."""
    return any(array.ndim == IMAGES for array in given(request.workload, request.point, 0).values())


def fresh(taking: Taking, request: Request) -> float:
    """Seconds of single steps, each with numbers that it has not seen: the fastest of some."""
    taken: list[float] = []
    for seed in range(messages.SECOND_SEED + 1, messages.SECOND_SEED + 1 + messages.FRESH_STEPS):
        if sum(taken) > messages.FRESH_ENOUGH_S:
            break
        taking.step.give(given(request.workload, request.point, seed))
        taken.append(block_time(taking.run, 1, taking.clock))
    return min(taken)


def answer(connection: Connection, lifeline: Connection, framework: Any, name: str, request: Request) -> None:
    """Serve a request; what it raises is said."""
    threading.Thread(target=end_with, args=(lifeline,), daemon=True).start()
    try:
        serve(connection, framework, name, request)
    except (EOFError, BrokenPipeError):  # nobody asks any more
        return
    except Absent as error:
        connection.send(("unavailable", str(error)))
    except Exception as error:  # a framework may raise anything
        connection.send(("broken", describe(error)))


def in_a_child(connection: Connection, lifeline: Connection, framework: Any, name: str, request: Request) -> int:
    """Likewise, in a forked process; its number."""
    child = os.fork()
    if child == 0:
        try:
            answer(connection, lifeline, framework, name, request)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
    return child


def end_with(lifeline: Connection) -> None:
    """End this process when the one that asks is gone, however it went: the pipe between them breaks."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(1)


def main(arguments: list[str]) -> None:
    """Import the framework, say how that went, and answer requests until nobody asks any more."""
    connection, lifeline = Connection(int(arguments[0])), Connection(int(arguments[1]))
    name, file, count = arguments[2], arguments[3], int(arguments[4])
    try:
        framework = load(file)
        if reason := framework.unavailable(name):
            connection.send(("unavailable", reason))
            return
        for package in set(PACKAGES) - framework.allowed(name):
            sys.modules[package] = None  # type: ignore[assignment]  # TensorFlow imports JAX where it finds it
        framework.start(name, count)
    except Exception as error:  # importing a framework may raise anything
        connection.send(("broken", describe(error)))
        return
    forks = may_fork()
    gc.freeze()
    connection.send(("ready", (forks, framework.allowed(name))))
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = connection.recv()
            if isinstance(request, int):  # one of its children is over
                connection.send(os.waitstatus_to_exitcode(os.waitpid(request, 0)[1]))
                continue
            own = Connection(recv_handle(connection))
            connection.send(in_a_child(own, lifeline, framework, name, request) if forks else os.getpid())
            if not forks:
                answer(own, lifeline, framework, name, request)
                return
            own.close()


if __name__ == "__main__":
    main(sys.argv[1:])
