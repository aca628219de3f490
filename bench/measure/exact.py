"""Figures of one step that are counted, not timed: the same in every process that runs the same code.

Knows no workload and no device by name. What differs between two runs of identical code has no place here; only
instructions do, by little, and their metric says so.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from bench.counts import flops, modules, traffic
from bench.counts.instructions import Counter as ProcessorCounter
from bench.counts.instructions import InstructionCounter, NoCounter
from bench.devices import Account, Device, Peak
from bench.modes import compilations, torch_compile
from bench.records.errors import describe
from bench.records.metrics import ELEMENTWISE, VARIES
from bench.records.record import Record

Run = Callable[[], object]
Build = Callable[[], Run]

FURTHER_STEPS = 8  # compiled steps after the counted one, for code that is compiled again; Dynamo gives up after 8
ENOUGH_INSTRUCTIONS = 10_000_000  # per value: a counter's own some hundred are then below 0.01 %
MAX_STEPS_PER_VALUE = 10
REPEATS = 5  # values of instructions; the processor's interrupts and the allocator's moods differ between them

NO_PRODUCTS = "FLOPs are counted for products and convolutions; it has none"
FUSED = "compiled, a step calls fewer operators and some kernels, which only a gate's exact figures count"


def exact_records(blank: Record, device: Device, build: Build, build_eager: Build) -> list[Record]:
    """All exact figures of the step that `build` makes. `build_eager` makes the same step uncompiled.

    Raises Unavailable for a case whose mode finds nothing to change.
    """
    mode = blank.case.mode
    is_compiled, generates = torch_compile.compiled(mode), torch_compile.generates(mode)
    forget_first(build)
    runs: list[Run] = []
    compiled: list[compilations.Compilation] = []

    def warm() -> Run:
        run = warmed(build)
        torch_compile.check_used(mode)
        if is_compiled:
            compiled.append(compilations.counts())
        runs.append(run)
        return run

    account = device.account(warm, warm_up_steps=0)
    if multiprocessing.active_children():  # the peak differs by as many batches as workers happen to be ahead
        account = replace(account, peak=Peak(None, reason=VARIES))
    (run,) = runs
    records = accounted(blank, account, generates)
    records.append(replace(blank, metric="parameters", values=(float(modules.learnable_numbers(generates)),)))
    if is_compiled:
        for _ in range(FURTHER_STEPS):
            run()
        records += compile_records(blank, compiled[0], compilations.counts())
    uncounted = torch_compile.changed(mode)  # the counter knows neither generated kernels nor int8 layers
    products = flops_by_operator(build_eager()) if uncounted else flops_by_operator(run, account.operators)
    if products:  # a zero means that the counter knows nothing of this step
        records.append(counted(blank, "flops", products))
    records.append(instructions_record(blank, run, device))
    return records


def forget_first(build: Build) -> None:
    """Build a step for what outlives it: data sets stay in memory from then on, and are no part of a step."""
    build()
    gc.collect()


def warmed(build: Build) -> Run:
    """A step that has run once: it has left gradients and optimizer state behind, and is compiled.

    Compiling leaves cycles that hold tensors of the size of all gradients, but only where no cache had the result.
    """
    run = build()
    run()
    gc.collect()
    return run


def counted(blank: Record, metric: str, parts: Mapping[str, int]) -> Record:
    """A record whose value is the sum of its parts."""
    by_name = tuple((name, float(parts[name])) for name in sorted(parts))
    return replace(blank, metric=metric, values=(float(sum(parts.values())),), parts=by_name)


def missing(blank: Record, metric: str, reason: str) -> Record:
    """A record that says why there is no value."""
    return replace(blank, metric=metric, status="unavailable", reason=reason)


def accounted(blank: Record, account: Account, generates: bool) -> list[Record]:
    """The records of what the device counted. Uncompiled steps have kernels only where the device runs them."""
    peak, allocated = account.peak.allocated_bytes, account.allocated_bytes
    records = [
        missing(blank, "peak_memory", account.peak.reason)
        if peak is None
        else replace(blank, metric="peak_memory", values=(float(peak),)),
        missing(blank, "bytes_allocated", account.allocated_reason)
        if allocated is None
        else replace(blank, metric="bytes_allocated", values=(float(allocated),)),
        counted(blank, "ops", account.operators),
    ]
    if account.kernels is None:
        if generates:
            records.append(missing(blank, "kernels", account.kernels_reason))
    elif generates or account.kernels:
        records.append(counted(blank, "kernels", account.kernels))
    return records


def compile_records(blank: Record, first: compilations.Compilation, last: compilations.Compilation) -> list[Record]:
    """What torch.compile made of the step when it was first called, and how often it compiled again by the last."""
    return [
        replace(blank, metric="graphs", values=(float(first.graphs),)),
        counted(blank, "graph_breaks", Counter(first.breaks)),
        counted(blank, "recompiles", Counter(last.recompilations)),
    ]


def flops_by_operator(run: Run, operators: Mapping[str, int] | None = None) -> dict[str, int]:
    """The FLOPs of one uncompiled step as FlopCounterMode counts them, by operator.

    operators: those the step calls, where that is known; without any that has FLOPs, the step is not run.
    """
    counter = flops.counter()
    if operators is not None and operators.keys().isdisjoint(map(operator_name, counter.flop_registry)):
        return {}
    with counter:
        run()
    counts = counter.get_flop_counts().get("Global", {})
    return {operator_name(operator): count for operator, count in counts.items() if count}


def operator_name(operator: object) -> str:
    """An operator as the profiler writes it: 'aten::mm' for torch.ops.aten.mm."""
    return str(operator).replace(".", "::", 1)


def instructions_record(blank: Record, run: Run, device: Device) -> Record:
    """Instructions per step, or why the processor's counter cannot be had."""
    try:
        counter = InstructionCounter()
        try:
            values, steps = instructions(run, device, counter)
        finally:
            counter.close()
    except NoCounter as why:
        return missing(blank, "instructions", str(why))
    return replace(blank, metric="instructions", values=values, steps_per_value=steps)


