"""A point of a workload as text, and back. The only place that writes or reads one; imports no torch.

The text is the parameter of benchmarks in asv's results, so that of values without commas never changes:
'batch=64, model=padded'. A comma inside a value is doubled, which tells it from those between the axes.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable
from typing import TypeAlias

Value: TypeAlias = str | int | float | bool
PART = re.compile(r"((?:,,|[^,]|,(?! ))+)(?:, |$)", re.DOTALL)  # an axis with its value, up to a comma that is single


@functools.lru_cache(maxsize=1 << 14)  # results of a hundred thousand cases say the same few values
def parse_value(text: str) -> Value:
    """An axis value from what a user wrote: a number or truth value where it is one, else the text itself."""
    if "\\" in text:  # no number has one, and Python would warn of what it might escape
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, (int, float, bool)) else text


def text_of(point: Iterable[tuple[str, Value]], between: str = ", ") -> str:
    """The point as 'batch=64, model=padded'; empty when the workload has no axes."""
    return between.join(f"{axis}={str(value).replace(',', ',,')}" for axis, value in point)


def point_of(text: str) -> tuple[tuple[str, Value], ...]:
    """The point that `text_of` wrote; a text that is written as a number is comes back as that number.

    Commas that older versions did not double are taken for the value's where no axis follows.
    """
    parts: list[str] = []
    for part in PART.findall(text):
        if "=" in part or not parts:
            parts.append(part)
        else:
            parts[-1] += f", {part}"
    pairs = (part.replace(",,", ",").partition("=") for part in parts)
    return tuple((axis, value_of(value)) for axis, _, value in pairs)


def value_of(text: str) -> Value:
    """The value that is written so; '1e3' is a text, since no number is written so."""
    value = parse_value(text)
    return value if str(value) == text else text
