"""torch, the ruler and the suite, before any case.

Imports only: one tensor operation here, on several threads, would hang every process forked afterwards.
"""

import atexit
import gc
import linecache
import os
import sys

gc.disable()  # what is imported is no garbage, and looking for some takes a fifth of the time

from bench.modes.variables import CUDA_SETTINGS  # noqa: E402

os.environ.update(CUDA_SETTINGS)

import torch.profiler  # noqa: E402
import torch.utils.data  # noqa: E402

import bench.measure.compile_passes  # noqa: E402
import bench.measure.passes  # noqa: E402
import bench.modes.steady  # noqa: E402
from workloads.base import load_suite  # noqa: E402

__all__ = ["bench", "torch"]
SEEDING = ("bench", "workloads", "multiprocessing", "torch.random", "torch.cuda", "torch._compile", "torch._dynamo")

load_suite()

# torch.manual_seed notes for CUDA from where it was called: the lines of ten files, read anew in every process.
for own in [module for name, module in sys.modules.items() if name.startswith(SEEDING)]:
    linecache.getlines(getattr(own, "__file__", None) or "")

# torch and torchvision bring in triton, whose binding reports its own leaks on stderr when the interpreter shuts down.
atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))

bench.modes.steady.thaws = False
gc.freeze()  # forked processes then collect only what they made themselves
gc.enable()