def instructions(run: Run, device: Device, counter: ProcessorCounter) -> tuple[tuple[float, ...], int]:
    """Instructions per step, REPEATS times, each over so many steps (the second number) that the counter's own vanish.

    Raises NoCounter.
    """
    run()  # the passes before left other things in the caches of Python and torch
    device.synchronize()
    once = counter.count(run, 1)
    steps = min(MAX_STEPS_PER_VALUE, max(1, ENOUGH_INSTRUCTIONS // max(1, once)))
    values = []
    for _ in range(REPEATS):
        device.synchronize()  # waiting for a full queue would be counted
        values.append(counter.count(run, steps) / steps)
    return tuple(values), steps


def work_records(run: Run, blank: Record, device: Device, is_fused: bool) -> list[Record]:
    """What the warm step computes, moves and calls; or why that cannot be counted.

    is_fused: whether the step that is timed calls fewer operators than the one that is counted.
    """
    products: Counter[str] = Counter()

    def note(operator: str, dtype: str, count: int) -> None:
        products[device.precision_of(dtype, "convolution" in operator)] += count

    with flops.counter(note) as counter:
        run()
    found = counter.get_total_flops()
    moved = traffic_records(run, blank, products)
    doubts = tuple(text for record in moved if record.metric == "arithmetic" for text in record.warnings)
    if is_fused:
        moved = [missing(blank, "dispatches", FUSED) if record.metric == "dispatches" else record for record in moved]
    # The counter knows products and convolutions; a zero means that it knows nothing of this step.
    if not found:
        return [missing(blank, "flops", doubts[0] if doubts else NO_PRODUCTS), *moved]
    return [replace(blank, values=(float(found),), warnings=doubts), *moved]


def traffic_records(run: Run, blank: Record, products: Mapping[str, int]) -> list[Record]:
    """What the warm step moves and calls, and with its FLOPs what it computes; or why that cannot be counted.

    products: FLOPs by precision. What operators compute that nobody counts is in no roof's figure.
    """
    try:
        work = traffic.work_of(run)
    except Exception as error:  # a step that runs by itself may not under a dispatch mode
        return [replace(blank, metric="algorithmic_bytes", status="unavailable", reason=describe(error))]
    doubts = flops.at_least(work.operators)
    arithmetic = counted(blank, "arithmetic", {**products, ELEMENTWISE: work.elementwise})
    return [
        replace(missing(blank, "arithmetic", doubts[0]), warnings=doubts) if doubts else arithmetic,
        replace(blank, metric="touched_bytes", values=(float(work.touched_bytes),)),
        counted(blank, "algorithmic_bytes", {"read": work.read_bytes, "written": work.written_bytes}),
        replace(blank, metric="dispatches", values=(float(work.dispatches),)),
    ]
