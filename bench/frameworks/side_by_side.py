"""Frameworks side by side: one step in each, alive at the same time, and timed in turns. What fails says why.

A generation of processes has imported their frameworks once, and forks a fresh process for every step. No two launches
of a case are of the same generation: where things lie in memory is drawn anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from bench.frameworks import judged
from bench.frameworks.messages import Begun, Ended, Profile, Request, Turn
from bench.frameworks.process import Conversation, Host, NoAnswer
from bench.measure.first_call import OF_MACHINE, OF_PROGRAM, WARM
from bench.measure.machine import Watch
from bench.measure.task import Task
from bench.records.errors import Death
from bench.records.record import FRAMEWORK, FRAMEWORKS, HOW, Case, Record
from workloads.base import WORKLOADS
from workloads.frameworks.given import items

TURN_S = 0.02
FEWEST_ROUNDS, MOST_ROUNDS = 5, 20
ROUNDS_S = 0.15  # of a case's turns in a launch, about
FEWEST_PROFILED, MOST_PROFILED, PROFILED_S = 2, 50, 0.1  # steps under a profiler: as many as take so long
# What torch.compile made is kept on disk until the run ends, and found there by its next launches; its first program of
# all finds nothing there, not even what the processor can.
KEPT = "compile"
ONLY = {"device": "cpu", "dtype": "float32", "mode": "eager"}  # what frameworks are compared in


@dataclass(slots=True)
class Part:
    """A case that takes part. talk: with the process of its step. failed: why it has no figures."""

    task: Task
    talk: Conversation | None = None
    first: str = OF_PROGRAM
    begun: Begun | None = None
    settled_s: float = 0.0
    steps: int = 1
    turns: list[Turn] = field(default_factory=list)
    ended: Ended | None = None
    profile: Profile | None = None
    failed: NoAnswer | None = None

    @property
    def axes(self) -> dict[str, Any]:
        """Its point, without who computes it."""
        return {axis: value for axis, value in self.task.case.point if axis not in (FRAMEWORK, HOW)}

    @property
    def name(self) -> str:
        """The workload's name without the subject."""
        return self.task.case.workload.partition(".")[2]

    @property
    def profiled_steps(self) -> int:
        """How many of its steps are looked at by a profiler."""
        return max(FEWEST_PROFILED, min(MOST_PROFILED, round(PROFILED_S / self.settled_s)))

    def fail(self, reason: str) -> None:
        """Remember that it is broken, if there is a reason."""
        if reason and not self.failed:
            self.failed = NoAnswer("broken", reason)


class Frameworks:
    """The processes of a run's frameworks, and what is measured in them; `close` ends them."""

    def __init__(self, timeout_s: float, cache: str = "") -> None:
        self.timeout_s, self.cache = timeout_s, cache
        self.hosts: list[Host] = []
        self.served: set[Case] = set()
        self.compiled: set[Case] = set()

    def close(self) -> None:
        """End all processes; the next that are asked for are of another generation."""
        for host in self.hosts:
            host.close()
        self.hosts, self.served = [], set()

    def measured(self, tasks: Sequence[Task]) -> list[Record]:
        """The records of cases that take turns, or of each why there are none."""
        if self.served & {task.case for task in tasks}:
            self.close()
        self.served |= {task.case for task in tasks}
        parts = [Part(task, failed=not_defined(task.case)) for task in tasks]
        try:
            self.import_all(parts)
            for part in parts:
                self.ask(part, self.begin)
            going = [part for part in parts if not part.failed]
            watch = Watch()
            self.take_turns(going)
            machine = watch.facts()
            for part in going:
                self.ask(part, end)
            for part in going:
                self.ask(part, profile)
        finally:
            for talk in (part.talk for part in parts if part.talk):
                talk.close()
        together = sum(not part.failed for part in parts) > 1
        return [record for part in parts for record in records(part, FRAMEWORKS if together else "", machine)]

    def host_of(self, case: Case) -> Host:
        """A process that has imported the case's framework, or is about to."""
        own = (host for host in self.hosts if (host.framework, host.threads) == (case.framework, case.threads))
        host = next((host for host in own if host.is_usable), None)
        if host is None:
            host = Host(case.framework, case.threads, self.cache)
            self.hosts.append(host)
        return host

    def import_all(self, parts: Sequence[Part]) -> None:
        """Have all frameworks imported, side by side, before anything is timed."""
        for host in [self.host_of(part.task.case) for part in parts if not part.failed]:
            with suppress(NoAnswer, Death):  # whoever asks it for a step hears why
                host.wait()

    def ask(self, part: Part, what: Callable[[Part, float], None]) -> None:
        """Have something done with a part; what it raises is why it failed."""
        if part.failed:
            return
        try:
            what(part, self.timeout_s)
        except NoAnswer as error:
            part.failed = error
        except Death as death:
            part.fail(death.reason)

    def begin(self, part: Part, timeout_s: float) -> None:
        """Have the step built, called, checked and warmed up. Raises NoAnswer and Death."""
        case = part.task.case
        host = self.host_of(case)
        part.talk = host.open(Request(part.name, str(dict(case.point)[HOW]), part.axes))
        part.begun = part.talk.receive("begun", timeout_s)
        if dict(case.point)[HOW] == KEPT:
            part.first = WARM if case in self.compiled else OF_PROGRAM if self.compiled else OF_MACHINE
            self.compiled.add(case)
        part.fail(judged.imports_others(part.begun, host.allowed))
        part.fail(judged.wrong_answers(part.name, part.axes, part.begun))
        if not part.failed:
            part.talk.send("settle")
            part.settled_s = part.talk.receive("settled", timeout_s)
            part.steps = max(1, round(TURN_S / part.settled_s))

    def take_turns(self, parts: list[Part]) -> None:
        """Time blocks of all parts, round by round, in an order that is drawn; a part that fails is left out."""
        dice, round_s = random.Random(), sum(part.steps * part.settled_s for part in parts) or 1.0
        for _ in range(min(MOST_ROUNDS, max(FEWEST_ROUNDS, round(ROUNDS_S * len(parts) / round_s)))):
            dice.shuffle(parts)
            for part in parts:
                self.ask(part, take_turn)


