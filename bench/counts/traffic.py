"""What one uncompiled step has to move and to compute, counted from the operators that it calls.

Knows no workload and no device. Counts what an ideal machine could not do without, not what caches really do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Run = Callable[[], object]

# Tagged pointwise, but they only move.
MOVES = {"clone", "copy", "copy_", "_to_copy", "fill", "fill_", "zero_", "zeros_like", "ones_like"}
# Not tagged: one operation per element that they are given.
OTHER_REDUCTIONS = {
    "mse_loss", "nll_loss_forward", "_softmax", "_log_softmax", "native_layer_norm", "native_batch_norm", "cumsum",
    "max_pool2d_with_indices", "avg_pool2d", "_adaptive_avg_pool2d", "linalg_vector_norm", "logsumexp",
    "_native_batch_norm_legit", "native_group_norm",
}  # fmt: skip
# Not tagged: one per element that they give.
OTHER_POINTWISE = {
    "mse_loss_backward", "_softmax_backward_data", "_log_softmax_backward_data", "native_dropout",
    "native_dropout_backward", "nll_loss_backward", "max_pool2d_with_indices_backward", "native_layer_norm_backward",
    "native_batch_norm_backward",
}  # fmt: skip
# They write all of what they change without reading it.
OVERWRITES = {"copy_", "fill_", "zero_", "normal_", "uniform_", "random_", "bernoulli_", "exponential_"}
# Of their first argument they read only as much as they give.
GATHERS = {"index", "gather", "index_select", "embedding", "take"}


@dataclass(slots=True)
class Place:
    """One storage during the step: the bytes of its distinct views that were read first, and that were written."""

    size: int
    reference: StorageWeakRef
    is_new: bool
    read: dict[object, int] = field(default_factory=dict)
    written: dict[object, int] = field(default_factory=dict)

    def bytes_of(self, *views: dict[object, int]) -> int:
        """Bytes of the views together; overlapping ones count at most as the whole storage."""
        distinct: dict[object, int] = {}
        for some in views:
            for view, size in some.items():
                distinct[view] = max(size, distinct.get(view, 0))
        return min(self.size, sum(distinct.values()))


@dataclass(frozen=True, slots=True)
class Work:
    """One step: bytes that it must read and write, bytes that it touches, element operations, operators called.

    operators: which these were, as 'aten::mm'.
    """

    read_bytes: int
    written_bytes: int
    touched_bytes: int
    elementwise: int
    dispatches: int
    operators: frozenset[str]

    @property
    def algorithmic_bytes(self) -> int:
        """Bytes that any machine must move."""
        return self.read_bytes + self.written_bytes


class Traffic(TorchDispatchMode):
    """Sees every operator below autograd, those of the backward pass among them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.places: dict[int, Place] = {}
        self.elementwise = 0
        self.dispatches = 0
        self.operators: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator, and count what it reads and writes."""
        kwargs = kwargs or {}
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        for tensor in given:
            self.place(tensor, is_new=False)
        result = func(*args, **kwargs)
        self.dispatches += 1
        self.operators.add(f"{func.namespace}::{name_of(func)}")
        gave = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        if is_view(func):
            return result
        changed = list(written_arguments(func, args, kwargs))
        name = name_of(func)
        overwritten = {id(tensor) for tensor, is_out in changed if is_out or name in OVERWRITES}
        most = sum(map(bytes_of, gave)) if name in GATHERS else None
        for number, tensor in enumerate(given):
            if id(tensor) not in overwritten:
                self.reads(tensor, most if number == 0 else None)
        for tensor in [*gave, *(tensor for tensor, _ in changed)]:
            self.writes(tensor)
        self.elementwise += operations(func, name, given, gave or [tensor for tensor, _ in changed])
        return result

    def place(self, tensor: Tensor, is_new: bool) -> Place | None:
        """The place of the tensor's storage; None for tensors that have none of their own, such as sparse ones."""
        try:
            storage = tensor.untyped_storage()
        except (NotImplementedError, RuntimeError):
            return None
        found = self.places.get(storage._cdata)
        if found is None:
            # The weak reference also keeps the storage's address from being given to another one.
            found = self.places[storage._cdata] = Place(storage.nbytes(), StorageWeakRef(storage), is_new)
        found.size = max(found.size, storage.nbytes())
        return found

    def reads(self, tensor: Tensor, most: int | None) -> None:
        """Note what is read of a tensor; what the step itself wrote before need not come from memory."""
        place = self.place(tensor, is_new=False)
        if place is not None and not place.written:
            size = bytes_of(tensor) if most is None else min(most, bytes_of(tensor))
            place.read[view_of(tensor)] = max(size, place.read.get(view_of(tensor), 0))

    def writes(self, tensor: Tensor) -> None:
        """Note what is written of a tensor."""
        place = self.place(tensor, is_new=True)
        if place is not None:
            place.written[view_of(tensor)] = bytes_of(tensor)

    def work(self) -> Work:
        """What was counted; to be asked while what outlives the step is still alive."""
        read = written = touched = 0
        for place in self.places.values():
            read += 0 if place.is_new else place.bytes_of(place.read)
            written += 0 if place.reference.expired() else place.bytes_of(place.written)
            touched += place.bytes_of(place.read, place.written)
        return Work(read, written, touched, self.elementwise, self.dispatches, frozenset(self.operators))


def work_of(run: Run) -> Work:
    """What one step that has run before does. Its answer counts as outliving it."""
    with Traffic() as traffic:
        answer = run()
    work: Work = traffic.work()
    del answer
    return work


def bytes_of(tensor: Tensor) -> int:
    """Bytes of the tensor's distinct elements; of an expanded dimension only one is real."""
    count = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= size if stride != 0 or size == 0 else 1
    return count * tensor.element_size()


def view_of(tensor: Tensor) -> object:
    """What two tensors on one storage have in common that are the same part of it."""
    return tensor.storage_offset(), tuple(sorted(zip(tensor.shape, tensor.stride(), strict=True))), tensor.dtype


def name_of(func: Any) -> str:
    """'add' for torch.ops.aten.add.Tensor."""
    return str(func.overloadpacket.__name__)


def is_view(func: Any) -> bool:
    """Whether an operator gives only another view of what it was given, and so touches no memory."""
    returns = func._schema.returns
    return bool(returns) and any(one.alias_info is not None and not one.alias_info.is_write for one in returns)


def written_arguments(func: Any, args: Any, kwargs: Any) -> Iterable[tuple[Tensor, bool]]:
    """The tensors an operator changes, each with whether it is an out= argument."""
    for number, argument in enumerate(func._schema.arguments):
        if argument.alias_info is None or not argument.alias_info.is_write:
            continue
        value = args[number] if number < len(args) else kwargs.get(argument.name)
        for leaf in tree_leaves(value):
            if isinstance(leaf, Tensor):
                yield leaf, bool(argument.is_out)


def operations(func: Any, name: str, given: list[Tensor], gave: list[Tensor]) -> int:
    """Element operations: one per element given by a pointwise operator, one per element taken by a reduction."""
    if name in MOVES:
        return 0
    if torch.Tag.pointwise in func.tags or name in OTHER_POINTWISE:
        return max((tensor.numel() for tensor in gave), default=0)
    if name.startswith("_foreach_"):
        return sum(tensor.numel() for tensor in gave)
    reduction = getattr(torch.Tag, "reduction", None)  # torch 2.10 and later; before, only those that are named
    if name in OTHER_REDUCTIONS or (reduction is not None and reduction in func.tags):
        return given[0].numel() if given else 0
    return 0
