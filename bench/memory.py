"""Peak tensor memory on the CPU, from the profiler's allocator events. Takes no times.

The profiler reports every allocation and free while it runs. It must run from before the step is built: frees
of older blocks are invisible to it, and its own running total carries over between profiles. Adding up the
events from the start gives the live bytes at every moment; the peak is their maximum within one marked step.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from torch.autograd import DeviceType  # type: ignore[attr-defined]  # not exported, but what events answer with
from torch.profiler import ProfilerActivity, profile, record_function

MARK = "torchpace.measured_step"


def peak_of_live_bytes(build: Callable[[], Callable[[], object]], warm_up_steps: int) -> int:
    """Largest sum of live CPU tensor bytes during one step, counting all that was allocated since `build` began.

    Memory of other processes (DataLoader workers) is not seen.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler writes to stderr otherwise
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        run = build()
        for _ in range(warm_up_steps):
            run()
        with record_function(MARK):
            run()
    return peak_within_mark(allocator_events(profiled))


def allocator_events(profiled: profile) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """(time in ns, bytes allocated or, negative, freed) on the CPU in order of time, and the mark's (start, end).

    The only place that knows the profiler's private results.
    """
    assert profiled.profiler is not None
    results = profiled.profiler.kineto_results
    assert results is not None
    changes, mark = [], (0, 0)
    for event in results.events():
        name = event.name()
        if name == "[memory]" and event.device_type() == DeviceType.CPU:
            changes.append((event.start_ns(), event.nbytes()))  # type: ignore[attr-defined]
        elif name == MARK:
            mark = (event.start_ns(), event.start_ns() + event.duration_ns())
    return sorted(changes, key=lambda change: change[0]), mark


def peak_within_mark(events: tuple[list[tuple[int, int]], tuple[int, int]]) -> int:
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
