"""What several commands take on their command line: durations, shares, formats; for argparse."""

from __future__ import annotations

import argparse
import math

FORMATS = ("table", "markdown", "csv", "json")
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def number(text: str) -> float:
    """A finite number above 0. Raises ValueError."""
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise ValueError(text)
    return value


def duration(text: str) -> float:
    """'10m', '90s', '1h' or '600' in seconds."""
    try:
        return number(text[:-1]) * SECONDS[text[-1]] if text[-1:] in SECONDS else number(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time above 0, such as 90s, 10m or 1h") from None


def share_from_0(text: str) -> float:
    """'1%' or '0.01' as 0.01; from 0 to below 1."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to below 1, such as 1% or 0.01")
    return value


def growth(text: str) -> float:
    """'8%' or '0.08' as 0.08; 0 or more."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a share of 0 or more, such as 8% or 0.08")
    return value


def share(text: str) -> float:
    """'1%' or '0.01' as 0.01; above 0 and below 1."""
    value = share_from_0(text)
    if value == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is nothing; give a share above 0, such as 1% or 0.01")
    return value
