"""The passes of a profile around a loop that somebody wrote: each has some of its steps.

Knows nothing of what the loop does; it is told when a step ends. What shows one thing disturbs another, so no two
passes share a step: warm-up, times without the profiler, a trace with shapes, one with stacks, modules with FLOPs, and
memory.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function, schedule

from bench.api.functions import HOST, clock_of, in_use
from bench.counts import flops
from bench.counts.modules import (
    Training,
    bytes_by_address,
    called_modules,
    flops_by_path,
    kinds_by_address,
    names_in_model,
    of_model,
    of_process,
)  # fmt: skip
from bench.counts.torch_profiler import profiler, steps_for
from bench.devices import Device
from bench.measure import exact
from bench.measure.profile_passes import MOST_STEPS, NO_STACKS_COMPILED, STEP_MARK, WARM_UP_STEPS, Found
from bench.modes import compilations
from bench.records.profile_notes import MEMORY, STACKS, TIMELINE

TIMED_S, FEWEST_TIMED = 0.3, 3
STACKED_SHARE = 3  # of the timeline's steps one in so many is recorded with stacks
PASSES = ("timeline", "stacks", "flops", "memory")


@dataclass(slots=True)
class Loop:
    """A loop on a device, and what its passes found out; `missing` says of each that was not made, why."""

    device: Device
    folder: Path
    model: nn.Module | None = None
    optimizer: torch.optim.Optimizer | None = None
    found: Found = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    steps: int = 0

    @property
    def generates(self) -> bool:
        """Whether something in the process was compiled."""
        return compilations.graphs() > 0

    def passes(self) -> Generator[None, None, None]:
        """All passes; it is gone on with whenever a step of the loop has ended, and closed when the loop has."""
        for _ in range(WARM_UP_STEPS):
            yield from self.step()
        yield from self.times()
        traced = steps_for(median(self.found["step_values_s"]), MOST_STEPS)
        yield from self.trace(traced, TIMELINE, record_shapes=True)
        self.made.append("timeline")
        if self.generates:
            self.missing["stacks"] = self.missing["flops"] = NO_STACKS_COMPILED
        else:
            yield from self.trace(max(1, traced // STACKED_SHARE), STACKS, with_stack=True)
            self.made.append("stacks")
            yield from self.modules()
        yield from self.memory()

    def step(self) -> Iterator[None]:
        """One step of the loop happens."""
        yield
        self.steps += 1

    def times(self) -> Iterator[None]:
        """Seconds of some steps without a profiler: of each, where the device has no queue that steps run on in."""
        queues = [device for device in in_use().values() if device.name != HOST]
        clock = clock_of(queues)
        began = before = clock()
        values: list[float] = []
        while len(values) < FEWEST_TIMED or (before - began < TIMED_S and len(values) < MOST_STEPS):
            yield from self.step()
            now = time.perf_counter()
            values.append(now - before)
            before = now
        self.found["step_values_s"] = ((clock() - began) / len(values),) if queues else tuple(values)

    def trace(self, steps: int, file: str, **options: bool) -> Iterator[None]:
        """A trace of so many steps, after one that is not recorded; none of a loop that ends before they are over.

        The profiler would keep what it had, with the mark of a step that never was.
        """

        is_whole = False

        def export(profiled: profile) -> None:
            if is_whole:
                profiled.export_chrome_trace(str(self.folder / file))

        plan = schedule(wait=0, warmup=1, active=steps, repeat=1)
        with profiler(self.device.activities(), schedule=plan, on_trace_ready=export, **options) as profiled:
            for number in range(1 + steps):
                if number == 1:
                    self.device.synchronize()  # else work of before would run on into the steps that are recorded
                yield from self.step()
                is_whole = number == steps
                profiled.step()

    def modules(self) -> Iterator[None]:
        """Modules by their names, and what one step computes."""
        precisions: dict[str, str] = {}

        def note(operator: str, dtype: str, count: int) -> None:
            precisions[exact.operator_name(operator)] = self.device.precision_of(dtype, "convolution" in operator)

        counter = flops.counter(note)
        with ExitStack() as entered:
            called = entered.enter_context(called_modules())
            entered.enter_context(counter)
            yield from self.step()
        counts = counter.get_flop_counts()
        by_operator = {exact.operator_name(operator): n for operator, n in counts.get("Global", {}).items() if n}
        self.found |= {
            "module_names": names_in_model(called), "module_flops": flops_by_path(called, counts),
            "flops": by_operator, "precisions": precisions,
        }  # fmt: skip
        self.made.append("flops")

    def memory(self) -> Iterator[None]:
        """Allocations of one step, and of the one before it, which made what this one frees."""
        if self.device.memory_in_traces is None:
            self.missing["memory"] = f"the profiler does not record allocations on {self.device.name}"
            return
        generates = self.generates
        addresses: dict[int, str] = {}
        with profiler(self.device.activities(), profile_memory=True, with_stack=not generates) as profiled:
            with unheard():
                profiled.toggle_collection_dynamic(False, [ProfilerActivity.CPU])  # operators, not allocations
            yield from self.step()
            self.device.synchronize()
            training = list(self.training())
            addresses |= kinds_by_address(training)
            held = bytes_by_address(training, self.device.name)
            del training
            with unheard():
                profiled.toggle_collection_dynamic(True, [ProfilerActivity.CPU])
            with record_function(STEP_MARK):
                yield from self.step()
                self.device.synchronize()
            addresses |= kinds_by_address(self.training())
        profiled.export_chrome_trace(str(self.folder / MEMORY))
        self.found |= {
            "memory_device": self.device.memory_in_traces,
            "addresses": {str(address): kind for address, kind in addresses.items()},
            "held": {str(address): size for address, size in held.items()},
        }
        self.made.append("memory")

    def training(self) -> Training:
        """The tensors of the model and the optimizer that were given; of the whole process where none were."""
        if self.model is None and self.optimizer is None:
            return of_process(self.generates)
        return of_model(self.model, self.optimizer)


@contextmanager
def unheard() -> Iterator[None]:
    """What torch's native code says meanwhile on standard error goes nowhere: warnings of what is done on purpose."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
