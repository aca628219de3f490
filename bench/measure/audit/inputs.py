"""The tensors that a step reads, and other numbers in them, of which not even a tensor's count of changes tells."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from workloads import base

MOST_OBJECTS = 5000  # that are gone through in the search for tensors
MOST_BYTES = 1 << 26  # of inputs that are drawn again, and kept meanwhile
FEWEST_NUMBERS = 2  # of a tensor in which half can be drawn again


def reachable(root: Any) -> list[Tensor]:
    """The tensors that a function holds, in what it closes over, is bound to or was given; modules' among them."""
    found: dict[int, Tensor] = {}
    waiting, seen = [root], {id(root)}
    while waiting and len(seen) < MOST_OBJECTS:
        thing = waiting.pop()
        if isinstance(thing, Tensor):
            found[id(thing)] = thing
            continue
        for held in held_by(thing):
            if id(held) not in seen:
                seen.add(id(held))
                waiting.append(held)
    return list(found.values())


def held_by(thing: Any) -> Iterator[Any]:
    """What an object of a usual kind holds; nothing of classes, modules of Python, and what nobody knows."""
    if isinstance(thing, types.FunctionType):
        for cell in thing.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not filled yet
                continue
        yield from thing.__defaults__ or ()
        yield from vars(thing).values()
    elif isinstance(thing, types.MethodType):
        yield from (thing.__self__, thing.__func__)
    elif isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif isinstance(thing, dict):
        yield from thing.values()
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from thing
    elif isinstance(thing, nn.Module) or (
        hasattr(thing, "__dict__") and not isinstance(thing, type | types.ModuleType)
    ):
        yield from vars(thing).values()


def storage(tensor: Tensor) -> int:
    """Where a tensor's numbers lie; 0 where it has no place of its own."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):  # the compiler's stand-ins, sparse tensors
        return 0


def shared(run: Callable[[], object], check: Callable[..., object] | None, own: Sequence[Tensor] = ()) -> list[Tensor]:
    """The inputs, each storage once: what the step says it reads; or the tensors that it and its check hold; or, of
    those that it holds, what its setup drew.
    """
    theirs, held = {storage(tensor) for tensor in reachable(check)} - {0}, reachable(run)
    drawn_by_setup = getattr(base, "DRAWN", {})  # an older revision's has none
    found = (
        own
        or [tensor for tensor in held if storage(tensor) in theirs]
        or [tensor for tensor in held if drawn_by_setup.get(id(tensor)) is tensor]
    )
    by_place = {storage(tensor): tensor for tensor in found if can_be_drawn(tensor)}
    is_large = sum(tensor.nbytes for tensor in by_place.values()) > MOST_BYTES
    return [] if is_large else list(by_place.values())


def can_be_drawn(tensor: Tensor) -> bool:
    """Whether other numbers can stand in it."""
    return (
        type(tensor) in (Tensor, nn.Parameter)
        and tensor.layout == torch.strided
        and tensor.is_floating_point()
        and tensor.numel() >= FEWEST_NUMBERS
        and tensor.is_contiguous()
    )


class Inputs:
    """Some tensors, whose numbers can be drawn again and put back."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.tensors = tensors
        self.original = [tensor.detach().clone() for tensor in tensors]

    def redraw(self) -> None:
        """In the second half of every tensor numbers that are somewhere in it: all that the step could be given."""
        for tensor, original in zip(self.tensors, self.original, strict=True):
            half = tensor.data.view(-1)[tensor.numel() // 2 :]
            half.copy_(drawn(original, len(half)))

    def rewrite(self) -> None:
        """The numbers that are there, after others were drawn as well: caches are then as after drawing."""
        for tensor, original in zip(self.tensors, self.original, strict=True):
            half = tensor.data.view(-1)[tensor.numel() // 2 :]
            there = half.clone()
            half.copy_(drawn(original, len(half)))
            half.copy_(there)

    def restore(self) -> None:
        """The numbers of before."""
        for tensor, original in zip(self.tensors, self.original, strict=True):
            tensor.data.copy_(original)


def drawn(original: Tensor, count: int) -> Tensor:
    """So many numbers that follow each other somewhere in a tensor, from its end on in its beginning."""
    numbers = original.reshape(-1)
    return numbers.roll(int(torch.randint(len(numbers), ())))[:count]
