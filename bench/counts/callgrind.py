"""Instructions as Valgrind's callgrind counts them, where the processor lets nobody read its own count.

Knows neither torch nor workloads. A program that callgrind runs says when to count by client requests: a sequence of
instructions that leaves a processor as it was, and that Valgrind acts on. Sources: Valgrind's manual, "The Client
Request mechanism"; valgrind.h and callgrind.h.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from bench.counts.instructions import NoCounter

FOLDER = "TORCHPACE_CALLGRIND"  # names the folder that the counts are written to, of the process that counts
# Valgrind knows instructions up to AVX2; a library that goes by the processor's model instead has to be told.
SIMULATED = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}
RUNNING_ON_VALGRIND = 0x1001
WARM = 10  # counts of nothing, of which the least is what counting takes
DUMP, ZERO, START = (0x43540000 + number for number in (0, 1, 4))  # "CT" and the request's number
REQUEST = bytes.fromhex(
    "4889f8"  # mov rax, rdi: the request and its arguments
    "31d2"  # xor edx, edx: the answer outside of Valgrind
    "48c1c703 48c1c70d 48c1c73d 48c1c733"  # rol rdi, 3, 13, 61, 51: 128 in all
    "4887db"  # xchg rbx, rbx: here Valgrind acts
    "4889d0 c3"  # mov rax, rdx; ret
)
TOTALS = re.compile(r"^totals: (\d+)", re.MULTILINE)


def command(folder: Path) -> list[str]:
    """What stands before a program's command so that it counts into a folder. Raises NoCounter where there is none."""
    if platform.machine() != "x86_64" or not sys.platform.startswith("linux"):
        raise NoCounter("Valgrind's count is asked for on Linux on x86_64 only")
    found = shutil.which("valgrind")
    if found is None:
        raise NoCounter("valgrind is not installed (apt-get install valgrind)")
    return [
        found, "--tool=callgrind", "--instr-atstart=no", "--read-inline-info=no", "--max-stackframe=16777216",
        f"--callgrind-out-file={folder}/%p", "--quiet",
    ]  # fmt: skip


def begin() -> None:
    """Have callgrind watch this process, and those forked from it. Raises NoCounter in one that it does not run."""
    Requests().ask(START)


class Requests:
    """Client requests of this process. Raises NoCounter in one that Valgrind does not run."""

    def __init__(self) -> None:
        if FOLDER not in os.environ:
            raise NoCounter("this process does not run under Valgrind")
        try:
            self._code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        except OSError as error:
            raise NoCounter(f"Valgrind cannot be asked: {error.strerror}") from error
        self._code.write(REQUEST)
        self._request = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(
            ctypes.addressof(ctypes.c_char.from_buffer(self._code))
        )
        self._arguments = {number: (ctypes.c_uint64 * 6)(number) for number in (RUNNING_ON_VALGRIND, DUMP, ZERO, START)}
        if not self.ask(RUNNING_ON_VALGRIND):
            raise NoCounter("this process does not run under Valgrind")

    def ask(self, number: int) -> int:
        """What Valgrind answers to the request of this number."""
        return int(self._request(ctypes.addressof(self._arguments[number])))


class CallgrindCounter:
    """The instructions of all threads of this process, which callgrind watches. Raises NoCounter where it does not."""

    def __init__(self) -> None:
        self._requests = Requests()
        self._dumps = self._own = 0
        self._own = min(self.count(lambda: None, 0) for _ in range(WARM))  # the first ones are longer: Python adapts

    def count(self, run: Callable[[], object], steps: int) -> int:
        """Instructions of `steps` calls of `run`, without those of asking for them."""
        self._requests.ask(ZERO)
        for _ in range(steps):
            run()
        self._requests.ask(DUMP)
        self._dumps += 1
        return max(0, total(Path(os.environ[FOLDER]) / f"{os.getpid()}.{self._dumps}") - self._own)

    def close(self) -> None:
        """Nothing has to be given back: the process ends watched."""


def total(path: Path) -> int:
    """The instructions in one of callgrind's files, which is removed. Raises NoCounter where it says none."""
    try:
        found = TOTALS.search(path.read_text(errors="replace"))
        path.unlink()
    except OSError as error:
        raise NoCounter(f"callgrind wrote no count: {error.strerror}") from error
    if found is None:
        raise NoCounter("callgrind wrote a file without a total")
    return int(found[1])
