"""Columns of an event table: made from whatever a file has in a field, and asked once per text, not once per event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Number = Any  # a number, mostly; some writers put text or something else in its place
ABSENT = -1  # in the columns of whole numbers: the event has none


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


def devices(events: pd.DataFrame) -> NDArray[np.object_]:
    """The device of each event of a device's: its number, or where there is none, what the file calls its process."""
    rows = np.arange(len(events))
    device, process = texts(events["device"], rows), texts(events["process"], rows)
    return np.where(device != "", device, process)


def texts(column: pd.Series, rows: NDArray[np.int64]) -> NDArray[np.object_]:
    """The texts of some rows of a categorical column; each text is one object, however often it occurs."""
    known = np.array([*column.cat.categories, ""], dtype=object)
    return known[column.cat.codes.to_numpy()[rows]]


def as_text(value: Any) -> str:
    """A name, a thread or a list of numbers as text; empty for none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)


def category(values: Sequence[Any]) -> pd.Categorical:
    """Names, threads, lists of numbers as texts, each kept once; empty for none."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    try:
        codes, known = pd.factorize(array)
        texts = ["", *map(as_text, known)]
    except TypeError:  # lists cannot be told apart by hashing
        texts = []
    if len(set(texts)) < len(texts) or not texts:  # 7 and "7" are one thread
        codes, known = pd.factorize(np.array([as_text(value) or None for value in values], dtype=object))
        texts = ["", *known]
    return pd.Categorical.from_codes(codes + 1, categories=pd.Index(texts, dtype=object))


def written(pieces: Sequence[Any]) -> pd.Categorical:
    """Pieces of JSON that were left as they are, as texts; empty for none."""
    return category([bytes(piece) if piece else None for piece in pieces])


def whole(values: Sequence[Number]) -> NDArray[np.int64]:
    """Whole numbers; ABSENT where there is none, or something else."""
    try:
        return np.array([ABSENT if value is None else value for value in values], dtype=np.int64)
    except (ValueError, TypeError, OverflowError):
        return np.array([as_whole(value) for value in values], dtype=np.int64)


def as_whole(value: Number) -> int:
    """One whole number, from whatever a file has in its place."""
    try:
        number = (
            int(float(value)) if isinstance(value, str | float) else int(value or 0) if value is not None else ABSENT
        )
    except (ValueError, TypeError, OverflowError):
        return ABSENT
    return (number + 2**63) % 2**64 - 2**63  # addresses use the upper half as well; they only have to differ


def real(values: Iterable[Number]) -> NDArray[np.float64]:
    """Numbers; NaN where there is none."""
    return np.array([value if isinstance(value, int | float) else np.nan for value in values], dtype=float)
