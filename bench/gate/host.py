"""What runs in a side's own interpreter: it imports the side's code once, then starts a fresh process per request.

Started as a script by `hosts`, under the side's Python. The ruler (`bench`) is loaded from this file's folder,
whichever revision is measured; everything else is found in the side's own folder first.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import os
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

READS_DIGITS = "TORCHPACE_READS_DIGITS"  # set where some of what is to be measured does
IMPORTS = "TORCHPACE_IMPORTS"  # names of modules that are imported last
RULER = Path(__file__).resolve().parents[2]


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
        importlib.import_module("bench.preload.suite")
    if READS_DIGITS in os.environ:
        importlib.import_module("bench.preload.vision")
    for more in os.environ.get(IMPORTS, "").split():
        importlib.import_module(more)


def side_of(arguments: list[str]) -> tuple[Path, str | None]:
    """The side's folder and the module of its workloads, None for the suite, among the arguments."""
    return Path(arguments[2]), arguments[3] or None


def main(arguments: list[str]) -> None:
    """Import, say how that went, and answer requests until the gate hangs up."""
    connection, lifeline = Connection(int(arguments[0])), Connection(int(arguments[1]))
    root, module = side_of(arguments)
    gc.disable()  # what is imported is no garbage, and looking for some takes a fifth of the time
    try:
        import_side(root, module)
    except BaseException as error:  # the side's code may raise anything, SystemExit too
        connection.send(("failed", why(error, root)))
        return
    gc.freeze()  # forked processes then collect only what they made themselves
    gc.enable()
    connection.send(("ready", None))
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, values, forks = connection.recv()
            if not forks:  # a device that was touched does not survive a fork: this process serves one request
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
