"""Which events are whole steps: those that somebody names, the profiler's own, or what an engine marks for itself."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.profiles.trace.columns import of_category, where
from reports.profiles.trace.dialects import LOOPS, MARK, MARKS, ON_CPU

NAMED = ("user_annotation", "cpu_op")  # kinds of events that are somebody's marks
MOST_SUGGESTED = 5


def with_marks(events: pd.DataFrame, wanted: str = "") -> pd.DataFrame:
    """The events, of which those that are whole steps have a category of their own. wanted: a GLOB of their names."""
    chosen = marks_in(events, wanted)
    if not chosen.any():
        return events
    kinds = events["category"].cat.add_categories([MARK])
    return events.assign(category=kinds.where(~chosen, MARK))


def marks_in(events: pd.DataFrame, wanted: str) -> NDArray[np.bool_]:
    """Which events are whole steps."""
    if wanted:
        return of_category(events, *ON_CPU) & where(events["name"], partial(matches, wanted))
    named = of_category(events, *NAMED)
    own = named & where(events["name"], lambda name: name.startswith(MARKS))
    if own.any():
        return own
    # Of the marks of several engines, those that are around most of the time are around the others.
    found = [named & where(events["name"], partial(matches, loop)) for loop in LOOPS]
    length = (events["end_ns"] - events["start_ns"]).to_numpy()
    return max(found, key=lambda chosen: int(length[chosen].sum()), default=own)


def matches(glob: str, name: str) -> bool:
    """Whether a GLOB matches a name."""
    return fnmatchcase(name, glob)


def suggested(events: pd.DataFrame) -> str:
    """In words, which marks there are that could be steps: the commonest annotations."""
    names = Counter(events["name"][of_category(events, "user_annotation")].astype(str))
    if not names:
        return "there are no annotations in it"
    commonest = names.most_common(MOST_SUGGESTED)
    return "annotations in it are " + ", ".join(f"{name!r} ({count})" for name, count in commonest)
