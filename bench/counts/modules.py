"""Which modules a step calls, what they are called in their model, and what its live tensors are. Takes no times."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from bench.modes import compilations


class called_modules:
    """Gathers the modules that are called, in the order of their first calls, each with its path of labels.

    A label is what the profiler calls a module: its class, and a number in the order of first calls that each class
    object counts by itself, so that two classes of one name have the same labels. The path tells them apart.
    """

    def __enter__(self) -> dict[str, nn.Module]:
        self.paths: dict[str, nn.Module] = {}
        self.labels: dict[int, str] = {}
        self.counts: dict[type, int] = {}
        self.around: list[str] = []
        self.hooks = (
            register_module_forward_pre_hook(self.enter),
            register_module_forward_hook(self.leave, always_call=True),
        )
        return self.paths

    def enter(self, module: nn.Module, _: object) -> None:
        """Before a call."""
        kind = type(module)
        if id(module) not in self.labels:
            self.labels[id(module)] = f"{kind.__name__}_{self.counts.get(kind, 0)}"
            self.counts[kind] = self.counts.get(kind, 0) + 1
        self.around.append(self.labels[id(module)])
        self.paths.setdefault("/".join(self.around), module)

    def leave(self, *_: object) -> None:
        """After a call, also one that raised."""
        self.around.pop()

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()


def names_in_model(called: Mapping[str, nn.Module]) -> dict[str, str]:
    """For each path the module's name in its model, such as 'conv1'; the class for a model itself."""
    inner = {id(child) for module in called.values() for child in module.modules() if child is not module}
    names: dict[int, str] = {}
    for module in called.values():
        if id(module) not in inner:
            for name, child in module.named_modules():
                names[id(child)] = name or type(module).__name__
    return {path: names.get(id(module), type(module).__name__) for path, module in called.items()}


def flops_by_path(called: Mapping[str, nn.Module], counts: Mapping[str, Mapping[Any, int]]) -> dict[str, int]:
    """What FlopCounterMode counted for each path. It goes by class and name: models that share these are left out."""
    inner = {id(child) for module in called.values() for child in module.modules() if child is not module}
    places: dict[str, set[int]] = {}
    for module in called.values():
        if id(module) not in inner:
            for name, child in module.named_modules():
                place = f"{type(module).__name__}.{name}" if name else type(module).__name__
                places.setdefault(place, set()).add(id(child))
    known = {next(iter(ids)): place for place, ids in places.items() if len(ids) == 1}
    return {
        path: sum(counts[known[id(module)]].values())
        for path, module in called.items()
        if known.get(id(module)) in counts
    }


Training = Iterable[tuple[Tensor, str]]
"""The tensors of training, each with its kind, as a memory profile calls it."""


def of_process(is_compiled: bool) -> Training:
    """The live tensors of training, whoever holds them."""
    gc.collect()
    for tensor in learnable(is_compiled).values():
        yield from with_gradient(tensor)
    for thing in gc.get_objects():
        if issubclass(type(thing), torch.optim.Optimizer):
            yield from of_optimizer(thing)


def of_model(model: nn.Module | None, optimizer: torch.optim.Optimizer | None) -> Training:
    """Those of a model and of its optimizer."""
    if model is not None:
        for buffer in model.buffers():
            yield buffer, "inputs and buffers"
        for parameter in model.parameters():
            yield from with_gradient(parameter)
    if optimizer is not None:
        yield from of_optimizer(optimizer)


def with_gradient(tensor: Tensor) -> Training:
    """A tensor that learns, and its gradient where it has one."""
    if tensor.grad is not None:
        yield tensor.grad, "gradients"
    yield tensor, "parameters"


def of_optimizer(optimizer: torch.optim.Optimizer) -> Training:
    """What an optimizer remembers."""
    for state in optimizer.state.values():
        for value in state.values():
            if isinstance(value, Tensor):
                yield value, "optimizer state"


def kinds_by_address(found: Training) -> dict[int, str]:
    """What tensors are, by the address of their storage."""
    return {tensor.untyped_storage().data_ptr(): kind for tensor, kind in found if tensor.layout == torch.strided}


def bytes_by_address(found: Training, device: str) -> dict[int, int]:
    """Bytes of tensors' storages on a device, by address."""
    own = [tensor for tensor, _ in found if tensor.layout == torch.strided and tensor.device.type == device]
    storages = [tensor.untyped_storage() for tensor in own]
    return {storage.data_ptr(): storage.nbytes() for storage in storages if storage.nbytes()}


def learnable_numbers(generates: bool) -> int:
    """Elements of the leaf tensors alive in this process that require a gradient; shared storage counts once."""
    gc.collect()
    return sum(tensor.numel() for tensor in learnable(generates).values())


def learnable(generates: bool) -> dict[object, Tensor]:
    """The leaf tensors alive in this process that require a gradient; of those that share storage, one."""
    found: dict[object, Tensor] = {}
    for thing in gc.get_objects():
        # Not isinstance, which asks proxies for the class they stand for, and so makes them do things.
        if not (issubclass(type(thing), Tensor) and thing.is_leaf and thing.requires_grad):
            continue
        if not (generates and compilations.is_fake(thing)):
            found[identity(thing)] = thing
    return found


def identity(tensor: Tensor) -> object:
    """What two tensors have in common that are the same numbers."""
    if tensor.layout != torch.strided:
        return id(tensor)
    return (
        tensor.device, tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.shape, tensor.stride(),
    )  # fmt: skip
