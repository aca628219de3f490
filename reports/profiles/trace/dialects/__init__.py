"""What the dialects say, put together. They are found by looking into this folder: a new one is one file with its
`DIALECT`. A trace may mix them, so none is chosen: a word means the same in all.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from typing import TypeVar

from reports.profiles.trace.dialects.base import MARK, ON_CPU, ON_DEVICE, Dialect

__all__ = [
    "CATEGORIES", "COLLECTIVES", "COMMUNICATION", "DETAILS", "DEVICES", "LOOPS", "MARK", "MARKS", "ON_CPU", "ON_DEVICE",
    "WAITS",
]  # fmt: skip

Word = TypeVar("Word")


def find() -> list[Dialect]:
    """The `DIALECT` of every module here but `base`."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "base")
    return [importlib.import_module(f"{__name__}.{module}").DIALECT for module in modules]


def merged(tables: Iterable[Mapping[Word, str]]) -> dict[Word, str]:
    """One table of all. Raises ValueError for a word that two dialects understand differently."""
    found: dict[Word, str] = {}
    for table in tables:
        for word, meaning in table.items():
            if found.setdefault(word, meaning) != meaning:
                raise ValueError(f"{word!r} means {found[word]!r} in one dialect and {meaning!r} in another")
    return found


def spellings(details: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """By column, the words for it."""
    columns = dict.fromkeys(details.values())
    return {column: tuple(word for word, meaning in details.items() if meaning == column) for column in columns}


KNOWN = find()
CATEGORIES = merged(dialect.categories for dialect in KNOWN)
DETAILS = spellings(merged(dialect.details for dialect in KNOWN))
DEVICES = merged(dialect.devices for dialect in KNOWN)
MARKS = tuple(mark for dialect in KNOWN for mark in dialect.marks)
LOOPS = tuple(loop for dialect in KNOWN for loop in dialect.loops)
WAITS = tuple(wait for dialect in KNOWN for wait in dialect.waits)
COLLECTIVES = tuple(name for dialect in KNOWN for name in dialect.collectives)
COMMUNICATION = tuple(name for dialect in KNOWN for name in dialect.communication)
