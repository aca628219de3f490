"""The stored form of a measurement. Plain data; imports no torch.

Schema history (also in docs/records.md):
1  first version.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from bench.records.points import Value, text_of

SCHEMA = 1

Status: TypeAlias = Literal["measured", "unavailable", "broken"]
# The warning of a step that was timed though nobody looks at what it answers.
UNCHECKED = "answers are not checked: give the Step a check, or check_first where they change as it trains"
MOST_ITEMS = 2**63
SIDES = ("base", "head")  # of a gate: how the names of its runs end
BUILT_IN = "built-in functions"  # the part of a function_time that is in no function of Python, such as operators
OUTSIDE = "outside of operators"  # the part of an operator_time that no operator or kernel took
MODES_IN_TURNS = "modes"  # what `turns` says of more than two modes, which take turns with each other
REFERENCE = "reference"  # the reading of how long work that is always the same took beside a value
RUNGS = "rungs"  # what `turns` says of the rungs of a ladder, which take turns with each other
# What a gate's environment of an accelerator says of how the sides took their turns there, and what that may be.
GATE_TURNS, IN_TURNS = "gate_turns", "in turns"
APART = "one side after the other, since an idle process of one costs the other too much"
RANKS = "ranks"  # the axis that says in how many processes a step runs; and what `turns` says of those that take turns
# The axes that say which framework a step is written in and in which of its users' ways, and what `turns` says of those
# that take turns: each is run by a process of its own, which imports that framework alone.
FRAMEWORK, HOW, FRAMEWORKS = "framework", "how", "frameworks"
WRAP = "wrap"  # the axis that says what makes one model of several ranks: none, ddp, fsdp


class RecordError(ValueError):
    """A line that is not a record this version understands; the text says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """One workload at one point, on one device, in one dtype and mode, with so many threads."""

    workload: str
    version: int
    point: tuple[tuple[str, Value], ...]
    device: str
    dtype: str
    mode: str
    threads: int

    @property
    def point_text(self) -> str:
        """The point as 'batch=64, model=padded'; empty when the workload has no axes."""
        return text_of(self.point)

    @property
    def ranks(self) -> int:
        """In how many processes its step runs that talk to each other; 0 where its point does not say."""
        found = dict(self.point).get(RANKS)
        return found if isinstance(found, int) and not isinstance(found, bool) else 0

    @property
    def framework(self) -> str:
        """The framework whose own process runs its step; empty of others' workloads, whatever their axes are called."""
        found = dict(self.point)
        is_one = self.workload.startswith(f"{FRAMEWORKS}.") and {FRAMEWORK, HOW} <= found.keys()
        return str(found[FRAMEWORK]) if is_one else ""

    @property
    def is_apart(self) -> bool:
        """Whether its step is run by processes of its own, of ranks or of a framework, that time it and no more."""
        return bool(self.ranks or self.framework)

    @property
    def label(self) -> str:
        """Workload and point as 'mnist_cnn.train_step(batch=64,model=padded)', which is also what GLOBs match."""
        return f"{self.workload}({text_of(self.point, ',')})" if self.point else self.workload

    def body(self) -> dict[str, Any]:
        """The case as it stands in JSON, where a point is a table."""
        return {**asdict(self), "point": dict(self.point)}


@dataclass(frozen=True, slots=True)
class Environment:
    """All that a figure depends on besides the code of the step: versions, machine, settings, commit."""

    facts: tuple[tuple[str, Value | None], ...]

    @property
    def id(self) -> str:
        """A short digest of all facts; equal environments have equal ids."""
        return hashlib.sha256(json.dumps(self.facts).encode()).hexdigest()[:12]

    def get(self, fact: str) -> Value | None:
        """The fact, or None when it is unknown."""
        return dict(self.facts).get(fact)


@dataclass(frozen=True, slots=True)
class Record:
    """One metric of one case, as measured in one launch (one fresh process).

    values: raw values in the order taken, each the mean over `steps_per_value` steps, in the metric's unit per
        step; empty unless the status is "measured".
    warm_up_values: what was measured before the values and is not counted.
    reason: why there are no values, when there are none.
    parts: what the value is the sum of, such as operator calls by name; sorted by name, empty when there is no more
        to say.
    launch: which of the run's rounds of fresh processes this one was, from 0.
    turns: the mode whose values were taken next to these, the nth of either in the same round; MODES_IN_TURNS where it
        was several, RUNGS where it was the other rungs of a ladder, RANKS where it was the same in more or fewer ranks,
        FRAMEWORKS where in other frameworks; empty when these were taken alone.
    machine: what the machine did meanwhile, by name (bench/measure/machine.py says which); empty where nobody looked.
    readings: what was read with each value, by name: what the device said of itself (`Device.readings` says which), or
        seconds of the reference work beside it (bench/measure/machine.py); empty where nobody looked.
    facts: what its process said of itself, such as a framework's version and precision; empty where it said nothing.
    layout: which of the run's layouts of memory its process had, which processes forked from one program share; None
        where it had one of its own, or nobody knows.
    """

    run: str
    environment: str
    case: Case
    metric: str
    status: Status = "measured"
    values: tuple[float, ...] = ()
    steps_per_value: int = 1
    warm_up_values: tuple[float, ...] = ()
    launch: int = 0
    items: int | None = None
    item: str = ""
    data: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()
    parts: tuple[tuple[str, float], ...] = ()
    turns: str = ""
    machine: tuple[tuple[str, float], ...] = ()
    layout: int | None = None
    readings: tuple[tuple[str, tuple[float, ...]], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run set out to measure, whether or not it came to it.

    cases: of the whole run, of all its shards together, in their order. own: the places among them of those that this
    shard measures. launches: how often each case was to be launched; None where the time decided. shard, shards: which
    part of the run this was, from 1, of how many. module: of the workloads; empty for the suite. quick: whether it was
    a look.
    """

    run: str
    cases: tuple[Case, ...]
    own: tuple[int, ...]
    launches: int | None = None
    shard: int = 1
    shards: int = 1
    module: str = ""
    quick: bool = False