def not_defined(case: Case) -> NoAnswer | None:
    """Why frameworks are not compared so; None where they are."""
    other = [f"{name} {value}" for name, value in ONLY.items() if getattr(case, name) != value]
    return NoAnswer("unavailable", f"frameworks are compared with {' and '.join(other)}") if other else None


def take_turn(part: Part, timeout_s: float) -> None:
    """One block of the part's steps. Raises NoAnswer and Death."""
    assert part.talk
    part.talk.send(part.steps)
    part.turns.append(part.talk.receive("turn", timeout_s))


def end(part: Part, timeout_s: float) -> None:
    """What is asked after the turns. Raises NoAnswer and Death."""
    assert part.talk
    part.talk.send(0)
    part.ended = part.talk.receive("over", timeout_s)
    part.fail(judged.too_busy(part.turns, part.task.case.threads))
    part.fail(judged.not_computed(part.name, part.axes, part.turns, part.ended))


def profile(part: Part, timeout_s: float) -> None:
    """Where its time goes, in the first launch; whoever fails at that has its other figures all the same."""
    if part.task.launch:
        return
    assert part.talk
    try:
        part.talk.send(part.profiled_steps)
        part.profile = part.talk.receive("profiled", timeout_s)
    except (Death, NoAnswer) as error:
        part.profile = Profile({}, f"its profiler failed: {error.reason}")


def records(part: Part, turns: str, machine: tuple[tuple[str, float], ...]) -> list[Record]:
    """A part's records, or the one that says why it has none."""
    case = part.task.case
    workload = WORKLOADS.get(case.workload)
    blank = Record(
        "", "", case, "step_time", launch=part.task.launch, items=items(part.name, part.axes),
        item=workload.item if workload else "",
    )  # fmt: skip
    if part.failed or part.begun is None or part.ended is None:
        why = part.failed or NoAnswer("broken", "it ended before it was timed")
        return [replace(blank, status=why.status, reason=why.reason)]
    said = {**part.begun.facts, "threads alive": str(part.ended.threads)}
    timed = replace(
        blank, values=tuple(turn.step_s for turn in part.turns), steps_per_value=part.steps, turns=turns,
        warm_up_values=(part.settled_s,), machine=machine, facts=tuple(sorted(said.items())),
        warnings=(part.profile.reason,) if part.profile and part.profile.reason else (),
        readings=(
            ("busy threads", tuple(turn.busy for turn in part.turns)),
            ("running threads", tuple(turn.running for turn in part.turns)),
        ),
    )  # fmt: skip
    first = replace(blank, metric=part.first, values=(part.begun.first_call_s,))
    peak = part.ended.peak_bytes
    memory = [] if peak is None else [replace(blank, metric="process_memory", values=(peak,))]
    return [timed, first, *memory, *operators(part, blank)]


def operators(part: Part, blank: Record) -> list[Record]:
    """Where its time went, if that was looked at."""
    if part.profile is None or not part.profile.parts:
        return []
    parts = tuple(sorted(part.profile.parts.items()))
    values = (sum(part.profile.parts.values()),)
    return [replace(blank, metric="operator_time", values=values, steps_per_value=part.profiled_steps, parts=parts)]
