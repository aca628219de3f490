"""Times as they are written, as whole nanoseconds: exact, whatever they count from.

A float64 holds microseconds since 1970 to 250 ns only, and microseconds since a machine started to 1 ns. Events that
follow each other closely would overlap, or swap places; so the digits are read as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from numpy.typing import NDArray

Written = bytes  # what stands in the file: a number in microseconds, perhaps in quotes

NOT_KNOWN = np.iinfo(np.int64).min  # what no time can be
LARGEST_NS = 2**62
# A float of 80 bits, where the processor has it, tells nanoseconds since 1970 apart; a float64 those below 1e12 µs.
FLOAT = np.longdouble
SMALL_US = 1e12 * 2.0 ** (np.finfo(FLOAT).nmant - np.finfo(np.float64).nmant)
USUAL = re.compile(rb"(?:\d{1,15}\.\d{3},)+")  # as torch writes them since 2.1: three decimals
WHOLE = re.compile(rb"(?:\d{1,15},)+")  # as it did before
DECIMAL = re.compile(rb"(?:-?\d{1,15}(?:\.\d+)?,)+")


def nanoseconds(values: Sequence[Written]) -> NDArray[np.int64]:
    """Each number in whole nanoseconds; NOT_KNOWN for what is no number."""
    if not values:
        return np.empty(0, dtype=np.int64)
    joined = b",".join(values).replace(b'"', b"") + b","
    if USUAL.fullmatch(joined):
        return numbers(joined.replace(b".", b""), np.int64)
    if WHOLE.fullmatch(joined):
        return 1000 * numbers(joined, np.int64)
    if DECIMAL.fullmatch(joined):
        found = numbers(joined, FLOAT)
        if np.abs(found).max() < SMALL_US:
            rounded: NDArray[np.int64] = np.rint(found * 1000).astype(np.int64)
            return rounded
    return np.array([exactly(value) for value in values], dtype=np.int64)


def numbers(joined: bytes, kind: type[np.generic]) -> NDArray[Any]:
    """Numbers with a comma after each, in one go: a million of them one by one would take seconds."""
    return np.fromstring(joined[:-1].decode(), dtype=kind, sep=",")


def exactly(value: Written) -> int:
    """One number in whole nanoseconds, rounded half to even where it has more digits than those."""
    text = bytes(value).strip(b'" ')
    whole, _, decimals = text.partition(b".")
    if whole.isdigit() and len(whole) <= 15 and (not decimals or (decimals.isdigit() and len(decimals) <= 3)):
        return int(whole) * 1000 + int(decimals.ljust(3, b"0") or 0)
    try:
        found = Decimal(text.decode("ascii", errors="replace")) * 1000
    except InvalidOperation:
        return NOT_KNOWN
    return round(found) if found.is_finite() and abs(found) < LARGEST_NS else NOT_KNOWN
