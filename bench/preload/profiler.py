"""What torch's profiler looks for when it starts, most of a second for each process that does. After `suite`."""

import contextlib
import gc

gc.disable()
with contextlib.suppress(Exception):  # a torch without it: the profiler does without it, too
    import torch._inductor.config  # noqa: F401
gc.freeze()
gc.enable()
