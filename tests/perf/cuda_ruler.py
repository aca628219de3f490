"""Holds the ruler against a CUDA GPU: `python -m tests.perf.cuda_ruler` prints what was planted and what was found.

Takes about a minute on an idle GPU and leaves its settings alone. docs/devices.md shows what it printed, and where.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from tqdm import tqdm

from bench.devices import DEVICES
from bench.measure.timer import Budget, block_time, clock_cost, each_call
from reports.format.tables import grid, title
from reports.format.units import percent, quantity
from workloads.checks import relative_error

CUDA = DEVICES["cuda"]
REPEATS = 9
CYCLES = (20_000, 200_000, 2_000_000)  # of the spin kernel: about 11 µs, 0.1 ms and 1 ms
HEAVY_S = 4.0  # seconds of products at full load
Row = list[str]
Run = Callable[[], object]

OTHER_PROCESS = """
import sys, torch
x = torch.randn(1024, 1024, device="cuda")
x @ x
torch.cuda.synchronize()
print("ready", flush=True)
for _ in sys.stdin:
    for _ in range(50):
        x @ x
    torch.cuda.synchronize()
    print("done", flush=True)
"""


def step_s(run: Run, steps: int, repeats: int = REPEATS) -> float:
    """Seconds per step as the ruler finds them: the median of blocks."""
    return median(block_time(run, steps, CUDA.clock) / steps for _ in range(repeats))


def events_s(run: Run, steps: int) -> float:
    """Seconds per step between two of the device's own time stamps."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    for _ in range(steps):
        run()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) * 1e-3 / steps


