"""What the fork server imports before any case is forked from it, so that no case waits for it.

Imports only: one tensor operation here, on several threads, would hang every process forked afterwards.
"""

import atexit
import contextlib
import gc
import os

import torch.profiler
import torch.utils.data

import bench.measure.compile_passes
import bench.measure.environment
import bench.measure.passes
from workloads.base import load_suite

__all__ = ["bench", "torch"]

load_suite()

if bench.measure.environment.READS_DIGITS in os.environ:  # it takes a second, for its Dynamo
    with contextlib.suppress(Exception):  # one that does not go with this torch: the cases that need it say so
        import torchvision.transforms  # noqa: F401

# torchvision brings in triton, whose binding reports its own leaks on stderr when the interpreter shuts down.
atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))

gc.collect()
gc.freeze()  # forked processes then collect only what they made themselves
