"""Tensor operations, one at a time: what a step of anything is made of."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from workloads.base import FLOAT_DTYPES, Setup, Step, Unavailable, WrongAnswer, workload
from workloads.checks import host64, near

MILLION = 1 << 20  # elements; 4 MiB of float32, more than a core's second-level cache


@workload("tensor_ops.create", item="element", dtypes=FLOAT_DTYPES, fill=("zeros", "arange", "rand"), size=(MILLION,))
def create(setup: Setup, fill: str, size: int) -> Step:
    """A new tensor: zeros, a range, or uniform random numbers."""
    make: dict[str, Callable[[], Tensor]] = {
        "zeros": lambda: torch.zeros(size, device=setup.device, dtype=setup.dtype),
        "arange": lambda: torch.arange(size, device=setup.device, dtype=torch.int64),
        "rand": lambda: torch.rand(size, device=setup.device, dtype=setup.dtype),
    }
    right: dict[str, Callable[[], Tensor]] = {"zeros": lambda: torch.zeros(size), "arange": lambda: torch.arange(size)}
    check = uniform(size) if fill == "rand" else near(right[fill])
    return Step(setup.compile(make[fill]), items=size, check=check, random=fill == "rand")


def uniform(size: int) -> Callable[[Tensor], None]:
    """A check that `size` numbers lie in [0, 1] and have the mean of uniform ones.

    That mean has a standard deviation of 0.29 / sqrt(size), and dtypes that round down are below it by their precision.
    """

    def check(answer: Tensor) -> None:
        values = host64(answer)
        low, high, mean = float(values.min()), float(values.max()), float(values.mean())
        allowed = 6 * 0.29 / math.sqrt(size) + torch.finfo(answer.dtype).eps
        if not (answer.shape == (size,) and low >= 0 and high <= 1 and abs(mean - 0.5) <= allowed):
            raise WrongAnswer(
                f"{tuple(answer.shape)} numbers from {low:g} to {high:g} of mean {mean:g} are not uniform"
            )

    return check


@workload("tensor_ops.elementwise", item="element", dtypes=FLOAT_DTYPES, size=(64, 4096, MILLION))
def elementwise(setup: Setup, size: int) -> Step:
    """One addition per element: memory-bound when large, all overhead when small."""
    x, y = setup.randn(size), setup.randn(size)
    add = setup.compile(torch.add)
    return Step(lambda: add(x, y), items=size, check=near(lambda: host64(x) + host64(y)))


def chain(x: Tensor) -> Tensor:
    """Eight elementwise operations; eager writes each result to memory, a fused kernel only the last."""
    return torch.relu(torch.tanh(x * 1.5 + 0.5) * x - 0.25).clamp(max=4.0) * 0.5


@workload(
    "tensor_ops.elementwise_chain",
    item="element",
    dtypes=FLOAT_DTYPES,
    default_modes=("eager", "compile"),
    size=(MILLION,),
)
def elementwise_chain(setup: Setup, size: int) -> Step:
    """Eight elementwise operations in a row, the case that fusion helps."""
    x = setup.randn(size)
    fused = setup.compile(chain)

    def resized(size: int) -> Callable[[], Tensor]:
        other = setup.randn(size)
        return lambda: fused(other)

    return Step(lambda: fused(x), items=size, check=near(lambda: chain(host64(x))), resized=resized)


@workload("tensor_ops.broadcast", item="element", dtypes=FLOAT_DTYPES, side=(1024,))
def broadcast(setup: Setup, side: int) -> Step:
    """A column plus a row: [side, 1] + [1, side]."""
    column, row = setup.randn(side, 1), setup.randn(1, side)
    add = setup.compile(torch.add)
    return Step(lambda: add(column, row), items=side * side, check=near(lambda: host64(column) + host64(row)))


@workload("tensor_ops.reduce", item="element", dtypes=FLOAT_DTYPES, over=("all", "rows", "columns"), side=(1024,))
def reduce(setup: Setup, over: str, side: int) -> Step:
    """A mean over everything, down the rows, or along the columns of [side, side]."""
    x = setup.randn(side, side) + 1  # a mean of 1 keeps the relative error small; sums would overflow float16
    dims = {"all": (0, 1), "rows": (0,), "columns": (1,)}[over]
    mean = setup.compile(lambda: x.mean(dims))
    return Step(mean, items=side * side, check=near(lambda: host64(x).mean(dims)))


@workload("tensor_ops.softmax", item="element", dtypes=FLOAT_DTYPES, default_modes=("eager", "compile"), side=(1024,))
def softmax(setup: Setup, side: int) -> Step:
    """Softmax along the last dimension of [side, side]."""
    x = setup.randn(side, side)
    apply = setup.compile(F.softmax)
    return Step(lambda: apply(x, -1), items=side * side, check=near(lambda: F.softmax(host64(x), -1)))


@workload(
    "tensor_ops.matmul",
    item="product",
    dtypes=FLOAT_DTYPES,
    shape=("64x64x64", "256x256x256", "1024x1024x1024", "4096x64x16", "1x1024x1024"),
)
def matmul(setup: Setup, shape: str) -> Step:
    """A matrix product [m, k] @ [k, n], named mxkxn: square, skinny, and one row."""
    m, k, n = (int(size) for size in shape.split("x"))
    a, b = setup.randn(m, k), setup.randn(k, n)
    product = setup.compile(torch.matmul)
    return Step(lambda: product(a, b), items=1, check=near(lambda: host64(a) @ host64(b)))


@workload("tensor_ops.conv2d", item="image", dtypes=FLOAT_DTYPES, batch=(16,), channels=(32,))
def conv2d(setup: Setup, batch: int, channels: int) -> Step:
    """A 3x3 convolution of [batch, channels, 28, 28] to twice the channels, without padding."""
    x, weight = setup.randn(batch, channels, 28, 28), setup.randn(2 * channels, channels, 3, 3)
    convolve = setup.compile(F.conv2d)

    def right() -> Tensor:  # as a matrix product over patches, which is another code path than conv2d's
        patches = F.unfold(host64(x), kernel_size=3)
        return (host64(weight).flatten(1) @ patches).view(batch, 2 * channels, 26, 26)

    return Step(lambda: convolve(x, weight), items=batch, check=near(right, setup.convolution_tolerance))


@workload("tensor_ops.max_pool", item="image", dtypes=FLOAT_DTYPES, batch=(16,), channels=(64,))
def max_pool(setup: Setup, batch: int, channels: int) -> Step:
    """2x2 max pooling of [batch, channels, 28, 28]."""
    x = setup.randn(batch, channels, 28, 28)
    pool = setup.compile(F.max_pool2d)

    def right() -> Tensor:
        return host64(x).view(batch, channels, 14, 2, 14, 2).amax(dim=(3, 5))

    return Step(lambda: pool(x, 2), items=batch, check=near(right))


@workload("tensor_ops.gather", item="element", dtypes=FLOAT_DTYPES, kind=("index", "gather"), size=(MILLION,))
def gather(setup: Setup, kind: str, size: int) -> Step:
    """A tenth of `size` elements, taken at random places: by indexing rows of 16, or with gather."""
    x = setup.randn(size // 16, 16)
    rows = torch.randint(x.shape[0], (size // 160,)).to(setup.device)
    columns = rows[:, None].expand(-1, 16).contiguous()
    take = setup.compile((lambda: x[rows]) if kind == "index" else (lambda: torch.gather(x, 0, columns)))
    return Step(take, items=rows.numel() * 16, check=near(lambda: host64(x).index_select(0, rows.cpu())))


@workload("tensor_ops.copy", item="element", dtypes=FLOAT_DTYPES, layout=("contiguous", "transposed"), side=(1024,))
def copy(setup: Setup, layout: str, side: int) -> Step:
    """A copy of [side, side] into row-major order: straight, or from its transpose."""
    x = setup.randn(side, side)
    source = x if layout == "contiguous" else x.t()
    clone = setup.compile(lambda: source.clone(memory_format=torch.contiguous_format))
    return Step(clone, items=side * side, check=near(lambda: host64(source).contiguous()))


@workload("tensor_ops.cast", item="element", to=("bfloat16", "float16", "float64"), size=(MILLION,))
def cast(setup: Setup, to: str, size: int) -> Step:
    """A copy in another dtype."""
    if to == "float64" and not setup.has_float64:
        raise Unavailable(f"{setup.device.type} has no float64")
    x, dtype = setup.randn(size), getattr(torch, to)
    convert = setup.compile(lambda: x.to(dtype))
    last_place = torch.finfo(dtype)

    def check(answer: Tensor) -> None:  # number by number: all are rounded, once
        right = torch.allclose(host64(answer), host64(x), rtol=last_place.eps, atol=last_place.smallest_normal)
        if answer.dtype != dtype or not right:
            raise WrongAnswer(f"the numbers in {answer.dtype} are not those of float32, rounded to {dtype}")

    return Step(convert, items=size, check=check)


@workload(
    "tensor_ops.transfer",
    item="element",
    dtypes=FLOAT_DTYPES,
    not_compiled="a transfer is one copy, with nothing to fuse",
    direction=("to_device", "to_host"),
    size=(MILLION,),
)
def transfer(setup: Setup, direction: str, size: int) -> Step:
    """A copy between the host's memory and the device's."""
    if setup.device.type == "cpu":
        raise Unavailable("a transfer between host and device needs a device other than the CPU")
    host = torch.randn(size).to(setup.dtype)
    source, target = (host, setup.device) if direction == "to_device" else (host.to(setup.device), torch.device("cpu"))
    return Step(lambda: source.to(target), items=size, check=near(lambda: host64(host)))


@workload(
    "tensor_ops.numpy_round_trip",
    item="element",
    not_compiled="NumPy is outside of what torch.compile sees",
    size=(64, MILLION),
)
def numpy_round_trip(setup: Setup, size: int) -> Step:
    """Tensor to NumPy array, one NumPy addition, and back to a tensor on the device."""
    x = setup.randn(size)
    step = math.pi
    return Step(
        lambda: torch.from_numpy(x.cpu().numpy() + step).to(setup.device),
        items=size,
        check=near(lambda: host64(x) + step),
    )
