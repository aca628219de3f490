"""The one place where a process enters a mode: every pass that makes a step in it then makes the same program.

What a compiled step is depends on more than its code: with which random numbers it is compiled decides its memory, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from bench.modes.made_once import know_machine, use_headers
from bench.modes.steady import steady
from bench.modes.torch_compile import (
    compiled,
    generates,
    load,
    use_cache,
    use_eager_random,
    use_named_kernels,
)


@contextmanager
def entered(mode: str, threads: int, cache: str = "", headers: str = "", named: bool = False) -> Iterator[None]:
    """Make and run steps of a mode in here, steadily, on so many CPU threads.

    cache: the compilers' folder; empty for the one that the environment names. headers: likewise, of what they make
    once on a machine. named: generated kernels report themselves, which takes time, so nothing is timed.
    Comes before the first compilation of the process.
    Raises Unavailable when the folder cannot be written.
    """
    if cache:
        use_cache(Path(cache))
    torch.set_num_threads(threads)
    if generates(mode):
        load()
    if headers:
        use_headers(Path(headers))
    if generates(mode):
        know_machine()
    if compiled(mode):
        use_eager_random()
    if named and generates(mode):
        use_named_kernels()
    with steady():
        yield
