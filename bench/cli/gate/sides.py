"""A gate's two sides in words. Measures nothing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.gate.revisions import Side
    from bench.records.record import Environment


def notes_on(sides: Mapping[str, Side], environments: Mapping[tuple[str, str], Environment] | None = None) -> list[str]:
    """What a reader should know of the sides, and of their environments by side and device."""
    base, head = sides["base"], sides["head"]
    notes = []
    if (base.tree, base.python) == (head.tree, head.python):
        notes.append("base and head are the same code: this is an A/A run, where every change found is a false one")
    if head.dirty:
        notes.append("head is the working tree with its uncommitted changes")
    builds = {
        side: str(environment.get("torch")).partition("+")[2] for (side, _), environment in (environments or {}).items()
    }
    if len(set(builds.values())) > 1:
        told = " and ".join(f"{side}'s for {build or 'the default'}" for side, build in builds.items())
        notes.append(f"torch is built {told}: what a build differs in is part of every change")
    return notes


def run_by(python: str) -> str:
    """An interpreter in words: by its torch where the gate has made it, else by its path."""
    from bench.cli.gate.torches import environments_folder  # noqa: PLC0415

    folder = Path(python).parent.parent
    if folder.parent == environments_folder():
        return f"with torch {folder.name.removeprefix('torch-').partition('-python')[0]}"
    return f"run by {python}"


def describe(side: Side) -> str:
    """A side in words."""
    python = "" if side.python == sys.executable else f", {run_by(side.python)}"
    return f"{side.label} ({side.commit[:10]}{' with uncommitted changes' if side.dirty else ''}{python})"
