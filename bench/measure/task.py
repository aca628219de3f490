"""From a task to its step: which workload it names, whether the case is defined, and the step built for a mode.

Measures nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from bench.devices import DEVICES, Device
from bench.measure.timer import Budget
from bench.modes import inference, made_once, torch_compile
from bench.records.errors import NotBelieved, describe
from bench.records.record import Case, Record
from workloads.base import WORKLOADS, Setup, Step, Unavailable, Workload, WrongAnswer, load_suite

# Of the cases with ranks that this process takes part in, the group of those that do.
PROCESS_GROUPS: dict[Case, Any] = {}
NO_RANKS = "its ranks are processes that `torchpace run` starts; nothing else measures them"


@dataclass(frozen=True, slots=True)
class Task:
    """One pass of one launch of one case.

    cache: the compilers' folder. cold: whether it is still empty. headers: the folder of precompiled headers; empty for
    the one that torch uses by itself.
    """

    case: Case
    measure: str
    launch: int = 0
    budget: Budget = field(default_factory=Budget)
    cache: str = ""
    headers: str = ""
    cold: bool = True
    module: str | None = None


def find_workload(task: Task) -> Workload:
    """The workload a task names, after importing the module that defines it."""
    if task.module is None:
        return load_suite()[task.case.workload]
    importlib.import_module(task.module)
    return WORKLOADS[task.case.workload]


def check_defined(workload: Workload, case: Case) -> None:
    """Raise Unavailable for a mode or dtype that the workload is not made for."""
    if torch_compile.changed(case.mode):
        no_compiler = torch_compile.missing_compiler(case.device) if torch_compile.generates(case.mode) else ""
        if reason := workload.not_compiled or torch_compile.not_on(case.mode, case.device) or no_compiler:
            raise Unavailable(reason)
    if case.dtype not in workload.dtypes:
        raise Unavailable(f"{workload.name} is defined for {', '.join(workload.dtypes)}, not {case.dtype}")


def subject_of(task: Task) -> tuple[Device, Workload]:
    """The device and the workload of a task. Raises Unavailable where there is no such step here."""
    device = DEVICES[task.case.device]
    if reason := device.unavailable_reason():
        raise Unavailable(reason)
    workload = find_workload(task)
    check_defined(workload, task.case)
    return device, workload


def compiles(workload: Workload) -> bool:
    """Whether steps of the workload call torch.compile by themselves."""
    return getattr(workload, "compiles", False)


def setup_on(
    device: Device, dtype: str, compile: Callable[[Any], Any], seed: int = 0, tolerance: float | None = None
) -> Setup:
    """The setup of a step, with what the device says of itself as far as the workloads' revision asks for it."""
    said: dict[str, Any] = {
        "tolerance": tolerance,
        "convolution_tolerance": device.convolution_tolerance(dtype),
        "has_float64": device.has_float64,
    }
    known = {name: value for name, value in said.items() if name in Setup.__dataclass_fields__}
    return replace(Setup(device.torch_device(), getattr(torch, dtype), compile, seed), **known)


def build(
    workload: Workload, case: Case, device: Device, mode: str | None = None, dtype: str | None = None, seed: int = 0
) -> Step:
    """The case's step, or the same step in another mode or dtype, or from another seed."""
    mode = mode or case.mode
    dtype = dtype or case.dtype
    if compiles(workload):
        made_once.know_machine()
    setup = setup_on(device, dtype, torch_compile.MODES[mode], seed, inference.TOLERANCE.get(mode))
    if case.ranks:
        if case not in PROCESS_GROUPS:
            raise Unavailable(NO_RANKS)
        setup = replace(setup, group=PROCESS_GROUPS[case])
    return workload.build(setup, **dict(case.point))


def failure(blank: Record, error: Exception) -> Record:
    """The record of what a workload raised: that it is not available, or how it is broken."""
    if isinstance(error, Unavailable):
        return replace(blank, status="unavailable", reason=str(error))
    known = {WrongAnswer: "wrong answer", NotBelieved: "not believed"}
    reason = f"{known[type(error)]}: {error}" if type(error) in known else describe(error)
    return replace(blank, status="broken", reason=reason)
