"""FLOPs of an uncompiled step by operator: torch's counter, with formulas for operators that it does not know.

A multiplication and an addition are two. What computes and has no formula is named: without it a count is at least.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

Shape = Sequence[int]
Note = Callable[[str, str, int], None]

# Operators that compute and have no formula here: decompositions, solvers, what only some libraries' builds have.
UNKNOWN = (
    "linalg_", "_linalg_", "_lu", "lu_", "cholesky", "svd", "ormqr", "geqrf", "triangular_solve", "_thnn_", "miopen_",
    "_cdist_backward", "_pdist_",
)  # fmt: skip
ELEMENTWISE = ("linalg_vector_norm", "linalg_cross", "_linalg_check_errors")  # which are counted as such
OWN = ("aten", "prim", "prims", "profiler", "c10d", "_c10d_functional")  # all others of these work element by element


def matrix_vector(matrix: Shape, vector: Shape, *rest: Any, **named: Any) -> int:
    """Of [m, n] and [n]."""
    return 2 * math.prod(matrix)


def added_matrix_vector(addend: Shape, matrix: Shape, *rest: Any, **named: Any) -> int:
    """Likewise, added to something."""
    return 2 * math.prod(matrix)


def dot(one: Shape, other: Shape, *rest: Any, **named: Any) -> int:
    """Of two vectors."""
    return 2 * math.prod(one)


def onednn_layer(inputs: Shape, weight: Shape, hidden_weight: Shape, *rest: Any, **named: Any) -> int:
    """A layer of an LSTM in one direction: [time, batch, features], and the matrices of all four gates."""
    return 2 * inputs[0] * inputs[1] * (math.prod(weight) + math.prod(hidden_weight))


def cudnn_layers(inputs: Shape, weights: Sequence[Shape], *rest: Any, **named: Any) -> int:
    """All layers of an LSTM, a GRU or an RNN: [time, batch, features] or, packed, [all of them, features]."""
    return 2 * math.prod(inputs[:-1]) * sum(math.prod(weight) for weight in weights if weight and len(weight) == 2)


def twice(formula: Callable[..., int]) -> Callable[..., int]:
    """What a backward pass takes: the gradients of inputs and of weights are a product each."""
    return lambda *shapes, **named: 2 * formula(*shapes, **named)


def trilinear(
    one: Shape, other: Shape, third: Shape, expand1: Shape, expand2: Shape, expand3: Shape, summed: Shape,
    *rest: Any, **named: Any,
) -> int:  # fmt: skip
    """The product of three, summed over some dimensions: first two of them, and what is left of that with the third."""
    sizes: dict[int, int] = {}
    rank = len(one) + len(expand1)
    for shape, expanded in ((one, expand1), (other, expand2), (third, expand3)):
        sizes |= dict(zip([dim for dim in range(rank) if dim not in expanded], shape, strict=True))
    whole = math.prod(sizes.values())
    return 2 * whole + (2 * whole // sizes[min(summed)] if summed else 0)


def transform(inputs: Shape, dims: Shape, per_number: float) -> int:
    """A fast Fourier transform over some dimensions: per_number n log2 n, as Frigo and Johnson count for FFTW."""
    numbers = math.prod(inputs[dim] for dim in dims)
    return round(math.prod(inputs) * per_number * math.log2(max(numbers, 2)))


def of_real(inputs: Shape, dims: Shape, *rest: Any, **named: Any) -> int:
    """From real numbers."""
    return transform(inputs, dims, 2.5)


def to_real(inputs: Shape, dims: Shape, normalization: int, last: int, **named: Any) -> int:
    """To so many real numbers in the last dimension."""
    shape = list(inputs)
    shape[dims[-1]] = last
    return transform(shape, dims, 2.5)


def of_complex(inputs: Shape, dims: Shape, *rest: Any, **named: Any) -> int:
    """Between complex numbers."""
    return transform(inputs, dims, 5.0)


def distances(one: Shape, other: Shape, *rest: Any, **named: Any) -> int:
    """Between [..., m, d] and [..., n, d]: a difference, a power and a sum of each."""
    return 3 * math.prod(one) * other[-2]


def formulas() -> dict[Any, Callable[..., int]]:
    """What torch's counter does not know, by operator, as far as this torch has it."""
    from torch.utils.flop_counter import sdpa_backward_flop_count, sdpa_flop_count  # noqa: PLC0415 - imports triton

    def attention(query: Shape, key: Shape, value: Shape, *rest: Any, **named: Any) -> int:
        return int(sdpa_flop_count(query, key, value))

    def attention_backward(out: Shape, query: Shape, key: Shape, value: Shape, *rest: Any, **named: Any) -> int:
        return int(sdpa_backward_flop_count(out, query, key, value))

    known: dict[str, Callable[..., int]] = {
        "mv": matrix_vector, "addmv": added_matrix_vector, "addmv_": added_matrix_vector, "dot": dot, "vdot": dot,
        "mkldnn_rnn_layer": onednn_layer, "mkldnn_rnn_layer_backward": twice(onednn_layer),
        "_cudnn_rnn": cudnn_layers, "_cudnn_rnn_backward": twice(cudnn_layers), "_trilinear": trilinear,
        "_fft_r2c": of_real, "_fft_c2r": to_real, "_fft_c2c": of_complex, "_cdist_forward": distances,
        "_scaled_dot_product_flash_attention_for_cpu": attention,
        "_scaled_dot_product_flash_attention_for_cpu_backward": attention_backward,
    }  # fmt: skip
    return {getattr(torch.ops.aten, name): formula for name, formula in known.items() if hasattr(torch.ops.aten, name)}


