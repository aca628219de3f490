"""Has callgrind count from here on, in processes that are forked from one that it runs. After all other imports.

To begin throws all away that Valgrind has translated, which takes two seconds after an import of torch.
"""

import contextlib

from bench.counts import callgrind
from bench.counts.instructions import NoCounter

with contextlib.suppress(NoCounter):  # who looks for benchmarks imports all there is; who counts finds it out again
    callgrind.begin()
