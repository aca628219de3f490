"""What a profile says in words, the costliest first. Each finding names its evidence and where in the report it is.

A rule speaks only above a threshold, so that a balanced profile has little to say. Thresholds are shares of the step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

from reports.format import units
from reports.profiles.profile import Profile
from reports.profiles.say.device_findings import communicating, copying, idle_device, usual, waiting_for_the_device
from reports.profiles.say.finding import Finding, number_of, seconds
from reports.profiles.shape.memory import KINDS

DATA_SHARE = 0.2
OTHER_SHARE = 0.3
OPTIMIZER_SHARE = 0.2
DOMINANT_SHARE = 0.5
TOO_SHORT = 1.5  # with the profiler a step takes so many times what it takes without
NO_STEP_NS = 1000  # marks as short as that enclose nothing, and have no usual length
UNEVEN = 1.5  # a step so many times longer than the median
LARGE_KIND = 0.5  # of the peak
SMALL_BYTES = 1 << 20  # a peak below this is nobody's trouble
UNWEIGHED = 0.25  # where a finding without a share is ranked: below what surely takes a quarter of the step
PLACE = re.compile(r" at (\S+:\d+)$")


def findings(profile: Profile) -> list[Finding]:
    """All that can be said, by the share of the step that it is about; what cannot be weighed follows the first."""
    rules = RULES if too_short(profile) is None else ANYWAY
    found = [finding for rule in rules for finding in rule(profile)]
    return sorted(found, key=lambda finding: -(UNWEIGHED if finding.cost is None else finding.cost))


def too_short(profile: Profile) -> Finding | None:
    """What to say of a step that the profiler makes so much longer that its shares are the profiler's own."""
    if profile.step_s is None or profile.steps.mean_s <= TOO_SHORT * profile.step_s:
        return None
    return Finding(
        "The step is too short for the profiler, or was disturbed",
        f"{seconds(profile.step_s)} without it, {seconds(profile.steps.mean_s)} with it",
        "the shares below are the profiler's as much as the step's; a larger case shows more", "breakdown", 0.5,
    )  # fmt: skip


def waiting_for_data(profile: Profile) -> Iterator[Finding]:
    """The step waits for its DataLoader, and no device has work meanwhile."""
    seen = profile.activities is not None and not profile.unseen_graphs  # all that devices did
    share = usual(profile)["data"] if seen else profile.phases.fractions["data"]
    if share >= DATA_SHARE:
        step_s = profile.steps.mean_s if seen else profile.steps.on_cpu_s
        yield Finding(
            f"{units.percent(share)} of the step is in DataLoader",
            f"{seconds(share * step_s)} of {seconds(step_s)} per step" + ", with no device at work" * seen,
            "keep the data set in memory as tensors, or load it with worker processes (num_workers, pin_memory)",
            "breakdown", share,
        )  # fmt: skip


def graph_breaks(profile: Profile) -> Iterator[Finding]:
    """torch.compile could not take the step as a whole."""
    breaks = profile.notes.graph_breaks if profile.notes else ()
    by_place: dict[str, list[str]] = {}
    for text in breaks:
        place = PLACE.search(text)
        by_place.setdefault(place[1] if place else "an unknown place", []).append(PLACE.sub("", text))
    for where, reasons in by_place.items():
        many = "1 graph break" if len(reasons) == 1 else f"{len(reasons)} graph breaks"
        yield Finding(
            f"{many} at {where}", reasons[0],
            "the code around it is compiled in pieces, with Python between; move it out of what is compiled", "compile",
        )  # fmt: skip


def recompiles(profile: Profile) -> Iterator[Finding]:
    """Code was compiled again, while it was profiled or before."""
    again = profile.notes.recompiles if profile.notes else ()
    if again:
        yield Finding(
            f"compiled again {len(again)} times" if len(again) > 1 else "compiled again once", again[0],
            "shapes or values that change make torch.compile start over; mark them dynamic or keep them fixed",
            "compile",
        )  # fmt: skip


