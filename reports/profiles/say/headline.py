"""The first sentence of a profile: where the time of a step goes. Judges nothing; what stands out are the findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reports.format import units
from reports.profiles.profile import Profile
from reports.profiles.say.device_findings import usual
from reports.profiles.say.finding import number_of, seconds
from reports.profiles.shape.modules import Module
from reports.profiles.shape.operators import NO_OPERATOR

Products = Mapping[str, float]
"""FLOP/s that products of matrices reach on a machine at best, by their precision, as far as it is known."""

NONE: Products = MappingProxyType({})
LARGE = 0.2  # of the step: what is below takes no large part of it
MOST_OF = 0.6  # of a module: a module inside that takes as much is the one to name
LEAST_S = 1e-10  # what adds up to more than the time in which anything worked ran at the same time


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the step: its share, of what (empty for the step itself), its seconds, and what it is."""

    share: float
    whole: str
    seconds: float
    what: str


def headline(profile: Profile, products: Products = NONE) -> str:
    """A sentence or two. products: those of the machine that the profile is of."""
    step_s = profile.steps.mean_s if profile.activities else profile.steps.on_cpu_s
    whole = "the step" if profile.steps.marked else "the whole trace"
    part = max([*waits(profile), *first_operator(profile, products)], key=lambda each: each.share, default=None)
    if part is None:
        return f"No operator ran in {whole} of {seconds(step_s)}."
    of = part.whole or f"{whole} ({seconds(part.seconds)} of {seconds(step_s)})"
    if part.share < LARGE:
        said = f"No part of {whole} is large: the largest, {units.percent(part.share)} of {of}, {part.what}."
    else:
        said = f"{units.percent(part.share)} of {of} {part.what}."
    return said + largest_module(profile)


def waits(profile: Profile) -> list[Part]:
    """The parts of the step that no operator or kernel is in."""
    if profile.activities is None:
        fractions, means = profile.phases.fractions, profile.phases.mean_s
        return [
            Part(fractions["data"], "", means("data"), "is waiting for the DataLoader"),
            Part(fractions["other"], "", means("other"), "is outside of operators: Python, or waiting"),
        ]
    shares = usual(profile)
    nothing = shares["idle"] + shares["CPU only"]
    whose = "the devices, on average, do nothing" if profile.by_device else "the device does nothing"
    apart = ", data apart" if shares["data"] else ""
    idle = Part(nothing, "", nothing * profile.steps.mean_s, whose + apart)
    data = Part(shares["data"], "", shares["data"] * profile.steps.mean_s, "is waiting for the DataLoader")
    alone = [
        Part(shares[name], "", shares[name] * profile.steps.mean_s, f"is {what} with nothing beside")
        for name, what in (("communication", "communication"), ("copy", "copying"))
    ]
    return alone if profile.unseen_graphs else [data, idle, *alone]


def first_operator(profile: Profile, products: Products) -> list[Part]:
    """The operator that takes most, on the device if there is one."""
    column = "device_self_s" if profile.activities else "self_s"
    table = profile.operators
    if table.empty or not float(table[column].sum()):
        return []
    first = table.iloc[0]
    taken, total = float(first[column]), float(table[column].sum())
    step_s = profile.steps.mean_s if profile.activities else profile.steps.on_cpu_s
    overlaps = total > busy_s(profile) + LEAST_S
    whose = "what operators take"
    if profile.activities:
        whose = "the devices' work" if profile.by_device else "the device's work"
    name = str(first["name"])
    calls = "" if name == NO_OPERATOR else f", in {number_of(float(first['calls']), 'call')}"
    what = "is work that no operator launched" if name == NO_OPERATOR else f"is {name}{calls}"
    return [Part(
        taken / (total if overlaps else step_s), f"{whose} ({seconds(taken)} of {seconds(total)})" if overlaps else "",
        taken, what + speed(profile, name, taken, products),
    )]  # fmt: skip


def busy_s(profile: Profile) -> float:
    """Seconds of a step in which any device, or without one the CPU, worked; what is more than that overlapped."""
    if profile.activities is None:
        return profile.steps.on_cpu_s
    return sum(profile.activities.mean_s(name) for name in ("kernel", "communication", "copy"))


def speed(profile: Profile, name: str, taken_s: float, products: Products) -> str:
    """How near an operator comes to what products reach; empty where its FLOPs or that are not known."""
    notes = profile.notes
    # They are those of the uncompiled step, of which a compiled one may do a part in kernels of its own.
    flops = notes.flops.get(name) if notes and notes.case.mode == "eager" else None
    if not notes or not flops or not taken_s:
        return ""
    roof = products.get(notes.precisions.get(name, notes.case.dtype))
    return (
        f", at {units.percent(flops / taken_s / roof)} of the FLOP/s that products reach on this machine"
        if roof
        else ""
    )


def largest_module(profile: Profile) -> str:
    """The module that takes most of the step, as deep inside as one takes most of it; empty where none is large."""
    tree = profile.modules
    if tree is None or not tree.step_s:
        return ""
    module, taken = tree.root, tree.root.forward_s + tree.root.backward_s
    while module.inside:
        inner = max(module.inside.values(), key=time_of)
        if module is not tree.root and time_of(inner) < MOST_OF * taken:
            break
        module, taken = inner, time_of(inner)
    share = taken / tree.step_s
    if module is tree.root or share < LARGE:
        return ""
    return f" The module {module.name or module.kind} takes {units.percent(min(1.0, share))} of the step, stacks on."


def time_of(module: Module) -> float:
    """Seconds of a module per step, forward and backward."""
    return module.forward_s + module.backward_s
