"""torch, the ruler and the suite, before any case.

Imports only: one tensor operation here, on several threads, would hang every process forked afterwards.
"""

import atexit
import gc
import os

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

load_suite()

# torch and torchvision bring in triton, whose binding reports its own leaks on stderr when the interpreter shuts down.
atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))

bench.modes.steady.thaws = False
gc.freeze()  # forked processes then collect only what they made themselves
gc.enable()