def between_operators(profile: Profile) -> Iterator[Finding]:
    """Python costs more than it should. Where ranks wait for each other that is no Python."""
    waits = 0.0 if profile.worked is None else 1 - float(profile.worked.parts.sum()) / float(profile.phases.parts.sum())
    share = profile.phases.fractions["other"] - waits
    if share >= OTHER_SHARE and profile.activities is None and len(profile.operators):
        calls = float(profile.operators["calls"].sum())
        which = "the flame graph" if profile.flame else "a trace with_stack=True"
        yield Finding(
            f"{units.percent(share)} of the step is outside of operators",
            f"{seconds(share * profile.steps.on_cpu_s)} of Python, and {number_of(calls, 'operator call')} a step",
            f"fewer and larger operators, or torch.compile; {which} says which functions", "flame", share,
        )  # fmt: skip


def optimizing(profile: Profile) -> Iterator[Finding]:
    """The update is a large part of the step."""
    share = profile.phases.fractions["optimizer"]
    if share >= OPTIMIZER_SHARE and profile.activities is None:
        yield Finding(
            f"{units.percent(share)} of the step is in the optimizer",
            f"{seconds(profile.phases.mean_s('optimizer'))} per step",
            "try its foreach=True or fused=True, or a larger batch per update", "breakdown", share,
        )  # fmt: skip


def one_operator(profile: Profile) -> Iterator[Finding]:
    """One operator is most of the step."""
    operators = profile.operators[profile.operators["name"].str.contains("::", regex=False)]
    if operators.empty:
        return
    first = operators.iloc[0]
    taken = float(first["device_self_s"] or first["self_s"])
    share = float(first["share"])  # of what all do: where streams or threads overlap, a step has more of it than time
    if share >= DOMINANT_SHARE and taken >= DOMINANT_SHARE * profile.steps.mean_s:
        whose = "the device works" if first["device_self_s"] else "operators take"
        yield Finding(
            f"{first['name']} takes {units.percent(share)} of the time that {whose}",
            f"{number_of(first['calls'], 'call')} a step, {seconds(taken)}",
            "what makes this operator faster makes the step faster; little else will", "operators", share / 2,
        )  # fmt: skip


def uneven_steps(profile: Profile) -> Iterator[Finding]:
    """Some step took much longer than the others."""
    lengths = profile.steps.lengths
    if len(lengths) < 3 or np.median(lengths) < NO_STEP_NS:
        return
    worst = int(np.argmax(lengths))
    times = float(lengths[worst] / np.median(lengths))
    if times >= UNEVEN:
        yield Finding(
            f"{profile.steps.names[worst]} took {units.ratio(times)} times the median step",
            f"{seconds(lengths[worst] / 1e9)} against {seconds(float(np.median(lengths)) / 1e9)}",
            "something that not every step does, or another process; look whether it repeats", "breakdown",
            float((lengths[worst] - np.median(lengths)) / lengths.sum()),
        )  # fmt: skip


def large_memory(profile: Profile) -> Iterator[Finding]:
    """One kind of tensor makes the peak."""
    if profile.memory is None or not profile.memory.peak_bytes:
        return
    at_peak = profile.memory.live[:, profile.memory.live.sum(axis=0).argmax()]
    activations = float(at_peak[KINDS.index("activations")])
    share = activations / profile.memory.peak_bytes
    if share >= LARGE_KIND and profile.memory.peak_bytes >= SMALL_BYTES and profile.phases.fractions["backward"]:
        yield Finding(
            f"{units.percent(share)} of the memory peak is activations",
            f"{units.quantity(activations, 'B')} of {units.quantity(profile.memory.peak_bytes, 'B')}",
            "smaller batches, activation checkpointing or a narrower dtype make it smaller", "memory", 0.0,
        )  # fmt: skip


def distorted(profile: Profile) -> Iterator[Finding]:
    """The profiler is most of what it shows."""
    finding = too_short(profile)
    if finding is not None:
        yield finding


ANYWAY: tuple[Callable[[Profile], Iterator[Finding]], ...] = (
    distorted, waiting_for_data, graph_breaks, recompiles, large_memory,
)  # fmt: skip
RULES: tuple[Callable[[Profile], Iterator[Finding]], ...] = (
    waiting_for_data, graph_breaks, recompiles, idle_device, copying, communicating, waiting_for_the_device,
    between_operators, optimizing, one_operator, uneven_steps, large_memory,
)  # fmt: skip
