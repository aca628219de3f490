"""What the template of a profile draws: numbers turned into places on the page. Knows no HTML."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from reports.format import units
from reports.format.html import short
from reports.profiles.profile import Profile
from reports.profiles.shape.breakdown import Breakdown
from reports.profiles.shape.flame import Box
from reports.profiles.shape.memory import KINDS, MemoryProfile
from reports.profiles.shape.timeline import Timeline

COLOURS = {
    "data": "c3", "forward": "c1", "backward": "c2", "optimizer": "c4", "other": "c7",
    "kernel": "c1", "communication": "c5", "copy": "c4", "CPU only": "c2", "idle": "c7",
    "parameters": "c1", "gradients": "c2", "optimizer state": "c4", "inputs and buffers": "c7", "activations": "c3",
    "temporaries": "c5",
}  # fmt: skip
ORDER = ("data", "forward", "backward", "optimizer", "other")  # of a step, as it runs
ROWS = 60  # of a table; the others are one row together
STEPS_SHOWN = 20
POINTS = 240  # of the memory chart: one for about every three of its pixels
WIDTH, HEIGHT, LEFT, BOTTOM = 760, 240, 64, 26  # of the memory chart, pixels
# A frame's file, with the folders that only this machine has left out.
FRAME = re.compile(r"^(?:.*/)?site-packages/(.+)$|^(?:.*/)?([^/]+/[^/]+\.py\(\d+\): .+)$")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar: its name, colour, share of the bar, and seconds per step."""

    name: str
    colour: str
    share: float
    seconds: float


def bar(breakdown: Breakdown) -> list[Part]:
    """The parts of an average step, in the order in which they run."""
    fractions = breakdown.fractions
    names = ORDER if "forward" in fractions else breakdown.names
    return [Part(name, COLOURS[name], fractions[name], breakdown.mean_s(name)) for name in names]


def part_names(shown: Sequence[tuple[str, Profile, Any, Any]]) -> list[str]:
    """The names of all parts that the profiles' bars have, once each."""
    return list(
        dict.fromkeys(part.name for _, p, *_ in shown for part in bar(p.activities or p.phases) if part.share > 0)
    )


def step_bars(profile: Profile) -> list[tuple[str, float, list[Part]]]:
    """For each of the first steps: name, seconds, and parts, whose shares are of the longest step."""
    breakdown = profile.activities or profile.phases
    lengths = breakdown.parts.sum(axis=0)
    longest = int(lengths.max())
    names = [part.name for part in bar(breakdown)]
    rows = {name: breakdown.parts[breakdown.names.index(name)] for name in names}
    return [
        (profile.steps.names[step], lengths[step] / 1e9,
         [Part(name, COLOURS[name], rows[name][step] / longest, rows[name][step] / 1e9) for name in names])
        for step in range(min(STEPS_SHOWN, len(lengths)))
    ]  # fmt: skip


def top(table: pd.DataFrame, rows: int = ROWS) -> tuple[list[dict[Hashable, Any]], pd.DataFrame]:
    """The first rows for the template, and the table of the others."""
    return table.head(rows).to_dict("records"), table.iloc[rows:]


def shapes_by_operator(profile: Profile, most: int = 8) -> dict[str, list[dict[Hashable, Any]]]:
    """For each operator that was called with shapes, those that took longest."""
    known = profile.by_shape[profile.by_shape["shapes"].str.len() > 0]
    shown = set(profile.operators["name"].head(ROWS))
    groups = known[known["name"].isin(shown)].groupby("name", sort=False)
    return {str(name): group.head(most).to_dict("records") for name, group in groups}


def frame_name(name: str) -> str:
    """A Python frame without the folders of the machine it was taken on."""
    found = FRAME.match(name)
    return (found[1] or found[2]) if found else name


def flame_rows(boxes: Sequence[Box]) -> list[dict[str, Any]]:
    """The flame graph's boxes with their labels and titles."""
    return [
        {
            "depth": box.depth, "left": box.left, "width": box.width, "kind": kind(box.frame.category),
            "label": short(frame_name(box.frame.name), 90),
            "title": f"{short(frame_name(box.frame.name), 300)}\n{units.quantity(box.frame.total_s, 's')} "
            f"({units.percent(box.width / 100)}), itself {units.quantity(max(0.0, box.frame.self_s), 's')}, "
            f"{units.quantity(box.frame.calls, '1')} calls a step",
        }
        for box in boxes
    ]  # fmt: skip


