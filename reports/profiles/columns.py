"""Conditions on columns of texts that repeat: asked once per text, not once per event."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def where(column: pd.Series, wanted: Callable[[str], bool]) -> NDArray[np.bool_]:
    """Which rows of a categorical column have a text that is wanted."""
    answers = np.array([bool(wanted(text)) for text in column.cat.categories], dtype=bool)
    return answers[column.cat.codes.to_numpy()] if len(answers) else np.zeros(len(column), dtype=bool)


def of_category(events: pd.DataFrame, *names: str) -> NDArray[np.bool_]:
    """Which events are of one of these categories."""
    return where(events["category"], lambda text: text in names)


def lanes(events: pd.DataFrame) -> NDArray[np.int64]:
    """A number for each event's thread of its process."""
    process, thread = (events[name].cat.codes.to_numpy(np.int64) for name in ("process", "thread"))
    return process * (len(events["thread"].cat.categories) + 1) + thread


def texts(column: pd.Series, rows: NDArray[np.int64]) -> NDArray[np.object_]:
    """The texts of some rows of a categorical column; each text is one object, however often it occurs."""
    known = np.array([*column.cat.categories, ""], dtype=object)
    return known[column.cat.codes.to_numpy()[rows]]
