"""Peak and sum of tensor memory on the CPU, from the profiler's allocator events. Takes no times.

The profiler reports every allocation and free while it runs. It must run from before the step is built: frees
of older blocks are invisible to it, and its own running total carries over between profiles. Adding up the
events from the start gives the live bytes at every moment; the peak is their maximum within one marked step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.counts.torch_profiler import profiled_step

Events = tuple[Sequence[tuple[int, int]], tuple[int, int]]  # changes and mark, as in ProfiledStep


def peak_of_live_bytes(build: Callable[[], Callable[[], object]], warm_up_steps: int) -> int:
    """Largest sum of live CPU tensor bytes during one step, counting all that was allocated since `build` began.

    Memory of other processes (DataLoader workers) is not seen.
    """
    step = profiled_step(build, warm_up_steps)
    return peak_within_mark((step.changes, step.mark))


def peak_within_mark(events: Events) -> int:
    """The largest running sum of the changes from the mark's start to its end, what was live before included."""
    changes, (start, end) = events
    live = peak = 0
    for time_ns, change in changes:
        if time_ns > end:
            break
        if time_ns < start:
            live += change
            peak = live
        else:
            live += change
            peak = max(peak, live)
    return peak


def allocated_within_mark(events: Events) -> int:
    """The sum of all allocations from the mark's start to its end, freed again or not."""
    changes, (start, end) = events
    return sum(change for time_ns, change in changes if change > 0 and start <= time_ns <= end)