def known_times() -> list[Row]:
    """A kernel that spins: the ruler against the device's own events. Then what a forgotten wait would show."""
    rows = []
    for cycles in CYCLES:

        def spin(cycles: int = cycles) -> None:
            torch.cuda._sleep(cycles)

        steps = max(3, 40_000_000 // cycles)
        spin()
        own, theirs = step_s(spin, steps), median(events_s(spin, steps) for _ in range(REPEATS))
        rows.append([f"spin, {cycles:,} cycles", quantity(theirs, "s"), quantity(own, "s"), percent(own / theirs - 1)])
    x = torch.randn(2048, 2048, device="cuda")
    x @ x
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(50):
        x @ x
    unwaited = (time.perf_counter() - start) / 50
    waited = step_s(lambda: x @ x, 50)
    rows.append(["product of 2048, no wait", quantity(waited, "s"), quantity(unwaited, "s"), "what would be wrong"])
    return rows


def costs() -> list[Row]:
    """What reading the clock costs, and a small step in blocks and by itself."""
    small = torch.randn(16, device="cuda")
    single = median(each_call(lambda: small + 1, CUDA.clock, Budget()))
    return [
        ["reading the clock, device idle", quantity(clock_cost(CUDA.clock), "s")],
        ["16-number addition, in blocks", quantity(step_s(lambda: small + 1, 2000), "s")],
        ["16-number addition, single calls", quantity(single, "s")],
    ]


def rounding() -> list[Row]:
    """How far a convolution in float32 is from float64, with TF32 as torch has it and without."""
    x, weight = torch.randn(64, 32, 26, 26, device="cuda"), torch.randn(64, 32, 3, 3, device="cuda")
    right = F.conv2d(x.double(), weight.double())
    rows, before = [], torch.backends.cudnn.allow_tf32
    for allowed in (True, False):
        torch.backends.cudnn.allow_tf32 = allowed
        error = relative_error(F.conv2d(x, weight), right)
        taken = step_s(lambda: F.conv2d(x, weight), 100)
        rows.append([f"convolution, TF32 {'on' if allowed else 'off'}", f"{error:.2g}", quantity(taken, "s")])
    torch.backends.cudnn.allow_tf32 = before
    return rows


def memory() -> list[Row]:
    """Bytes that torch counts as allocated after each step of a fresh process; the workspace is no tensor's."""
    code = (
        "import torch; n = torch.cuda.memory_allocated\n"
        "x = torch.randn(1000, device='cuda'); print(n())\na = torch.randn(64, 64, device='cuda'); print(n())\n"
        "b = a @ a; print(n())\nfrom bench.devices.cuda import workspace_bytes\nprint(workspace_bytes()); print(n())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    labels = ("1000 floats", "and [64, 64]", "and their product", "cuBLAS's workspace, given up", "left")
    return [
        [label, quantity(float(text), "B")] for label, text in zip(labels, done.stdout.split(), strict=True)
    ]  # fmt: skip


def drift() -> list[Row]:
    """A bfloat16 product of 8192 at full load: the first moments, and later."""
    x = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    x @ x
    torch.cuda.synchronize()
    time.sleep(1.5)  # an idle GPU's clocks go down and come back
    started, seen = time.perf_counter(), []
    while (at := time.perf_counter() - started) < HEAVY_S:
        seen.append((at, block_time(lambda: x @ x, 5, CUDA.clock) / 5))
    spans = ((0.0, 0.05), (0.05, 0.5), (0.5, 2.0), (2.0, HEAVY_S))
    return [
        [f"{low:g} to {high:g} s", quantity(median(s for at, s in seen if low <= at < high), "s")]
        for low, high in spans
    ]  # fmt: skip


def two_processes() -> list[Row]:
    """What a second process on the GPU costs the first: alive and idle, and taking turns."""
    x, small, large = (torch.randn(*shape, device="cuda") for shape in ((1024, 1024), (64,), (1 << 24,)))
    steps: dict[str, tuple[Run, int]] = {
        "product of 1024": (lambda: x @ x, 200), "64-number addition": (lambda: small + 1, 2000),
        "addition of 16 M": (lambda: large + 1, 200),
    }  # fmt: skip

    def look() -> dict[str, float]:
        return {name: step_s(run, count) for name, (run, count) in steps.items()}

    look()
    before = look()
    command = [sys.executable, "-c", OTHER_PROCESS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin
        assert other.stdout
        other.stdout.readline()
        idle, turns = look(), {name: [] for name in steps}
        for _ in range(REPEATS):
            for name, (run, count) in steps.items():
                other.stdin.write("\n")
                other.stdin.flush()
                other.stdout.readline()
                turns[name].append(block_time(run, count, CUDA.clock) / count)
        other.stdin.close()
    after = look()
    alone = {name: (before[name] + after[name]) / 2 for name in steps}
    ratios = {name: (idle[name] / alone[name], median(turns[name]) / alone[name]) for name in steps}
    return [
        [name, quantity(alone[name], "s"), *(f"{ratio:.3f}" for ratio in (*ratios[name], after[name] / before[name]))]
        for name in steps
    ]


TABLES: tuple[tuple[str, list[str], Callable[[], list[Row]]], ...] = (
    ("Known times", ["planted", "device's events", "ruler", "off by"], known_times),
    ("What measuring costs", ["", "seconds"], costs),
    ("Rounding", ["", "relative error", "step"], rounding),
    ("Memory as torch counts it", ["", "allocated"], memory),
    ("Clocks under load: bfloat16 product of 8192", ["time since the start", "step"], drift),
    ("Two processes, as ratios to one", ["step", "alone", "other idle", "in turns", "alone again"], two_processes),
)


def main() -> int:
    """Print every table; 2 without a GPU."""
    if reason := CUDA.unavailable_reason():
        print(f"not available, because {reason}", file=sys.stderr)
        return 2
    facts = CUDA.facts()
    print(f"{facts['gpu']}, driver {facts['driver']}, torch {torch.__version__}, {facts.get('gpu_power_limit_w')} W\n")
    for name, heads, rows in tqdm(TABLES, unit="table"):
        tqdm.write(f"{title(name, 'table')}\n\n{grid(heads, rows(), 'table', 1)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
