"""What runs in a side's own interpreter: it imports the side's code once, then starts a fresh process per request.

Started as a script by `hosts`, under the side's Python. The ruler (`bench`) is loaded from this file's folder,
whichever revision is measured; everything else is found in the side's own folder first.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.util
import os
import resource
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

RULER = Path(__file__).resolve().parents[2]
LAID_OUT = "TORCHPACE_LAID_OUT"
ADDR_NO_RANDOMIZE = 0x40000  # of personality(2)
LEAST_STACK = 128 << 20  # Linux places libraries below the stack's limit, but never less than this far below its top


class ForeignCode(ImportError):
    """What was imported is not the side's own."""


def adopt(package: str) -> ModuleType:
    """Load a package from the ruler's folder, without putting that folder on the path."""
    folder = RULER / package
    spec = importlib.util.spec_from_file_location(
        package, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    spec.loader.exec_module(module)
    return module


def adopt_ruler(root: Path, module: str | None) -> None:
    """Load what is ours, whatever else is called so; everything else is found in the side's folders first."""
    adopt("bench")
    sys.path[:0] = [str(path) for path in (root, root / "src") if path.is_dir()]
    if module:
        adopt("workloads")  # for a project of the user's own, these are the library that it is written with


def import_side(root: Path, module: str | None) -> None:
    """Import the ruler and the side's workloads. Raises ForeignCode when the side does not have them."""
    adopt_ruler(root, module)
    name = module or "workloads"
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    origin = Path(spec.origin).resolve() if spec and spec.origin else None
    if origin is None or not origin.is_relative_to(root.resolve()):
        hint = "" if module else "; for workloads of your own, name their module with --workloads"
        found = f"{name} would come from {origin}" if origin else f"there is no {name}"
        raise ForeignCode(f"this side's code has no {name.replace('.', '/')} ({found}){hint}")
    importlib.import_module("bench.gate.trial")
    if module:
        importlib.import_module(module)
    else:
        importlib.import_module("bench.measure.preload")


def lay_out(shift: int) -> None:
    """Start this program anew with libraries and heap where `shift` bytes say, not where the system's dice do.

    Both sides of a trial are given the same shift: where things lie then differs from trial to trial, and not
    between the sides. Where the system does not let one (containers may forbid it) everything stays as it was.
    """
    if LAID_OUT in os.environ or not sys.platform.startswith("linux"):
        return
    os.environ[LAID_OUT] = "as the system has it"
    personality = ctypes.CDLL(None).personality
    with contextlib.suppress(OSError, ValueError):
        current = personality(0xFFFFFFFF)
        _, hard = resource.getrlimit(resource.RLIMIT_STACK)
        if current >= 0 and personality(current | ADDR_NO_RANDOMIZE) >= 0:
            resource.setrlimit(resource.RLIMIT_STACK, (LEAST_STACK + shift, hard))
            os.environ[LAID_OUT] = "drawn per trial, the same on both sides"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def side_of(arguments: list[str]) -> tuple[Path, str | None]:
    """The side's folder and the module of its workloads, None for the suite, among the arguments."""
    return Path(arguments[2]), arguments[3] or None


def main(arguments: list[str]) -> None:
    """Import, say how that went, and answer requests until the gate hangs up."""
    lay_out(int(arguments[4]))
    connection, lifeline = Connection(int(arguments[0])), Connection(int(arguments[1]))
    root, module = side_of(arguments)
    try:
        import_side(root, module)
    except BaseException as error:  # the side's code may raise anything, SystemExit too
        connection.send(("failed", why(error, root)))
        return
    gc.collect()
    gc.freeze()  # forked processes then collect only what they made themselves
    connection.send(("ready", None))
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, values, forks = connection.recv()
            if not forks:  # a context of CUDA or Metal does not survive a fork: this process serves one request
                answer(connection, lifeline, function, values)
                return
            connection.send(("ended", in_a_child(connection, lifeline, function, values)))


def why(error: BaseException, root: Path) -> str:
    """An error at import, in one line, with the place in the side's code."""
    from bench.records.errors import describe  # noqa: PLC0415 - the ruler is loaded by import_side

    return describe(error, within=root)


def in_a_child(connection: Connection, lifeline: Connection, function: Any, values: Any) -> int:
    """Answer a request in a forked process; its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(OSError):  # when memory runs out, the system is to end this process and no other
            Path("/proc/self/oom_score_adj").write_text("1000")
        try:
            answer(connection, lifeline, function, values)
            code = 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def answer(connection: Connection, lifeline: Connection, function: Any, values: Any) -> None:
    """Call the function with a way to talk to the gate, and send what it gives back."""
    threading.Thread(target=end_with, args=(lifeline,), daemon=True).start()
    connection.send(("result", function(connection, *values)))


def end_with(lifeline: Connection) -> None:
    """End this process when the gate is gone, however it went: the pipe between them breaks."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
elif __name__ == "__mp_main__":  # what the side's code spawns, such as loader workers, finds what this process found
    adopt_ruler(*side_of(sys.argv[1:]))
