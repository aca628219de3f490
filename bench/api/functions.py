"""Functions that somebody wants measured: what they are called, where they are found, what they answer and on what.

Times nothing.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from bench.devices import DEVICES, Device
from bench.records.errors import UsageError
from bench.records.record import Case
from workloads.checks import RELATIVE_TOLERANCE, relative_error

Function = Callable[..., object]
SEED = 0
HOST = "cpu"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a function is found in another process: its module, its name there, and likewise of what sets it up."""

    function: tuple[str, str]
    setup: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class First:
    """A function that was called once: its call, copies of the tensors that it gave back, and the device it used."""

    run: Callable[[], object]
    answers: tuple[Tensor, ...]
    device: Device


def name_of(function: Function) -> str:
    """What a figure of it is called: its module and name; the class of something else that can be called."""
    while isinstance(function, partial):
        function = function.func
    own = getattr(function, "__qualname__", "") or type(function).__name__
    module = getattr(function, "__module__", None) or "__main__"
    own = own.replace("<locals>.", "").replace("<lambda>", "lambda")
    return own if module == "__main__" else f"{module}.{own}"


def place_of(function: Function, setup: Function | None = None) -> Place:
    """Where both are found in another process. Raises UsageError where that cannot be."""
    return Place(found_at(function), found_at(setup) if setup else None)


def found_at(function: Function) -> tuple[str, str]:
    """Module and name of a function. Raises UsageError when a fresh process would not find it there."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if module not in (None, "__main__") and name and "<" not in name:
        assert module is not None
        found: object = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is function:
            return module, name
    raise UsageError(
        f"{name_of(function)} cannot be imported in a fresh process, where fresh=True measures it: it is defined in a "
        "notebook, in a script or inside of another function; put it into a module of its own, or leave fresh out"
    )


def at(place: tuple[str, str]) -> Function:
    """The function at a place. Raises ImportError and AttributeError."""
    found: object = importlib.import_module(place[0])
    for part in place[1].split("."):
        found = getattr(found, part)
    assert callable(found)
    return found


def first_call(function: Function, setup: Function | None = None, named: str | None = None) -> First:
    """Set it up and call it once, from the same random numbers each time; the process's own stay as they were.

    setup: what gives the function's arguments, a tuple being several. named: the device, where somebody says which;
    else the one that it used. Raises UsageError for an unknown one.
    """
    if named is not None and named not in DEVICES:
        raise UsageError(f"device {named!r} unknown; choose from {', '.join(DEVICES)}")
    before = {name: device.allocations() for name, device in in_use().items()}
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if "cuda" in before else []):
        torch.manual_seed(SEED)
        run = with_arguments(function, setup) if setup else function
        torch.manual_seed(SEED)
        given = run()
        check_ran(function, given)
        answers = tuple(tensors_in(given))
    used = {name: device.allocations() for name, device in in_use().items()}
    touched = [name for name, count in used.items() if count is not None and count != before.get(name)]
    own = [answer.device.type for answer in answers if answer.device.type in used.keys() - {HOST}]
    device = DEVICES[named or next(iter([*own, *touched]), HOST)]
    return First(run, tuple(answer.detach().clone().cpu() for answer in answers), device)


def check_ran(function: Function, given: object) -> None:
    """Raise UsageError for what a call did not run but only made ready to be run."""
    for kind, is_of in (("a coroutine", inspect.isawaitable), ("a generator", inspect.isgenerator)):
        if is_of(given):
            if inspect.iscoroutine(given):
                given.close()  # else Python complains that nobody awaited it
            raise UsageError(
                f"{name_of(function)} gives back {kind}, so that calling it runs nothing of it: measure a function "
                "that runs it to its end"
            )


def with_arguments(function: Function, setup: Function) -> Callable[[], object]:
    """The function as it is called for every step."""
    given = setup()
    return partial(function, *given) if isinstance(given, tuple) else partial(function, given)


def tensors_in(answer: object) -> Iterator[Tensor]:
    """The tensors in what a function gave back; numbers and NumPy's arrays are such."""
    if isinstance(answer, Tensor):
        yield answer
    elif isinstance(answer, bool | int | float | complex | np.ndarray | np.number):
        with suppress(TypeError):  # of texts and objects
            yield torch.as_tensor(answer)
    elif isinstance(answer, Mapping):
        for value in answer.values():
            yield from tensors_in(value)
    elif isinstance(answer, list | tuple):
        for value in answer:
            yield from tensors_in(value)


def cases_for(label: str, firsts: Mapping[str, First]) -> dict[str, Case]:
    """What figures of functions are stored as: one workload, in a mode each."""
    threads = torch.get_num_threads()
    return {
        mode: Case(label, 1, (), first.device.name, dtype_of(first), mode, threads) for mode, first in firsts.items()
    }


def dtype_of(first: First) -> str:
    """The type of number that it answers in; torch's default where it does not say."""
    floats = [answer.dtype for answer in first.answers if answer.is_floating_point()]
    return str(next(iter(floats), torch.get_default_dtype())).removeprefix("torch.")


def differences(firsts: Mapping[str, First]) -> dict[str, str]:
    """Of every function whose first answers are not those of the first one, by its name, what the difference is."""
    (base, first), *others = firsts.items()
    found = {name: difference(first.answers, other.answers) for name, other in others}
    return {name: f"{name} does not answer as {base} does: {text}" for name, text in found.items() if text}


def difference(want: Sequence[Tensor], got: Sequence[Tensor]) -> str:
    """How answers differ, beyond what rounding explains; empty where they do not."""
    if not want and not got:
        return ""
    shapes = [[tuple(answer.shape) for answer in answers] for answers in (want, got)]
    if shapes[0] != shapes[1]:
        return f"shapes {shapes[1]} in place of {shapes[0]}"
    for mine, theirs in zip(map(as_real, want), map(as_real, got), strict=True):
        allowed = max(RELATIVE_TOLERANCE.get(answer.dtype, 0.0) for answer in (mine, theirs))
        if torch.equal(mine, theirs) or torch.allclose(theirs.double(), mine.double(), allowed, 0.0, equal_nan=True):
            continue
        error = relative_error(theirs, mine)
        if not error <= allowed:
            return f"off by {error:.2g}, where {allowed:.2g} is rounding (where both train one model, that is why)"
    return ""


def as_real(answer: Tensor) -> Tensor:
    """Complex numbers as pairs of real ones."""
    return torch.view_as_real(answer.resolve_conj()) if answer.is_complex() else answer


def in_use() -> dict[str, Device]:
    """The devices whose queues may hold work of this process."""
    return {name: device for name, device in DEVICES.items() if device.is_in_use()}


def clock_of(devices: Sequence[Device]) -> Callable[[], float]:
    """A clock that waits for all of these devices before it is read."""

    def clock() -> float:
        for device in devices:
            device.synchronize_all()
        return time.perf_counter()

    return clock
