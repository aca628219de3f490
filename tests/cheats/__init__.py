"""Steps written to look fast. Each is measured as any other, and none may come out as measured.

A module registers `cheats.NAME` workloads; `CAUGHT` says by which words each is found out.
"""

from __future__ import annotations

import importlib
import pkgutil

MODULE = "tests.cheats"
SUBJECTS = ("clocks", "elsewhere", "kept")


def corpus() -> dict[str, str]:
    """Every cheat by name, with the words that it is found out by."""
    found: dict[str, str] = {}
    for module in sorted(each.name for each in pkgutil.iter_modules(__path__) if each.name in SUBJECTS):
        found |= getattr(importlib.import_module(f"{__name__}.{module}"), "CAUGHT", {})
    return found
