"""What finding a program in the compilers' caches takes: over half a second for each process.

A first call in a process forked from here on is faster than in a fresh one, so it is not told. After `compiler`.
"""

import contextlib

from bench.modes import torch_compile

with contextlib.suppress(Exception):  # of another torch or triton: every process hashes for itself
    torch_compile.expect_compiled()
