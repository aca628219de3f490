"""Where a process's things lie in memory. Imports next to nothing, for processes that are forked to say it."""

from __future__ import annotations

import os


def where() -> tuple[int, int, tuple[str, ...]]:
    """How a string hashes, where an object lies, and where the C library does."""
    with open("/proc/self/maps") as maps:
        return hash("a string"), id(os), tuple(line.split("-")[0] for line in maps if "libc.so" in line)
