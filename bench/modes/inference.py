"""Modes that make another program of a module, for inference only: compiled ahead of time, or with int8 layers.

With torch_compile.py the only file that touches private names of torch.
"""

from __future__ import annotations

import copy
import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn

from workloads.base import Unavailable

AHEAD_OF_TIME = "a program compiled ahead of time"
INT8 = "dynamic quantization to int8"

# Largest |answer - right| / |right| that rounding to int8 explains. A number rounded to one of 255 levels is wrong by
# up to 1/254 of the largest; activations and weights are, and the sum over a layer averages most of it out.
TOLERANCE = {"int8": 5e-2}

made = 0  # programs that were made or loaded in this process


def module_of(thing: Any, what: str) -> nn.Module:
    """The module that a step hands over. Raises Unavailable when it is something else."""
    if not isinstance(thing, nn.Module):
        raise Unavailable(f"{what} is made of a module, and this step hands over a {type(thing).__name__}")
    return thing


def refuse_training(what: str) -> None:
    """Raise Unavailable where autograd records: neither program has a backward pass."""
    if torch.is_grad_enabled():
        raise Unavailable(f"{what} infers only, and this step records what a backward pass needs")


class AheadOfTime:
    """A module that torch.export and AOTInductor make a program of, for each shape of its inputs when that first comes.

    Programs are kept in the compilers' cache folder, where later processes find them: loading one compiles nothing.
    """

    def __init__(self, module: Any) -> None:
        self.module = module_of(module, AHEAD_OF_TIME)
        self.programs: dict[tuple[torch.Size, ...], Callable[..., Any]] = {}

    def __call__(self, *inputs: Tensor) -> Any:
        """What the module answers; its inputs are tensors, of one dtype and device from call to call."""
        refuse_training(AHEAD_OF_TIME)
        shapes = tuple(x.shape for x in inputs)
        program = self.programs.get(shapes)
        if program is None:
            program = self.programs[shapes] = program_for(self.module, inputs)
        return program(*inputs)


def program_for(module: nn.Module, inputs: tuple[Tensor, ...]) -> Callable[..., Any]:
    """The module's program for inputs of these shapes: loaded where there is one, else exported and compiled."""
    global made
    from torch._inductor import aoti_compile_and_package, aoti_load_package  # noqa: PLC0415 - seconds of import
    from torch._inductor.runtime.cache_dir_utils import cache_dir  # noqa: PLC0415

    path = Path(cache_dir()) / "programs" / f"{digest(module, inputs)}.pt2"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with torch.inference_mode(mode=False), torch.no_grad():
            exported = torch.export.export(module, inputs)
        own = path.with_suffix(f".{os.getpid()}.pt2")  # another process may be at the same
        aoti_compile_and_package(exported, package_path=str(own))
        own.replace(path)
    program: Callable[..., Any] = aoti_load_package(str(path))
    made += 1
    return program


def digest(module: nn.Module, inputs: tuple[Tensor, ...]) -> str:
    """What tells programs of one run apart: code of modules, weights, shapes, and whether kernels are named.

    Functions that the modules call are not looked into: a cache folder is of one revision of them, and of one torch.
    """
    import torch._inductor.config as inductor  # noqa: PLC0415 - as above

    found = hashlib.sha256(repr(module).encode())
    for part in {type(part): part for part in module.modules()}:
        code = getattr(part.forward, "__code__", None)
        found.update(f"{part.__qualname__} {told(code)}".encode())
    for name, tensor in module.state_dict().items():
        found.update(f"{name} {tensor.dtype} {tensor.device} {tuple(tensor.shape)}".encode())
        # Flat, because a number without dimensions has no view as bytes.
        found.update(tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    found.update(repr([(tuple(x.shape), x.dtype, x.device) for x in inputs]).encode())
    found.update(repr(inductor.cpp.enable_kernel_profile).encode())
    return found.hexdigest()[:24]


def told(constant: object) -> object:
    """What a constant of code is, code within it too, in words that are the same in every process."""
    if isinstance(constant, CodeType):  # its own words have an address in them
        return constant.co_code, constant.co_names, [told(one) for one in constant.co_consts]
    if isinstance(constant, frozenset):  # in the order of hashes, which processes draw
        return sorted(map(repr, constant))
    return repr(constant)


def quantized(thing: Any) -> Callable[..., Any]:
    """A copy of a module whose linear layers have int8 weights and round their inputs to int8 call by call.

    Raises Unavailable where torch cannot: no linear layer, not on the CPU, not in float32.
    """
    global made
    module = module_of(thing, INT8)
    linear = [part for part in module.modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise Unavailable(f"{INT8} changes linear layers, and this module has none")
    weight = linear[0].weight
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        kind = f"{weight.dtype} on {weight.device.type}".removeprefix("torch.")
        raise Unavailable(f"{INT8} is defined for float32 on the CPU, not for {kind}")
    if torch.backends.quantized.engine == "none":
        raise Unavailable("this torch is built without int8 kernels for this processor")
    try:
        from torch.ao.quantization import quantize_dynamic  # noqa: PLC0415 - not in every torch
    except ImportError:
        raise Unavailable(f"torch {torch.__version__} has no torch.ao.quantization") from None
    with warnings.catch_warnings():  # torchao is to take its place; until then this is what torch brings
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        # Only what lies within a module is replaced, and the module may be a linear layer itself.
        whole = nn.Sequential(copy.deepcopy(module))
        (changed,) = quantize_dynamic(whole, {nn.Linear}, dtype=torch.qint8, inplace=True)
    if any(isinstance(part, nn.Linear) for part in changed.modules()):
        raise RuntimeError("torch left a linear layer as it was when asked for dynamic quantization to int8")
    made += 1

    def infer(*inputs: Tensor) -> Any:
        refuse_training(INT8)
        return changed(*inputs)

    return infer