def counter(note: Note | None = None) -> Any:
    """A FlopCounterMode that knows more operators.

    note: is told of each call that is counted: its operator, as 'aten.mm', the dtype of what it is given, its FLOPs.
    """
    from torch.utils.flop_counter import FlopCounterMode, flop_registry  # noqa: PLC0415 - as above

    if note is None:
        return FlopCounterMode(display=False, custom_mapping=formulas())
    known = flop_registry | {operator: on_shapes(formula) for operator, formula in formulas().items()}
    noting = {operator: noted(str(operator), formula, note) for operator, formula in known.items()}
    return FlopCounterMode(display=False, custom_mapping=noting)


def on_shapes(formula: Callable[..., int]) -> Callable[..., int]:
    """A formula of shapes as one of tensors."""

    def shape_of(given: Any) -> Any:
        return given.shape if isinstance(given, torch.Tensor) else given

    return lambda *given, **named: formula(*tree_map(shape_of, given), **tree_map(shape_of, named))


def noted(operator: str, formula: Callable[..., int], note: Note) -> Callable[..., int]:
    """A formula of tensors that tells what it was asked of."""

    def count(*given: Any, **named: Any) -> int:
        found = formula(*given, **named)
        tensors = (one for one in tree_leaves(given) if isinstance(one, torch.Tensor))
        dtypes = (one.dtype.to_real() for one in tensors if one.is_floating_point() or one.is_complex())
        note(operator, next((str(dtype).removeprefix("torch.") for dtype in dtypes), ""), found)
        return found

    count._get_raw = True  # type: ignore[attr-defined] # tensors, not shapes
    return count


def uncounted(operators: Collection[str]) -> tuple[str, ...]:
    """Those of some operators, named as 'aten::mm', that compute what nobody counts here."""
    found = {
        name for name in operators
        if (space := name.partition("::"))[0] not in OWN
        or (space[2].startswith(UNKNOWN) and space[2] not in ELEMENTWISE)
    }  # fmt: skip
    return tuple(sorted(found))


def at_least(operators: Collection[str]) -> tuple[str, ...]:
    """The warning of a count that leaves out what some operators compute; none where it leaves out none."""
    missing = uncounted(operators)
    return (f"at least: what {', '.join(missing)} computes is not counted",) if missing else ()
