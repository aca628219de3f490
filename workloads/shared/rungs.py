"""A ladder of training loops: each rung makes one change to the rung it stands on. Knows no loop and no model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from workloads.base import Unavailable, Value

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Rung(Generic[L]):
    """A name, the rung it stands on, and what it changes of that rung's loop.

    missing: why the rung cannot be built here on a device; empty where it can.
    """

    name: str
    on: str
    change: Callable[[L], L]
    missing: Callable[[str], str] = lambda device: ""


def bottom_rung(name: str) -> Rung[L]:
    """The rung that changes nothing yet; what it stands on is no rung."""
    return Rung(name, "ground", lambda loop: loop)


def climb(ladder: Sequence[Rung[L]], bottom: L, name: str, on: str, device: str) -> L:
    """The loop of a rung: the bottom's, with the changes of all rungs below and its own.

    Raises Unavailable when the device's ladder has no such rung, has it elsewhere, or a rung below cannot be built.
    """
    rungs = {rung.name: rung for rung in ladder}
    if name not in rungs:
        raise Unavailable(f"the ladder of {device} has no rung {name!r}, only {', '.join(rungs)}")
    rung = rungs[name]
    if rung.on != on:
        raise Unavailable(f"on {device}, {name} stands on {rung.on}, not on {on}")
    if reason := rung.missing(device):
        raise Unavailable(reason)
    below = climb(ladder, bottom, on, rungs[on].on, device) if on in rungs else bottom
    return rung.change(below)


def no_compiler(device: str) -> str:
    """Why torch.compile has no use here on a device; empty where it has."""
    if device != "cpu":
        return ""
    if named := os.environ.get("CXX"):  # then torch looks for no other
        return "" if shutil.which(named) else f"torch.compile needs a C++ compiler for the CPU, and CXX={named} is none"
    names = ("g++", "clang++", "c++")
    if any(map(shutil.which, names)):
        return ""
    return f"torch.compile needs a C++ compiler for the CPU, and none of {', '.join(names)} is on the PATH"


def points(ladders: Iterable[Sequence[Rung[L]]], **rest: Value) -> list[Mapping[str, Value]]:
    """Every rung with what it stands on, over the ladders of all devices, each pair once."""
    pairs = dict.fromkeys((rung.name, rung.on) for ladder in ladders for rung in ladder)
    return [{"rung": name, "on": on, **rest} for name, on in pairs]