def kind(category: str) -> str:
    """The style of a frame: Python's function, operator, or something else."""
    return {"python_function": "py", "cpu_op": "op"}.get(category, "an")


def timeline_data(timeline: Timeline) -> dict[str, Any]:
    """The timeline for the script that draws it; times rounded to nanoseconds."""
    data = asdict(timeline)
    for lane in data["lanes"]:
        lane["events"] = [[name, round(start, 3), round(length, 3), row] for name, start, length, row in lane["events"]]
    return data


@dataclass(frozen=True, slots=True)
class Area:
    """One kind of memory in the chart: its outline as an SVG path, and its bytes at the peak."""

    name: str
    colour: str
    path: str
    at_peak: int


@dataclass(frozen=True, slots=True)
class MemoryChart:
    """The memory chart in pixels: areas from the bottom up, axis ticks (place, label), and the peak's place."""

    areas: Sequence[Area]
    across: Sequence[tuple[float, str]]
    up: Sequence[tuple[float, str]]
    peak: tuple[float, float]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = BOTTOM


def memory_chart(memory: MemoryProfile) -> MemoryChart:
    """The memory of a step as stacked areas; of what is not drawn the highest moments are, so that no peak is lost."""
    times, live = thinned(memory)
    step_s, most = max(memory.step_s, 1e-9), max(1, memory.peak_bytes)
    step_up = nice(most, 1024.0 ** int(np.log(most) / np.log(1024))) if most >= 1024 else nice(most, 1.0)
    top_of_axis = step_up * math.ceil(most / step_up)

    def x(time: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 10) * min(1.0, time / step_s), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 14) * value / top_of_axis, 1)

    areas = []
    floor = np.zeros(live.shape[1])
    at_peak = memory.live[:, memory.live.sum(axis=0).argmax()]
    across = [x(time) for time in [*times, memory.step_s]]
    for number, name in enumerate(KINDS):
        ceiling = floor + live[number]
        if live[number].any():
            path = outline(across, [y(v) for v in ceiling], [y(v) for v in floor])
            areas.append(Area(name, COLOURS[name], path, int(at_peak[number])))
        floor = ceiling
    span = nice(step_s, 10.0 ** np.floor(np.log10(step_s)))
    return MemoryChart(
        areas,
        [(x(at), units.quantity(float(at), "s")) for at in np.arange(0, step_s * 1.0001, span)],
        [(y(at), units.quantity(float(at), "B")) for at in np.arange(0, top_of_axis * 1.0001, step_up)],
        (x(memory.peak_s), y(memory.peak_bytes)),
    )


def thinned(memory: MemoryProfile) -> tuple[np.ndarray, np.ndarray]:
    """Times and live bytes at about POINTS moments at most: of each stretch of time the one with the highest sum."""
    if len(memory.times_s) <= POINTS:
        return memory.times_s, memory.live
    stretch = (memory.times_s / max(memory.step_s, 1e-9) * POINTS).astype(int)
    total = memory.live.sum(axis=0)
    frame = pd.DataFrame({"stretch": stretch, "total": total})
    kept = np.sort(frame.groupby("stretch")["total"].idxmax().to_numpy())
    return memory.times_s[kept], memory.live[:, kept]


def outline(across: Sequence[float], ceiling: Sequence[float], floor: Sequence[float]) -> str:
    """The outline of an area whose ceiling and floor stay where they are until the next point."""
    forth = [f"M{across[0]} {ceiling[0]}"]
    for number, height in enumerate(ceiling):
        forth.append(f"V{height}H{across[number + 1]}")
    back = [f"V{floor[-1]}"]
    for number in range(len(floor) - 1, 0, -1):
        back.append(f"H{across[number]}V{floor[number - 1]}")
    return "".join([*forth, *back, f"H{across[0]}Z"])


def nice(reach: float, unit: float) -> float:
    """A round distance between ticks, in so many units, that gives three to six of them up to `reach`."""
    for factor in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500):
        if reach / (factor * unit) <= 6:
            return factor * unit
    return reach
