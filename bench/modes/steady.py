"""What a measuring process fixes so that the next one measures the same: garbage collection and the allocator.

Knows nothing of workloads. Each setting is a fact of the environment, so that figures say how they were taken.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Parameters of glibc's mallopt, from its malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
KEPT_BYTES = 2**31 - 1  # the most that a C int can say
GROWTH_BYTES = 64 * 2**20  # how much the heap grows by at a time
KEEPING = "glibc, kept from giving memory back"

# Not in processes forked from one that froze what it had imported: all of that would be gone through at every entry.
thaws = True


def keep_freed_memory() -> bool:
    """Keep freed memory in this process's heap, where glibc allows it; whether it does.

    By default glibc returns large blocks to the system and takes them back at the next step, page fault by page
    fault, or does not, depending on where they happen to lie: an addition of a million numbers then takes 0.4 ms
    in one process and 2 ms in the next.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library, such as musl
        return False
    settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, KEPT_BYTES), (M_TOP_PAD, GROWTH_BYTES))
    return all(mallopt(parameter, value) == 1 for parameter, value in settings)


@contextmanager
def steady() -> Iterator[None]:
    """No garbage collection while measuring, since a pause would land on whichever step is under way."""
    keep_freed_memory()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if thaws:
            gc.unfreeze()
