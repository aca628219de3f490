"""From workloads to classes that asv finds: the figures are taken by `measure`, not by asv.

asv's own timer would synchronize nothing and set up before every call, so each figure is a `track_` benchmark
that gives asv the ruler's samples. Parameters are texts that say what they are, because asv's result files do
not keep their names. The workloads are those of the commit that asv measures (see checkout).

Settings, from the environment: TORCHPACE_DEVICES (default: those that are there), TORCHPACE_THREADS (1),
TORCHPACE_ASV_SECONDS (seconds of sampling per process, default 0.25).
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from asv_runner.benchmarks.mark import SkipNotImplemented

import torchpace_first
from bench.devices import DEVICES
from bench.measure.first_call import OF_MACHINE
from bench.measure.passes import perform
from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.modes.torch_compile import compiled, generates
from bench.records.points import text_of
from bench.records.record import Case, Record
from bench.runs.plan import in_default_suite
from workloads.base import WORKLOADS, Workload

Result = dict[str, Any] | float

ONE_VALUE = Budget(warm_up_s=0.0, sample_s=0.0, min_values=1, max_values=1)
ROUNDS = 2  # processes per figure; asv interleaves them between the commits it compares


def check_checkout(package: ModuleType) -> None:
    """Raise when asv asked for the workloads of a checkout and others were imported."""
    checkout = os.environ.get(torchpace_first.CHECKOUT_VARIABLE)
    found = Path(package.__file__ or "").resolve()
    if checkout and Path(checkout).resolve() not in found.parents:
        raise ImportError(f"{package.__name__} was imported from {found}, not from the commit's checkout {checkout}")


def suites_of(module: str) -> dict[str, type[WorkloadSuite]]:
    """The classes of the workloads that a module of one's own defines, by name, for a file that asv finds.

    Raises ImportError, also where the module is not the commit's.
    """
    before = set(WORKLOADS)
    check_checkout(importlib.import_module(module))
    own = {name: workload for name, workload in WORKLOADS.items() if name not in before}
    return {made.__name__: made for made in map(suite, filter(in_default_suite, own.values()))}


def devices() -> list[str]:
    """The devices to measure: those named, or those that are there."""
    named = os.environ.get("TORCHPACE_DEVICES")
    return named.split(",") if named else [name for name, device in DEVICES.items() if not device.unavailable_reason()]


def compiler_cache(metric: str) -> str:
    """The compilers' folder: an empty one for a first call; else one that all processes of asv share.

    What is in it is found by its contents, so that commits cannot take each other's code from it.
    """
    if metric == "first_call":
        return tempfile.mkdtemp(dir=os.getcwd())  # asv's own temporary folder, which it deletes
    folder = Path(os.environ.get("ASV_ENV_DIR", os.getcwd())) / "compiled"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


class WorkloadSuite:
    """What the generated classes share. Not a benchmark itself: it has no workload, and so no method asv looks for."""

    workload: ClassVar[Workload]
    timeout = 600.0
    rounds = ROUNDS
    param_names = ("point", "device", "dtype", "mode", "threads")

    def records(self, metric: str, measure: str, parameters: tuple[str, ...]) -> list[Record]:
        """The records of the pass that gives a metric; raises what asv shows as n/a or as failed."""
        text, device, dtype, mode, threads = parameters
        point = next(point for point in self.workload.points if text_of(point.items()) == text)
        case = Case(self.workload.name, self.workload.version, tuple(point.items()), device, dtype, mode, int(threads))
        seconds = float(os.environ.get("TORCHPACE_ASV_SECONDS", "0.25"))
        budget = Budget(sample_s=seconds) if metric == "step_time" else ONE_VALUE
        found = perform(Task(case, measure, budget=budget, cache=compiler_cache(metric) if generates(mode) else ""))
        for record in found:
            if record.status == "unavailable":
                raise SkipNotImplemented(record.reason)
            if record.status == "broken":
                raise RuntimeError(record.reason)
        return found


def figure(metric: str, measure: str, unit: str) -> Callable[..., Result]:
    """A benchmark method that gives asv one metric of a pass."""

    def track(self: WorkloadSuite, *parameters: str) -> Result:
        found = self.records(metric, measure, parameters)
        if any(record.metric == OF_MACHINE for record in found):  # what comes once on a machine is not the program's
            found = self.records(metric, measure, parameters)
        record = next(record for record in found if record.metric == metric)
        if metric == "step_time":
            return {"samples": list(record.values), "number": record.steps_per_value}
        return record.values[0]

    track.unit = unit  # type: ignore[attr-defined]
    return track


def suite(workload: Workload) -> type[WorkloadSuite]:
    """The asv class of a workload: step time and peak memory; and the first call, where the suite compiles it."""
    name = workload.name.title().replace("_", "").replace(".", "")
    methods = {
        "track_step_time": figure("step_time", "time", "seconds"),
        "track_peak_memory": figure("peak_memory", "memory", "bytes"),
    }
    if any(compiled(mode) for mode in workload.default_modes):
        methods["track_first_call"] = figure("first_call", "time", "seconds")
    for method_name, method in methods.items():
        method.benchmark_name = f"{workload.name}.{method_name}"  # type: ignore[attr-defined]
        method.pretty_name = f"{workload.name}: {method_name.removeprefix('track_').replace('_', ' ')}"  # type: ignore[attr-defined]
        method.version = str(workload.version)  # type: ignore[attr-defined]
        method.rounds = ROUNDS if method_name == "track_step_time" else 1  # type: ignore[attr-defined]
    parameters = (
        [text_of(point.items()) for point in workload.points],
        devices(),
        ["float32"],
        list(workload.default_modes),
        [os.environ.get("TORCHPACE_THREADS", "1")],
    )
    return type(name, (WorkloadSuite,), {"workload": workload, "params": parameters, "__module__": __name__, **methods})
