"""A step that has been called, and what its first call was: the program's, the machine's, or a warm one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from bench.devices import Device
from bench.measure.answers import ANSWERS, kept
from bench.measure.task import Task, build, compiles
from bench.modes import compilations, made_once, torch_compile
from bench.records.record import Record
from workloads.base import Step, Workload

OF_PROGRAM, OF_MACHINE, WARM = "first_call", "first_call_machine", "first_call_warm"


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that has been called: its first call in seconds, and copies of its first answers.

    mode: the one it was built in. import_s: the part of the first call that went into importing the compiler.
    made: what torch.compile had made in the process by then, for its modes.
    has_compiled: whether the first call compiled something, or took what was compiled before from the cache folder.
    has_headers: whether it precompiled headers, too, which is done once on a machine.
    """

    step: Step
    mode: str
    first_call_s: float
    answers: list[Tensor]
    made: compilations.Compilation | None
    has_compiled: bool
    import_s: float = 0.0
    has_headers: bool = False


def begin(task: Task, workload: Workload, device: Device, mode: str = "") -> Begun:
    """Build the task's step, or the same in another mode, and call it; in the first launch as often as is checked.

    Raises Unavailable when the mode found nothing to change.
    """
    mode = mode or task.case.mode
    is_generated = torch_compile.generates(mode)
    import_s = torch_compile.load() if is_generated or compiles(workload) else 0.0
    graphs, headers = compilations.graphs(), made_once.headers()
    step = build(workload, task.case, device, mode=mode)
    if not isinstance(step.items, int) or step.items < 1:
        raise TypeError(f"Step(items={step.items!r}); items must be a whole number of at least 1")
    start = device.clock()
    answers = [kept(step.run()) for _ in range(torch_compile.first_calls(mode) - 1)]  # replaying a graph changes them
    answer = step.run()
    first_call_s = import_s + device.clock() - start
    torch_compile.end_workers()
    answers.append(kept(answer))
    torch_compile.check_used(mode)
    made = compilations.counts() if torch_compile.compiled(mode) else None
    has_compiled = is_generated or (compiles(workload) and compilations.graphs() > graphs)
    has_headers = made_once.headers() != headers
    if task.launch == 0:
        answers += [kept(step.run()) for _ in range(ANSWERS - len(answers))]
    return Begun(step, mode, first_call_s, answers, made, has_compiled, import_s, has_headers)


def first_call_records(task: Task, blank: Record, begun: Begun) -> list[Record]:
    """The first call under the name of what it was, with its phases where something was compiled.

    None where a process had done by then what one that compiles has to do itself.
    """
    if begun.has_compiled and torch_compile.expects_compiled:
        return []
    metric, parts = OF_PROGRAM, {}
    if begun.has_compiled:
        metric = WARM if not task.cold else OF_MACHINE if begun.has_headers else OF_PROGRAM
        parts = compilations.phases(begun.first_call_s, begun.import_s)
    return [replace(blank, metric=metric, values=(begun.first_call_s,), parts=tuple(sorted(parts.items())))]
