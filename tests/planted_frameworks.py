"""A framework's file whose steps are unfair in a known way, one for each way that it is used in: `how` says which."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from workloads.frameworks.protocol import Point, Step, not_installed
from workloads.frameworks.with_numpy import allowed, facts, from_array, of_hand, start, to_array, wait

PARTS = 16

__all__ = ["allowed", "facts", "from_array", "matmul", "softmax", "start", "to_array", "unavailable", "wait", "ways"]


def unavailable(name: str) -> str:
    """Nothing is missing, but of a file that is called so."""
    return not_installed("surely_not_there") if "absent" in name else ""


def ways(name: str) -> tuple[str, ...]:
    """What is planted."""
    return ("fair", "one_more_thread", "bfloat16", "tf32", "cached", "cached_by_batch", "raises", "dies", "hangs")


def rounded(array: Any, bits: int) -> Any:
    """The numbers with so many bits of their fractions less."""
    return (array.view(np.uint32) & np.uint32(0xFFFFFFFF << bits & 0xFFFFFFFF)).view(np.float32)


def matmul(how: str, point: Point) -> Step:
    """A product of matrices, as it should be or not."""
    fair = of_hand("matmul", point)
    kept: dict[str, Any] = {}
    beside = ThreadPoolExecutor(1)

    def give(given: Any) -> None:
        kept.pop("of this batch", None)
        kept.update(given)
        fair.give({name: rounded(array, {"bfloat16": 16, "tf32": 13}.get(how, 0)) for name, array in given.items()})

    def run() -> Any:
        kept["calls"] = kept.get("calls", 0) + 1
        if how == "one_more_thread":
            parts, found = list(enumerate(np.split(kept["a"], PARTS))), {}
            other = beside.submit(work, parts, found, kept["b"])
            work(parts, found, kept["b"])
            other.result()
            return np.concatenate([found[number] for number in range(PARTS)])
        if how == "cached":
            return kept.setdefault("first", fair.run())
        if how == "cached_by_batch":
            if "of this batch" not in kept:
                kept["of this batch"] = fair.run()
            return kept["of this batch"]
        if kept["calls"] > 5:
            go_wrong(how)
        return fair.run()

    return Step(give, run, fair.read)


def work(parts: list[Any], found: dict[int, Any], b: Any) -> None:
    """Take parts of a product until none is left, as each thread of a pool does."""
    while True:
        try:
            number, part = parts.pop()
        except IndexError:
            return
        found[number] = part @ b


def go_wrong(how: str) -> None:
    """What a step does that ends badly."""
    if how == "raises":
        raise ValueError("planted in a framework")
    if how == "dies":
        print("last words of a framework", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hangs":
        time.sleep(600)


def softmax(how: str, point: Point) -> Step:
    """Of each row, as it should be."""
    return of_hand("softmax", point)
