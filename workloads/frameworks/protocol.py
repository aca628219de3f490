"""What a framework's file has, and what its steps are. Imports no framework.

A file `with_NAME.py` has the functions of `Framework`, and one more for each workload that people write in it, named as
in `given.py`: `matmul(how, point) -> Step`. Nothing is imported before `start`, which a fresh process calls once.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
Given: TypeAlias = Mapping[str, Array]
Point: TypeAlias = Mapping[str, Any]

INSTALLS = "pip install 'torchpace[frameworks]'"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a workload, as the users of a framework write it.

    give: takes these numbers from now on, in the framework's own arrays and layout, and starts from the given weights;
        not timed.
    run: one step; gives its answer, as the framework has it.
    read: an answer as NumPy has it, in the layout and order that `by_hand.py` answers in; not timed.
    made_s: seconds that `give` took last for what others do in their first call, such as compiling; part of that.
    """

    give: Callable[[Given], None]
    run: Callable[[], Any]
    read: Callable[[Any], Array]
    made_s: Callable[[], float] = float


class Framework(Protocol):
    """The functions that every framework's file has."""

    def unavailable(self, name: str) -> str:
        """Why the framework cannot be imported here; empty where it can."""

    def allowed(self, name: str) -> set[str]:
        """Which of the packages of frameworks its process may import."""

    def ways(self, name: str) -> tuple[str, ...]:
        """In which of its users' ways its steps are written: eager, or compiled by this or that."""

    def start(self, name: str, threads: int) -> None:
        """Import it and have it use so many threads and full precision. Starts no thread, so that it can be forked."""

    def facts(self) -> dict[str, str]:
        """Its version, device, layout, precision and number of threads, as it says them itself."""

    def to_array(self, tensor: Any) -> Array:
        """A tensor's numbers."""

    def from_array(self, array: Array) -> Any:
        """A tensor of these numbers, on the framework's device, once it is there."""

    def wait(self, answer: Any) -> None:
        """Wait until an answer is there."""


def not_installed(*packages: str) -> str:
    """Which of the packages are not installed, in words; empty when all are."""
    absent = [package for package in packages if importlib.util.find_spec(package) is None]
    return f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not installed: {INSTALLS}" if absent else ""


def holding(take: Callable[[Given], Any]) -> tuple[dict[str, Any], Callable[[Given], None]]:
    """A place for what a step reads, and the `give` that puts there what `take` makes of the numbers."""
    held: dict[str, Any] = {}

    def give(given: Given) -> None:
        held["it"] = take(given)

    return held, give


def channels_last(*arrays: Array) -> list[Array]:
    """Images [N, C, H, W] as [N, H, W, C], and filters [F, C, H, W] after them as [H, W, C, F]."""
    orders = ((0, 2, 3, 1), (2, 3, 1, 0))
    return [np.ascontiguousarray(array.transpose(order)) for array, order in zip(arrays, orders, strict=False)]


def in_order(given: Given, *names: str) -> list[Array]:
    """Weights and biases of layers as frameworks want them that put channels last: what comes in before what goes out.

    The first linear layer after a convolution reads the channels of a place one after the other.
    """
    found = []
    for name, before in zip(names, ("", *names), strict=False):
        weight = given[f"{name}.w"]
        if weight.ndim == 4:
            weight = weight.transpose(2, 3, 1, 0)
        elif before.startswith("conv"):
            channels = len(given[f"{before}.b"])
            side = round((weight.shape[1] / channels) ** 0.5)
            weight = weight.reshape(-1, channels, side, side).transpose(2, 3, 1, 0).reshape(-1, len(weight))
        else:
            weight = weight.T
        found += [np.ascontiguousarray(weight), given[f"{name}.b"]]
    return found
