"""What devices spend on talking to each other, and how much of it nothing else hides.

Told by the operator that launched it, or by families of kernels' names; the dialects hold both.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.profiles.shape.launches import Launches
from reports.profiles.shape.nesting import NONE, Nest
from reports.profiles.shape.operators import owners
from reports.profiles.shape.overlaps import union
from reports.profiles.shape.windows import Steps
from reports.profiles.trace.columns import devices, of_category, where
from reports.profiles.trace.dialects import COLLECTIVES, COMMUNICATION
from reports.profiles.trace.reading import Trace

COLUMNS = ("name", "device", "calls", "total_s", "exposed_s", "hidden_s")


def communicates(trace: Trace, nested: Nest, launches: Launches) -> NDArray[np.bool_]:
    """Which events are kernels that move data between devices or ranks."""
    events = trace.events
    found = of_category(events, "kernel") & where(events["name"], is_communication)
    owner = owners(events, nested, launches)
    collective = np.append(where(events["name"], lambda name: name.startswith(COLLECTIVES))[nested.rows], False)
    launched = launches.rows[(owner != NONE) & collective[owner]]
    found[launched] = of_category(events, "kernel")[launched]
    return found


def is_communication(name: str) -> bool:
    """Whether a kernel of this name moves data between devices or ranks, whoever launched it."""
    lower = name.lower()
    return any(word in lower for word in COMMUNICATION)


def communication_table(trace: Trace, steps: Steps, launches: Launches, collective: NDArray[np.bool_]) -> pd.DataFrame:
    """The steps' communication by kernel and device: calls and seconds per step, the longest first.

    hidden_s: while another kernel computes on the same device; exposed_s: while none does.
    """
    events = trace.events
    rows = launches.rows[launches.steps != NONE]
    rows = rows[collective[rows]]
    if not len(rows):
        return pd.DataFrame(columns=list(COLUMNS))
    own = devices(events)
    starts, ends = events["start_ns"].to_numpy(), events["end_ns"].to_numpy()
    computes = of_category(events, "kernel") & ~collective
    hidden = np.zeros(len(rows), dtype=np.int64)
    for device in np.unique(own[rows]):
        busy = computes & (own == device)
        there = own[rows] == device
        hidden[there] = union(starts[busy], ends[busy]).covered(starts[rows][there], ends[rows][there])
    frame = pd.DataFrame({
        "name": events["name"].astype(str).to_numpy()[rows], "device": own[rows], "calls": 1 / len(steps.names),
        "total_s": (ends - starts)[rows] / 1e9 / len(steps.names), "hidden_s": hidden / 1e9 / len(steps.names),
    })  # fmt: skip
    table = frame.groupby(["name", "device"], sort=False).sum().reset_index()
    table["exposed_s"] = table["total_s"] - table["hidden_s"]
    return table[list(COLUMNS)].sort_values("total_s", ascending=False, kind="stable").reset_index(drop=True)
