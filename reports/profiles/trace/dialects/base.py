"""What a dialect of traces is, and the words into which all are turned. Plain data; knows no dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# The categories of events that the rest of the judge knows. Others stay as they are written, and count for nothing.
ON_CPU = ("cpu_op", "user_annotation", "cuda_runtime", "python_function")  # cuda_runtime: of any device's runtime
MARK = "mark of a step"  # of events that are whole steps; no writer of traces calls anything so
ON_DEVICE = ("kernel", "gpu_memcpy", "gpu_memset")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How some writer of traces names what there is. A dialect says only what is its own; the rest is Kineto's.

    categories: by its word for a kind of event, one of ON_CPU or ON_DEVICE. details: by its word for a detail of an
    event, the column that it goes into (correlation, stream, …; those of Kineto are all there are).
    devices: by the number that allocations have, what people call the device. marks: how names begin of events that
    are a whole step. loops: GLOBs of what an engine marks around a pass of its own loop, which are steps where no other
    mark is. waits: calls in which the CPU does nothing but wait for the device. communication: words, in lower case, in
    the names of kernels that move data between devices or ranks. collectives: how the names of operators begin that
    launch such kernels.
    """

    categories: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[int, str] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    loops: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    communication: tuple[str, ...] = ()
    collectives: tuple[str, ...] = ()
