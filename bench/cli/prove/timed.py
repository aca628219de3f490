"""Claims of times. A busy machine makes a row undecided, and no wrong ruler ok."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from bench.cli.prove.claims import OK, UNDECIDED, WRONG, Bench, Claim, not_available, why
from bench.cli.prove.counted import said
from bench.measure.machine import PROCESSOR
from bench.measure.timer import timed_steps

EXACT = 0.02  # of a known time
ROUNDS = 7  # of a product alone and beside another process
STEADY = 0.1
GRAPHS = 0.05  # of the time of large products: their kernels may be others
ROOF_S = 0.3  # of each process
ROOFS: tuple[tuple[str, str, tuple[tuple[str, int], ...]], ...] = (
    ("the roof of products, measured again", "matmul", (("size", 512),)),
    ("the roof of copies, measured again", "copy", (("working_set", 64 << 20),)),
)
BUSY_S = (50e-6, 5e-3)


def known_times(bench: Bench) -> Iterator[Claim]:
    """A step that reads the clock until its time is over takes that time.

    A block is compared with what its steps say of when the first began and the last ended. What is left is the ruler's
    doing, unless an interruption falls between its reading of the clock and the step's in half of the blocks: hence the
    median. What the ruler does between two steps is in every pause, and all else but makes pauses longer: hence the
    shortest.
    """
    for seconds in BUSY_S:
        what = f"time of a step of {said(seconds)}"
        told = bench.folder / f"busy-{seconds:g}.json"
        found = bench.records("busy", "time", seconds=seconds, told=str(told))
        step = found["step_time"]
        if not step.values or not told.is_file():
            yield Claim(what, said(seconds), why(found), f"± {EXACT:.0%}", WRONG)
            continue
        steps, count = step.steps_per_value, len(step.values)
        blocks = timed_steps(
            json.loads(told.read_text()), steps, count, seconds if bench.device == PROCESSOR else math.inf
        )
        around = [
            value * steps / (block[-1][1] - block[0][0]) for value, block in zip(step.values, blocks, strict=True)
        ]
        pauses_s = [after[0] - before[1] for block in blocks for before, after in pairwise(block)] or [0.0]
        ratio = statistics.median(around) * (1 + min(pauses_s) / seconds)
        holds = 1 - EXACT / 10 <= ratio <= 1 + EXACT
        yield Claim(what, said(seconds), said(seconds * ratio), f"± {EXACT:.0%}", OK if holds else WRONG)


def waits(bench: Bench) -> Iterator[Claim]:
    """The clock waits for the device, whichever stream works: products take what the device's own events say."""
    for what, on_side in (("products by the device's own events", False), ("products on a side stream", True)):
        if bench.device != "cuda":
            yield not_available(what, f"{bench.device} has no events of its own to hold the clock against")
            continue
        events_s, clock_s, queued_s = bench.call(by_events, bench.device, on_side)
        holds = abs(clock_s / events_s - 1) <= EXACT
        reason = f"without waiting it would have been {said(queued_s)}"
        yield Claim(what, said(events_s), said(clock_s), f"± {EXACT:.0%}", OK if holds else WRONG, reason)


def by_events(device: str, on_side: bool) -> tuple[float, float, float]:
    """In a fresh process on CUDA: a block of products by events, by the ruler's clock, and until it was queued."""
    import time  # noqa: PLC0415

    import torch  # noqa: PLC0415

    from bench.devices import DEVICES  # noqa: PLC0415

    clock = DEVICES[device].clock
    a = torch.randn(2048, 2048, device=device)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    with torch.cuda.stream(torch.cuda.Stream() if on_side else torch.cuda.current_stream()):
        for _ in range(20):
            a @ a
        start_s = clock()
        begin.record()
        for _ in range(200):
            a @ a
        end.record()
    queued_s = time.perf_counter() - start_s
    whole_s = clock() - start_s
    return begin.elapsed_time(end) / 1e3, whole_s, queued_s


def graphs(bench: Bench) -> Iterator[Claim]:
    """Large products take a GPU as long under CUDA graphs as without: neither a launch nor a replay is work."""
    what = "large products under CUDA graphs, over eager"
    if bench.device != "cuda":
        yield not_available(what, f"{bench.device} has no CUDA graphs")
        return
    from bench.modes.torch_compile import CUDA_GRAPHS  # noqa: PLC0415 - imports torch

    cache = str(bench.folder / "graphs")
    found = [bench.records("large_products", "time", mode, cache=cache) for mode in ("eager", CUDA_GRAPHS)]
    eager, replayed = (each["step_time"] for each in found if "step_time" in each)
    if not eager.values or not replayed.values:
        yield not_available(what, replayed.reason or eager.reason)
        return
    ratio = statistics.median(replayed.values) / statistics.median(eager.values)
    verdict = OK if abs(ratio - 1) <= GRAPHS else WRONG
    yield Claim(what, "× 1", f"× {ratio:.3f}", f"± {GRAPHS:.0%}", verdict)


