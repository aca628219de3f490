"""A file that somebody merged from the traces of several processes, taken apart again.

Numbers that tie what a device did to the call that launched it are of a process, and processes that run the same
program have the same ones. So whose an event is, is told before anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.profiles.shape.launches import CALLS, GRAPH, numbered
from reports.profiles.trace.columns import of_category, where
from reports.profiles.trace.dialects import MARK, ON_DEVICE
from reports.profiles.trace.reading import Trace

NOBODY = -1
LONGEST = 20  # digits of a number that a process may have
MIXED = 0.1  # of a device's events, at most, are not a process's, if the device is

Ints = NDArray[np.int64]


def parted(trace: Trace) -> list[Trace]:
    """The trace of each process that marks steps, as ranks in the order of their numbers; the trace itself where there
    is one or none.
    """
    events = trace.events
    process: Ints = np.asarray(events["process"].cat.codes, dtype=np.int64)
    names = events["process"].cat.categories
    marking = sorted(set(process[of_category(events, MARK)].tolist()), key=lambda code: in_order(str(names[code])))
    if len(marking) < 2:
        return [trace]
    owners = owners_of(events, process, marking)
    called = ", ".join(str(names[code]) for code in marking)
    notes = [f"the file holds the events of {len(marking)} processes ({called}), shown as ranks in this order"]
    if others := int((owners == NOBODY).sum()):
        notes.append(f"{others} events of none of them are left out")
    return [
        replace(
            trace,
            events=events[owners == number].reset_index(drop=True),
            memory=trace.memory[(trace.memory["process"] == names[code]).to_numpy()].reset_index(drop=True),
            rank=number,
            warnings=[*trace.warnings, *notes],
        )
        for number, code in enumerate(marking)
    ]


def in_order(name: str) -> tuple[int, str]:
    """What a process is sorted by: its number, if it has one."""
    return (int(name) if name.isdecimal() and len(name) < LONGEST else 0, name)


def owners_of(events: pd.DataFrame, process: Ints, marking: Sequence[int]) -> Ints:
    """Which of the marking processes each event is of, by its place among them; NOBODY where none."""
    found = np.full(len(events), NOBODY)
    for number, code in enumerate(marking):
        found[process == code] = number
    calls = of_category(events, *CALLS) & (found != NOBODY) & ~where(events["name"], lambda name: GRAPH in name)
    on_device = of_category(events, *ON_DEVICE) & (found == NOBODY)
    for device in np.unique(process[on_device]):
        rows = np.flatnonzero(on_device & (process == device))
        launched, turn = in_turn(events, rows, np.flatnonzero(numbered(events, calls)))
        if (turn > 0).mean() > MIXED:  # a call that replays no graph launches one thing: these are of several processes
            found[rows] = np.where(launched == NOBODY, NOBODY, found[launched])
            continue
        of_each = (of_category(events, *CALLS) & (found == number) for number in range(len(marking)))
        lags = [usual_lag(events, rows, own) for own in of_each]
        found[rows] = np.argmin(lags) if np.isfinite(lags).any() else NOBODY
    return found


def in_turn(events: pd.DataFrame, rows: Ints, calls: Ints) -> tuple[Ints, Ints]:
    """For each of a device's rows the call that launched it, and which of the things with its number it was, from 0.

    Of several calls with one number the first launched what came first. NOBODY where no call has the number.
    """
    numbers, starts = events["correlation"].to_numpy(), events["start_ns"].to_numpy()
    calls = calls[np.lexsort((starts[calls], numbers[calls]))]
    order = np.lexsort((starts[rows], numbers[rows]))
    _, first, counts = np.unique(numbers[rows][order], return_index=True, return_counts=True)
    turn = np.empty(len(rows), dtype=np.int64)
    turn[order] = np.arange(len(rows)) - np.repeat(first, counts)
    if not len(calls):
        return np.full(len(rows), NOBODY), np.zeros_like(turn)
    known, begin, there = np.unique(numbers[calls], return_index=True, return_counts=True)
    place = np.minimum(np.searchsorted(known, numbers[rows]), len(known) - 1)
    is_known = known[place] == numbers[rows]
    launched = calls[begin[place] + np.minimum(turn, there[place] - 1)]
    return np.where(is_known, launched, NOBODY), np.where(is_known, turn, 0)


def usual_lag(events: pd.DataFrame, rows: Ints, own: NDArray[np.bool_]) -> float:
    """Nanoseconds from the calls of a process until a device's rows with their numbers began, usually; infinite where
    more than a few cannot have been launched by them.
    """
    numbers, starts = events["correlation"].to_numpy(), events["start_ns"].to_numpy()
    calls = np.flatnonzero(numbered(events, own))
    calls = calls[np.argsort(numbers[calls], kind="stable")]
    if not len(calls):
        return np.inf
    place = np.minimum(np.searchsorted(numbers[calls], numbers[rows]), len(calls) - 1)
    lag = (starts[rows] - starts[calls[place]]).astype(float)
    able = (numbers[calls[place]] == numbers[rows]) & (lag >= 0)
    return float(np.median(lag[able])) if (~able).mean() <= MIXED else np.inf
