"""The processor's own count of instructions, by Linux's perf_event_open. Knows neither torch nor workloads.

Instructions see work, not time: they are the same on a busy machine. Sources: perf_event_open(2), linux/perf_event.h.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

SYSCALLS = {"x86_64": 298, "aarch64": 241}  # perf_event_open's number by architecture
PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")
PARANOID_USER = 2  # the strictest level at which a process may count its own user-mode instructions

# struct perf_event_attr in its first published form (PERF_ATTR_SIZE_VER0), which every kernel takes: type, size,
# config, sample_period, sample_type, read_format, flags, wakeup_events, bp_type, config1.
ATTRIBUTES = struct.Struct("=IIQQQQQIIQ")
HARDWARE, INSTRUCTIONS = 0, 1  # PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS
# Bits of the flags. Pinned: the counter is on the processor all the time, or reading it says that it was not.
DISABLED, PINNED, EXCLUDE_KERNEL, EXCLUDE_HYPERVISOR = 1 << 0, 1 << 2, 1 << 5, 1 << 6
CLOSE_ON_EXEC = 8  # PERF_FLAG_FD_CLOEXEC
ENABLE, DISABLE, RESET = 0x2400, 0x2401, 0x2403  # PERF_EVENT_IOC_*
THIS_THREAD, ANY_CORE, NO_GROUP = 0, -1, -1


class NoCounter(Exception):
    """Instructions cannot be counted here; the text says why."""


class Counter(Protocol):
    """Counts instructions."""

    def count(self, run: Callable[[], object], steps: int) -> int:
        """Instructions of `steps` calls of `run` in this thread."""

    def close(self) -> None:
        """Give the counter back."""


class InstructionCounter:
    """The user-mode instructions of the thread that made it. Raises NoCounter where there is no such counter."""

    def __init__(self) -> None:
        self._file = open_counter()

    def count(self, run: Callable[[], object], steps: int) -> int:
        """Instructions of `steps` calls of `run` in this thread, with some hundred of the loop's own."""
        fcntl.ioctl(self._file, RESET, 0)
        fcntl.ioctl(self._file, ENABLE, 0)
        try:
            for _ in range(steps):
                run()
        finally:
            fcntl.ioctl(self._file, DISABLE, 0)
        return read_count(self._file)

    def close(self) -> None:
        """Give the counter back."""
        os.close(self._file)


def attributes() -> bytes:
    """What is asked for: instructions in user mode, not counting until enabled."""
    flags = DISABLED | PINNED | EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR
    return ATTRIBUTES.pack(HARDWARE, ATTRIBUTES.size, INSTRUCTIONS, 0, 0, 0, flags, 0, 0, 0)


def open_counter() -> int:
    """A file that counts this thread's instructions. Raises NoCounter."""
    number = SYSCALLS.get(platform.machine())
    if not sys.platform.startswith("linux") or number is None:
        raise NoCounter(f"instructions are counted on Linux on {' and '.join(SYSCALLS)} only")
    asked = ctypes.create_string_buffer(attributes(), ATTRIBUTES.size)
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    file = int(
        call(
            ctypes.c_long(number), asked, ctypes.c_int(THIS_THREAD), ctypes.c_int(ANY_CORE), ctypes.c_int(NO_GROUP),
            ctypes.c_ulong(CLOSE_ON_EXEC),
        )
    )  # fmt: skip
    if file < 0:
        raise NoCounter(refusal(ctypes.get_errno(), paranoid_level()))
    return file


def read_count(file: int) -> int:
    """The counter's value. Raises NoCounter when something else had it in the meantime."""
    data = os.read(file, 8)
    if len(data) < 8:
        raise NoCounter("the processor's instruction counter is in use by something else")
    count: int = struct.unpack("=Q", data)[0]
    return count


def refusal(code: int, paranoid: int | None) -> str:
    """Why the kernel refused, and what can be done about it."""
    said = f"(perf_event_open: {os.strerror(code)})"
    if code in (errno.EACCES, errno.EPERM):
        if paranoid is not None and paranoid > PARANOID_USER:
            return (
                f"this machine lets no process count instructions {said}; "
                f"`sysctl kernel.perf_event_paranoid={PARANOID_USER}` as root allows it, it is {paranoid}"
            )
        return f"this process may not count instructions {said}, as in most containers"
    return f"this machine has no instruction counter {said}"


def paranoid_level() -> int | None:
    """How strict the kernel is about counters; None where it does not say."""
    try:
        return int(PARANOID.read_text())
    except (OSError, ValueError):
        return None
