"""What a user can mend, and what is said of errors in his code: one line, with the place. Imports no torch."""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

LAST_WORDS = 400  # characters of a dead process's output that are shown
LONGEST = 300  # characters of an error's text that are shown
OURS = Path(__file__).resolve().parents[2]  # the folder that the project's packages are in


class UsageError(Exception):
    """Something given that cannot be: the text says what happened, what was given and what to do next.

    The command prints it in one line, whichever room it comes from.
    """


class NotBelieved(Exception):
    """Raised when the times of a step are not those of its work; the text says what was found out."""


class Death(Exception):
    """A process that gave no result; `reason` says how it ended and what it said last."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def describe(error: BaseException, within: Path | None = None) -> str:
    """'ValueError: text at model.py:31': the innermost frame of neither torch nor us, or inside the folder `within`."""
    frames = traceback.extract_tb(error.__traceback__)
    if within is None:
        ours = str(OURS / "bench") + os.sep
        own = [f for f in frames if os.sep + "torch" + os.sep not in f.filename and not f.filename.startswith(ours)]
    else:
        own = [frame for frame in frames if frame.filename.startswith(str(within))]
    place = f" at {Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
    text = complaint(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text[:LONGEST]}{'...' if len(text) > LONGEST else ''}{place}{clash(error)}"


def clash(error: BaseException) -> str:
    """What to do about an error that comes of a module of the user's that is called as one of ours; else empty."""
    name = error.name if isinstance(error, ImportError) else None
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        name = error.obj.__name__
    top = (name or "").partition(".")[0]
    ours = getattr(sys.modules.get(top), "__file__", None)
    theirs = PathFinder.find_spec(top) if ours and Path(ours).resolve().is_relative_to(OURS / top) else None
    place = theirs and (theirs.origin or next(iter(theirs.submodule_search_locations or ()), None))
    if not place or Path(place).resolve().is_relative_to(OURS / top):
        return ""
    return f"; {top} is a package of torchpace, which comes before {place}: rename yours, or move it into a package"


def complaint(text: str) -> str:
    """A C++ compiler's error without the command that ran it, from what it complains about on; else the text itself."""
    before, _, output = text.partition(" Output: ")
    what, command, _ = before.partition(" Command: ")
    if not command:
        return text
    found = re.search(r"\S*error:", output)
    return f"{what}: {output[found.start() if found else 0 :]}"


def how_it_died(exit_code: int | None, log: Path) -> str:
    """How a process ended without a result, with the end of what it printed."""
    return how_it_ended(exit_code, " ".join(log.read_text(errors="replace").split())[-LAST_WORDS:])


def how_it_ended(exit_code: int | None, said: str) -> str:
    """Likewise, with what it printed last."""
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = ", often sent by the system when memory runs out" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}" + (f"; its last words: {said}" if said else "")
    return f"its process ended with exit code {exit_code}" + (f"; its last words: {said}" if said else "")
