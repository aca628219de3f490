"""Ladders: what each change to a training loop gained over the rung it stands on, and whether it cost accuracy.

A ladder is any workload with the axes `rung` and `on`; its steps are the same items on every rung. Draws nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.records.points import point_of, text_of
from reports.read.frames import Figure
from reports.read.pairs import rung_ratio
from reports.read.rows import summary_of
from reports.stats.intervals import Ratio
from reports.stats.speedup import speedup

GROUND = "ground"  # what the bottom rung stands on
Z_95 = 1.96  # the normal quantile: a test sample is large

# What the rungs of the suite change; other rungs are known by their names.
WORDS = {
    "primer": "the loop as taught: DataLoader, loss.item() every step",
    "in_memory": "tensors in memory, shuffled by index",
    "no_synchronize": "no reading of the loss in the loop",
    "batch_256": "batch of 256, rate scaled with it",
    "channels_last": "channels_last layout",
    "foreach": "foreach update (all weights in one call)",
    "fused": "fused update (one kernel)",
    "autocast": "autocast: bfloat16 on a CPU, float16 on CUDA",
    "compile": "torch.compile of the objective",
    "cuda_graphs": "CUDA graphs (reduce-overhead)",
    "functional": "gradient and update written out with tensors",
    "compiled_step": "torch.compile of a whole step",
    "drawn_ahead": "the order of all samples drawn at once, before the first step",
    "one_graph": "one graph of many steps",
}


@dataclass(frozen=True, slots=True)
class Tread:
    """One rung as measured; unknown is None.

    rate: items per second. gain: rate over that of the rung it stands on; total: over the bottom rung.
    lost: its accuracy is below that of the rung it stands on by more than the test samples explain.
    """

    rung: str
    on: str
    figure: Figure
    rate: float | None
    gain: Ratio | None
    total: Ratio | None
    memory: float | None
    accuracy: float | None
    loss: float | None
    lost: bool

    @property
    def changes(self) -> str:
        """What it changes, in words."""
        return WORDS.get(self.rung, self.rung.replace("_", " "))


@dataclass(frozen=True, slots=True)
class Ladder:
    """The measured rungs of one workload on one device, the bottom first; `rest` is the point's other axes."""

    workload: str
    device: str
    rest: str
    data: str
    treads: tuple[Tread, ...]


def ladders(figures: Sequence[Figure]) -> list[Ladder]:
    """Every ladder of which a rung was timed, in the order measured."""
    found: dict[tuple[object, ...], dict[str, dict[str, Figure]]] = defaultdict(lambda: defaultdict(dict))
    for figure in figures:
        point = dict(point_of(figure.point))
        if figure.status == "measured" and {"rung", "on"} <= set(point):
            rest = text_of((axis, value) for axis, value in point.items() if axis not in ("rung", "on"))
            key = (
                figure.workload, figure.device, rest, figure.dtype, figure.mode, figure.threads, figure.version,
                figure.source, figure.environment,
            )  # fmt: skip
            found[key][str(point["rung"])][figure.metric] = figure
    return [ladder for (_, _, rest, *_), rungs in found.items() for ladder in built(str(rest), rungs)]


def built(rest: str, rungs: Mapping[str, Mapping[str, Figure]]) -> Iterator[Ladder]:
    """The ladder of these rungs' figures by metric; nothing where none was timed."""
    timed = {name: metrics for name, metrics in rungs.items() if "step_time" in metrics}
    if timed:
        first = next(iter(timed.values()))["step_time"]
        treads = tuple(tread(name, timed) for name in timed)
        yield Ladder(first.workload, first.device, rest, first.data, treads)


def tread(name: str, rungs: Mapping[str, Mapping[str, Figure]]) -> Tread:
    """One rung against the one it stands on and the bottom one."""
    own = rungs[name]
    step = own["step_time"]
    on = stands_on(step)
    below = rungs.get(on, {})
    bottom = next((rung for rung in rungs.values() if stands_on(rung["step_time"]) == GROUND), {})
    items = step.items_per_step

    def amount(metric: str) -> float | None:
        return summary_of(own[metric]).estimate if metric in own else None

    return Tread(
        name, on, step, items / summary_of(step).estimate if items else None, gain(below, step),
        None if on == GROUND else gain(bottom, step), amount("peak_memory"), amount("accuracy"), amount("final_loss"),
        lost(below.get("accuracy"), own.get("accuracy")),
    )  # fmt: skip


def stands_on(figure: Figure) -> str:
    """The rung that a rung stands on."""
    return str(dict(point_of(figure.point))["on"])


def gain(base: Mapping[str, Figure], step: Figure) -> Ratio | None:
    """How many times as many items per second as the base; None where the base was not measured."""
    if "step_time" not in base:
        return None
    return speedup(rung_ratio(base["step_time"], step))


def lost(below: Figure | None, own: Figure | None) -> bool:
    """Whether the accuracy fell by more than what the standard errors of both test samples explain, at 95 %."""
    if below is None or own is None or below.items_per_step is None or own.items_per_step is None:
        return False
    before, after = summary_of(below).estimate, summary_of(own).estimate
    variance = before * (1 - before) / below.items_per_step + after * (1 - after) / own.items_per_step
    return before - after > Z_95 * math.sqrt(variance)
