"""Steps that end their process or hang in it, and steps that ask for more than the machine gives; part of `planted`."""

from __future__ import annotations

import os
import resource
import signal
import sys

import torch
from torch import Tensor

from workloads import Setup, Step, near, workload


@workload("planted.too_large", item="call")
def too_large(setup: Setup) -> Step:
    """Asks for more memory than there is."""
    return Step(lambda: torch.empty(1 << 48, dtype=torch.uint8))


@workload("planted.killed", item="call")
def killed(setup: Setup) -> Step:
    """Is killed as the system kills a process that takes too much memory."""

    def run() -> Tensor:
        os.kill(os.getpid(), signal.SIGKILL)
        return torch.zeros(())

    return Step(run)


@workload("planted.exits", item="call")
def exits(setup: Setup) -> Step:
    """Ends its process without a word from Python."""

    def run() -> Tensor:
        print("planted last words", file=sys.stderr, flush=True)
        os._exit(7)

    return Step(run)


@workload("planted.hangs", item="call")
def hangs(setup: Setup) -> Step:
    """Never finishes."""

    def run() -> Tensor:
        signal.pause()
        return torch.zeros(())

    return Step(run)


@workload("planted.disk_full", item="call")
def disk_full(setup: Setup) -> Step:
    """Compiles where files of more than 4 kB cannot be written, as on a disk that fills up meanwhile."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    add, x = setup.compile(torch.add), setup.randn(16)
    return Step(lambda: add(x, x), check=near(lambda: 2 * x))
