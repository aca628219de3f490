"""What the machine can do at best: products, memory traffic, dispatch, launches, transfers.

Not part of the default suite: `torchpace ceilings` measures these, and other figures are held against them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from workloads.base import FLOAT_DTYPES, Setup, Step, Unavailable, WrongAnswer, workload
from workloads.checks import host64, near

KIB, MIB = 1 << 10, 1 << 20
WORKING_SETS = (256 * KIB, 4 * MIB, 64 * MIB, 512 * MIB)  # bytes: second-level cache, third-level cache, memory
SIZES = (128, 256, 512, 1024, 2048, 4096, 8192)  # of a product's square matrices
CHAIN = 1000  # additions per step: entering the step costs nothing beside them
ONE_MEMORY = "host and device are one memory"
# Largest error that rounding explains, as a share of the largest entry; sums of random signs are kind. Float32 leaves
# room for products whose factors are rounded to bfloat16, which torch.set_float32_matmul_precision("medium") allows.
PRODUCT_TOLERANCE = {torch.float64: 1e-9, torch.float32: 5e-3, torch.float16: 5e-3, torch.bfloat16: 3e-2}


def some_of(tensor: Tensor) -> Tensor:
    """A view of about a thousand of its elements, from the first to the last: an answer that is cheap to keep."""
    return tensor[:: max(1, tensor.numel() // 1024)]


@workload(
    "ceilings.matmul",
    item="FLOP",
    dtypes=("float64", *FLOAT_DTYPES),
    default=False,
    size=SIZES,
)
def matmul(setup: Setup, size: int) -> Step:
    """A product of two square matrices, 2 size^3 FLOPs."""
    if setup.dtype == torch.float64 and not setup.has_float64:
        raise Unavailable(f"{setup.device.type} has no float64")
    a, b = setup.randn(size, size), setup.randn(size, size)

    def check(answer: Tensor) -> None:
        # Times a vector of random signs (Freivalds, 1979): a wrong number anywhere shows, and the whole product in
        # float64 would take longer than what is measured.
        signs = torch.randint(2, (size,), generator=torch.Generator().manual_seed(setup.seed)).double() * 2 - 1
        right = host64(a) @ (host64(b) @ signs)
        error = float((host64(answer) @ signs - right).abs().max() / right.abs().max())
        if not error <= PRODUCT_TOLERANCE[setup.dtype]:
            raise WrongAnswer(f"the product is off by {error:.3g} of its largest entry, times random signs")

    product = setup.compile(torch.mm)
    torch.set_float32_matmul_precision("highest")
    return Step(lambda: product(a, b), items=2 * size**3, check=check)


@workload("ceilings.matmul_tf32", item="FLOP", default=False, size=SIZES)
def matmul_tf32(setup: Setup, size: int) -> Step:
    """A product of two square matrices of float32 that are rounded to TF32 first, as convolutions on CUDA are."""
    if setup.device.type != "cuda" or torch.version.hip or torch.cuda.get_device_capability(setup.device) < (8, 0):
        raise Unavailable("TF32 is of NVIDIA GPUs from Ampere on")
    step = matmul(setup, size)
    torch.set_float32_matmul_precision("high")
    return step


@workload("ceilings.copy", item="B", default=False, working_set=WORKING_SETS)
def copy(setup: Setup, working_set: int) -> Step:
    """A copy from one half of the working set to the other; every byte of it is read or written once."""
    source = torch.ones(working_set // 8, device=setup.device)
    target = torch.zeros_like(source)
    write, answer = setup.compile(target.copy_), some_of(target)

    def run() -> Tensor:
        write(source)
        return answer

    return Step(run, items=8 * source.numel(), check=near(lambda: torch.ones(answer.shape).double()))


@workload("ceilings.triad", item="B", default=False, working_set=WORKING_SETS)
def triad(setup: Setup, working_set: int) -> Step:
    """a = b + 3 c over thirds of the working set, as in McCalpin's STREAM."""
    count = working_set // 12
    b, c = torch.ones(count, device=setup.device), torch.full((count,), 2.0, device=setup.device)
    a = torch.zeros_like(b)
    write, answer = setup.compile(torch.add), some_of(a)

    def run() -> Tensor:
        write(b, c, alpha=3.0, out=a)
        return answer

    return Step(run, items=12 * count, check=near(lambda: torch.full(answer.shape, 7.0).double()))


@workload("ceilings.dispatch", item="operator", default=False, not_compiled="compiled, the chain is one kernel")
def dispatch(setup: Setup) -> Step:
    """A chain of additions of one element each: what calling an operator costs when there is nothing to do."""
    start, one = torch.zeros(1, device=setup.device), torch.ones(1, device=setup.device)

    def run() -> Tensor:
        x = start
        for _ in range(CHAIN):
            x = torch.add(x, one)
        return x

    return Step(run, items=CHAIN, check=near(lambda: torch.full((1,), float(CHAIN)).double()))


@workload("ceilings.launch", item="launch", default=False, not_compiled="it is one kernel already")
def launch(setup: Setup) -> Step:
    """Enqueue one tiny kernel and wait for it. The one step that synchronizes by itself: that is its subject."""
    if setup.device.type == "cpu":
        raise Unavailable("nothing is launched on the CPU: work is done when the call returns")
    zero, one = torch.zeros(1, device=setup.device), torch.ones(1, device=setup.device)

    def run() -> Tensor:
        answer = torch.add(zero, one)
        torch.accelerator.synchronize()
        return answer

    return Step(run, check=near(lambda: torch.ones(1).double()))


@workload(
    "ceilings.transfer",
    item="B",
    default=False,
    not_compiled="a transfer is one copy, with nothing to fuse",
    direction=("to_device", "to_host"),
    size=(64 * MIB,),
)
def transfer(setup: Setup, direction: str, size: int) -> Step:
    """A copy between the host's memory, pinned where the device has that, and the device's."""
    if setup.device.type == "cpu":
        raise Unavailable(f"{ONE_MEMORY} on the CPU")
    host = torch.ones(size // 4)
    if setup.device.type == "cuda":
        host = host.pin_memory()
    device = torch.ones(size // 4, device=setup.device)
    source, target = (host, device) if direction == "to_device" else (device, host)
    answer = some_of(target)

    def run() -> Tensor:
        target.copy_(source, non_blocking=True)
        return answer

    return Step(run, items=size, check=near(lambda: torch.ones(answer.shape).double()))
