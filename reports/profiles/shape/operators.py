"""Operators and kernels: how often they were called and what they took, per step."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.profiles.shape.launches import Launches, operators
from reports.profiles.shape.nesting import NONE, Nest, ancestor, nest, totals
from reports.profiles.shape.windows import Steps
from reports.profiles.trace.columns import devices, of_category
from reports.profiles.trace.dialects import MARK
from reports.profiles.trace.reading import Trace

Ints = NDArray[np.int64]
NO_OPERATOR = "no operator"  # that the trace has
WITH_SELF_TIME = ("cpu_op", "user_annotation", "cuda_runtime", MARK)  # what torch's key_averages counts, too


def nest_operators(trace: Trace) -> Nest:
    """Operators, annotations and calls of the device's runtime, inside each other; Python's functions left out."""
    return nest(trace.events, of_category(trace.events, *WITH_SELF_TIME))


def calls_table(trace: Trace, steps: Steps, nested: Nest, launches: Launches) -> pd.DataFrame:
    """One row per call within the steps: name, category, shapes, self_s, total_s, device_self_s, device_total_s.

    total_s is nothing for a call inside another of the same name, whose time has it already. Device time is that of the
    kernels and copies that a call queued, whenever they ran.
    """
    events = trace.events
    part = events.iloc[nested.rows]
    own_device = device_time(events, nested, launches)
    whole_device = totals(nested.parent, own_device)
    counted = outermost_of_name(part["name"].cat.codes.to_numpy(), nested.parent)
    total = (part["end_ns"] - part["start_ns"]).to_numpy()
    table = pd.DataFrame({
        "name": part["name"].array,
        "category": part["category"].array,
        "shapes": part["shapes"].array,
        "self_s": nested.self_ns / 1e9,
        "total_s": np.where(counted, total, 0) / 1e9,
        "device_self_s": own_device / 1e9,
        "device_total_s": np.where(counted, whole_device, 0) / 1e9,
    })  # fmt: skip
    return table[steps.within(part["start_ns"].to_numpy())]


def without_operator(trace: Trace, calls: pd.DataFrame, launches: Launches) -> float:
    """Seconds of device work in the steps that nothing in the table of calls launched."""
    lengths = (trace.events["end_ns"] - trace.events["start_ns"]).to_numpy()
    whole_ns = int(lengths[launches.rows[launches.steps != NONE]].sum())
    return max(0.0, whole_ns - round(float(calls["device_self_s"].sum()) * 1e9)) / 1e9


def operator_table(
    calls: pd.DataFrame, steps: Steps, by: tuple[str, ...] = ("name",), nobodys_s: float = 0.0
) -> pd.DataFrame:
    """Calls and seconds per step by name (and shapes), the largest self time first; the steps' own marks left out.

    share: of all self time, summed over threads and devices; on the device when anything ran there, else on the CPU.
    nobodys_s: device time that no operator launched, which has a row of its own.
    """
    grouped = calls[~of_category(calls, MARK)].groupby(list(by), observed=True, sort=False)
    table = grouped[["self_s", "total_s", "device_self_s", "device_total_s"]].sum() / len(steps.names)
    table.insert(0, "calls", grouped.size() / len(steps.names))
    table = table.reset_index().astype(dict.fromkeys(by, str))
    if nobodys_s > 0:
        nobodys = {"device_self_s": nobodys_s / len(steps.names), "device_total_s": nobodys_s / len(steps.names)}
        row = {**dict.fromkeys(table.columns, 0.0), **dict.fromkeys(by, ""), "name": NO_OPERATOR, **nobodys}
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
    on_device = float(table["device_self_s"].sum())
    deciding = "device_self_s" if on_device else "self_s"
    table["share"] = table[deciding] / (float(table[deciding].sum()) or 1.0)
    return table.sort_values([deciding, "self_s"], ascending=False, kind="stable").reset_index(drop=True)


def device_time(events: pd.DataFrame, nested: Nest, launches: Launches) -> Ints:
    """Nanoseconds of device work that each nested event queued itself."""
    own = np.zeros(len(nested.rows), dtype=np.int64)
    owner = owners(events, nested, launches)
    lengths = (events["end_ns"] - events["start_ns"]).to_numpy()[launches.rows]
    np.add.at(own, owner[owner != NONE], lengths[owner != NONE])
    return own


def owners(events: pd.DataFrame, nested: Nest, launches: Launches) -> Ints:
    """For everything that devices did, the position in the nest of the operator that it belongs to; NONE for none.

    That is the operator around the call that launched it; where there is none, the operator with its external id; and
    where that is not there either, none, though a call is known.
    """
    position = np.full(len(events) + 1, NONE)
    position[nested.rows] = np.arange(len(nested.rows))
    around = np.append(ancestor(nested.parent, operators(events)[nested.rows]), NONE)
    call, by_id = position[launches.calls], position[launches.operators]
    return np.where(around[call] != NONE, around[call], by_id)


def outermost_of_name(codes: NDArray[np.integer], parent: Ints) -> NDArray[np.bool_]:
    """Which events are not inside another of the same name, looking at unbroken lines of events of that name."""
    same = np.zeros(len(parent), dtype=bool)
    inside = parent != NONE
    same[inside] = codes[inside] == codes[parent[inside]]
    return ~same


def kernel_table(trace: Trace, steps: Steps, launches: Launches) -> pd.DataFrame:
    """What the steps had devices do, by name and device: calls and seconds per step, the longest first.

    occupancy: achieved, as the profiler estimates it, 0 to 1, weighted by time; NaN where the trace has none.
    """
    rows = launches.rows[launches.steps != NONE]
    part = trace.events.iloc[rows].reset_index(drop=True)
    seconds = (part["end_ns"] - part["start_ns"]) / 1e9
    frame = pd.DataFrame({
        "name": part["name"], "category": part["category"], "total_s": seconds, "row": part.index,
        "weighted": part["occupancy"] / 100 * seconds, "weight": seconds.where(part["occupancy"].notna()),
        "blocks_per_sm": part["blocks_per_sm"], "stream": part["stream"].cat.codes, "device": devices(part),
    })  # fmt: skip
    grouped = frame.groupby(["name", "category", "device"], sort=False, observed=True)
    table = grouped.agg(
        calls=("total_s", "size"), total_s=("total_s", "sum"), mean_s=("total_s", "mean"), min_s=("total_s", "min"),
        max_s=("total_s", "max"), weighted=("weighted", "sum"), weight=("weight", "sum"),
        blocks_per_sm=("blocks_per_sm", "mean"), streams=("stream", "nunique"), first=("row", "first"),
    ).reset_index()  # fmt: skip
    first = part.loc[table.pop("first")].reset_index(drop=True)
    texts_of = {name: first[name].astype(str) for name in ("name", "category", "grid", "block")}
    table = table.assign(
        **texts_of,
        occupancy=table["weighted"] / table["weight"].where(table["weight"] > 0),
        share=table["total_s"] / (float(table["total_s"].sum()) or 1.0),
        calls=table["calls"] / len(steps.names),
        total_s=table["total_s"] / len(steps.names),
    ).drop(columns=["weighted", "weight"])
    return table.sort_values("total_s", ascending=False).reset_index(drop=True)