def ceilings(bench: Bench) -> Iterator[Claim]:
    """Roofs that are measured again are the same: the fastest block of two processes, against that of two others."""
    from bench.measure.task import Task  # noqa: PLC0415 - imports torch
    from bench.measure.timer import Budget  # noqa: PLC0415

    for what, name, point in ROOFS:
        case = replace(bench.case(""), workload=f"ceilings.{name}", point=point)
        task = Task(case, "time", budget=Budget(warm_up_s=0.1, sample_s=ROOF_S), launch=1)
        best: list[float] = []
        for _ in range(4):
            (step,) = (record for record in bench.perform(task) if record.metric == "step_time")
            best.append(min(step.values, default=math.nan))
        one, other = min(best[0], best[3]), min(best[1], best[2])
        holds = abs(other / one - 1) <= STEADY
        reason = "" if holds else "the machine's speed differed from one second to the next, or has none: see ceilings"
        yield Claim(what, "the same", f"{other / one - 1:+.1%}", f"± {STEADY:.0%}", OK if holds else UNDECIDED, reason)


def beside(bench: Bench) -> Iterator[Claim]:
    """What an idle second process on the device costs: whether two may take turns there."""
    alone, both = bench.call(alone_and_beside, bench.device)
    ratios = [second / first for first, second in zip(alone, both, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    known = high - low <= 2 * EXACT
    verdict = WRONG if known and middle > 1 + EXACT else OK if known and middle >= 1 - EXACT else UNDECIDED
    yield Claim(
        "products beside an idle process", "× 1", f"× {middle:.3f} [{low:.3f}, {high:.3f}]", f"± {EXACT:.0%}", verdict,
        "" if verdict == OK else "the machine's speed wandered by more than that" if verdict == UNDECIDED else
        "sides of a gate should not take turns here",
    )  # fmt: skip


def alone_and_beside(device: str) -> tuple[list[float], list[float]]:
    """In a fresh process: seconds of a block of products, alone and beside an idle process that has a tensor there."""
    import multiprocessing  # noqa: PLC0415

    import torch  # noqa: PLC0415

    from bench.devices import DEVICES  # noqa: PLC0415
    from bench.measure.timer import block_time, calibrate  # noqa: PLC0415

    torch.set_num_threads(1)
    clock = DEVICES[device].clock
    size = 256 if device == "cpu" else 1024  # on a GPU smaller ones are as noisy as the processor that launches them
    a = torch.randn(size, size, device=device)
    steps, _ = calibrate(lambda: a @ a, clock)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    idle = context.Process(target=rest, args=(there, device), daemon=True)
    alone = [block_time(lambda: a @ a, 2 * steps, clock) for _ in range(2 * ROUNDS)]
    idle.start()
    here.recv()
    both = [block_time(lambda: a @ a, 2 * steps, clock) for _ in range(2 * ROUNDS)]
    here.send(None)
    idle.join()
    alone += [block_time(lambda: a @ a, 2 * steps, clock) for _ in range(2 * ROUNDS)]
    pairs = [(alone[number] + alone[-1 - number]) / 2 for number in range(len(both))]  # a drift has no part in it
    return pairs, both


def rest(connection: Any, device: str) -> None:
    """In the other process: have something on the device, and do nothing until told to end."""
    import torch  # noqa: PLC0415

    tensor = torch.ones(1, device=device)
    connection.send(float(tensor))
    connection.recv()


def under_load(bench: Bench) -> Iterator[Claim]:
    """The same products for some seconds: a device that gets hot gets slower."""
    values = bench.call(products_for, bench.device, min(10.0, 0.05 * bench.left_s()))
    fifth = max(1, len(values) // 5)
    first, last = statistics.median(values[:fifth]), statistics.median(values[-fifth:])
    change = last / first - 1
    spread = statistics.quantiles(values, n=20)
    holds = abs(change) <= STEADY
    noisy = spread[-1] / spread[0] - 1 > STEADY
    yield Claim(
        "speed under load, from first to last", "the same", f"{change:+.1%}", f"± {STEADY:.0%}",
        OK if holds else UNDECIDED, "" if holds else "other work beside it, or a clock that throttles" if noisy else
        "its clock changes under load: compare what takes turns",
    )  # fmt: skip


def products_for(device: str, seconds: float) -> list[float]:
    """In a fresh process: seconds a step of products, block by block."""
    import torch  # noqa: PLC0415

    from bench.devices import DEVICES  # noqa: PLC0415
    from bench.measure.timer import block_time, calibrate  # noqa: PLC0415

    torch.set_num_threads(1)
    clock = DEVICES[device].clock
    a = torch.randn(512, 512, device=device)
    steps, _ = calibrate(lambda: a @ a, clock)
    found: list[float] = []
    started_s = clock()
    while clock() - started_s < seconds or len(found) < ROUNDS:
        found.append(block_time(lambda: a @ a, steps, clock) / steps)
    return found
