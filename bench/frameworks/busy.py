"""How many threads a process kept busy: what they ran and waited for a core to run, over the time that passed.

A thread that waits for a core counts as one that runs, so a busy machine hides no thread. Linux says it.
"""

from __future__ import annotations

import time
from pathlib import Path

TASKS = Path("/proc/self/task")
STATUS = Path("/proc/self/status")
NS = 1e-9


def wanted_s() -> dict[str, float]:
    """Seconds that each thread of this process has run or waited for a core; empty where the system does not say."""
    found = {}
    for path in TASKS.glob("*/schedstat"):
        try:
            ran, waited, _ = path.read_text().split()
        except (OSError, ValueError):  # it has ended meanwhile
            continue
        found[path.parent.name] = NS * (int(ran) + int(waited))
    return found


def threads() -> int:
    """How many threads this process has; 1 where the system does not say."""
    return sum(1 for _ in TASKS.glob("*")) or 1


class Busy:
    """Watches this process's threads from its making until `threads`."""

    def __init__(self) -> None:
        self._wanted, self._cpu_s, self._start_s = wanted_s(), time.process_time(), time.perf_counter()

    def threads(self) -> float:
        """Threads that were busy at a time, on average. Threads that have ended are in the process's time."""
        passed_s, cpu_s = time.perf_counter() - self._start_s, time.process_time() - self._cpu_s
        own_s = sum(now - self._wanted.get(name, 0.0) for name, now in wanted_s().items())
        return max(own_s, cpu_s) / passed_s


def peak_bytes() -> float:
    """The most bytes of memory that this process had at any moment; 0 where the system does not say."""
    try:
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return 1024.0 * int(line.split()[1])
    except (OSError, StopIteration, ValueError):
        return 0.0
