"""How many threads a process kept busy: the time that they ran, over the time that passed.

A busy machine hides a thread that did not get a core. So what threads waited for one is told, too; but one that hands
work over to another has a moment of that as well, though never two of them could have run. Linux says both.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

TASKS = Path("/proc/self/task")
STATUS = Path("/proc/self/status")
NS = 1e-9
FORKED = ("jemalloc_bg_thd",)  # threads that their library, which pandas brings Keras, starts anew in a child


def waited_s() -> dict[str, float]:
    """Seconds that each thread of this process has waited for a core; empty where the system does not say."""
    found = {}
    for path in TASKS.glob("*/schedstat"):
        with suppress(OSError, ValueError):  # it may have ended meanwhile
            found[path.parent.name] = NS * int(path.read_text().split()[1])
    return found


def threads() -> int:
    """How many threads this process has; 1 where the system does not say."""
    return sum(1 for _ in TASKS.glob("*")) or 1


def may_fork() -> bool:
    """Whether this process has no thread that a forked child would miss: what waits for one then waits forever.

    Where the system does not say it has, perhaps.
    """
    names = []
    for path in TASKS.glob("*/comm"):
        with suppress(OSError):
            names.append(path.read_text().strip())
    return len([name for name in names if name not in FORKED]) == 1


class Busy:
    """Watches this process's threads from its making until `threads`."""

    def __init__(self) -> None:
        self._waited, self._cpu_s, self._start_s = waited_s(), time.process_time(), time.perf_counter()

    def threads(self) -> tuple[float, float]:
        """Threads that ran at a time, on average; and those that ran or waited for a core."""
        passed_s, ran_s = time.perf_counter() - self._start_s, time.process_time() - self._cpu_s
        more_s = sum(now - self._waited.get(name, 0.0) for name, now in waited_s().items())
        return ran_s / passed_s, (ran_s + more_s) / passed_s


def peak_bytes() -> float | None:
    """The most bytes of memory that this process had at any moment; None where the system does not say."""
    try:
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return 1024.0 * int(line.split()[1])
    except (OSError, StopIteration, ValueError):
        return None
