"""Work that a step does not do within its time: later, in another thread, in another process. As far as Linux says."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

Run = Callable[[], object]

WAITED_S = 0.004  # after an answer, for who goes on working
GOES_ON = 0.15  # of that time: a thread that waits takes next to none, and one that works some, however busy it is
WORKED = 0.2  # of the time of steps, by a process beside
GARBAGE_S = 0.01  # as many steps are run as take so long, and their garbage is collected
MOST_STEPS = 1000
PUT_OFF = 0.5  # of a step's time
COLLECTIONS = 3  # the quickest of which counts: a busy machine makes any of them longer
EVERY = 0.5  # objects a step at least, where steps leave some
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
FEWEST_TICKS = 3  # of 10 ms mostly: a process that does nothing has none


def after_the_answer(run: Run, looks: int) -> float:
    """Share of the moments after answers, of which one was just given, for which other threads work."""
    shares = []
    for look in range(looks):
        if look:
            run()
        begun, used = time.perf_counter(), time.process_time()
        time.sleep(WAITED_S)
        shares.append((time.process_time() - used) / (time.perf_counter() - begun))
    return statistics.mean(shares)


def children() -> dict[int, int]:
    """The processes that this one started, DataLoader's workers left out: ticks of the processor that each has used."""
    pids = [int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()]
    if not pids:
        return {}
    workers = {
        worker.pid for thing in gc.get_objects() if type(thing) is _MultiProcessingDataLoaderIter
        for worker in getattr(thing, "_workers", ())
    }  # fmt: skip
    found = {pid: ticks_of(pid) for pid in pids if pid not in workers}
    return {pid: ticks for pid, ticks in found.items() if ticks is not None}


def ticks_of(pid: int) -> int | None:
    """Ticks of the processor that a process has used; None where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[11]) + int(fields[12])


def helped_by(run: Run, step_s: float) -> bool:
    """Whether a process that the step started works while it runs."""
    before = children()
    if not before:
        return False
    begun = time.perf_counter()
    while time.perf_counter() - begun < 5 * FEWEST_TICKS / TICKS:
        run()
    elapsed = (time.perf_counter() - begun) * TICKS
    after = children()
    used = max((ticks - before[pid] for pid, ticks in after.items() if pid in before), default=0)
    return used >= max(FEWEST_TICKS, WORKED * elapsed)


def garbage_share(run: Run, step_s: float) -> float:
    """Seconds that it takes to collect what a step leaves behind, as a share of the step."""
    gc.collect()
    empty_s, _ = collecting()
    steps = max(1, min(MOST_STEPS, round(GARBAGE_S / max(step_s, 1e-9))))
    shares = []
    for _ in range(COLLECTIONS):
        for _ in range(steps):
            run()
        taken_s, objects = collecting()
        if objects < steps * EVERY:
            return 0.0
        shares.append(max(0.0, taken_s - 2 * empty_s) / steps / step_s)
    return min(shares)


def collecting() -> tuple[float, int]:
    """Seconds that a collection takes, and how many objects it found."""
    begun = time.perf_counter()
    objects = gc.collect()
    return time.perf_counter() - begun, objects
