"""An error in one line, with the place in the user's code where it came from. Imports no torch."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path

LONGEST = 300  # characters of an error's text that are shown


def describe(error: BaseException, within: Path | None = None) -> str:
    """'ValueError: text at model.py:31': the innermost frame outside of torch, or inside the folder `within`."""
    frames = traceback.extract_tb(error.__traceback__)
    if within is None:
        own = [frame for frame in frames if os.sep + "torch" + os.sep not in frame.filename]
    else:
        own = [frame for frame in frames if frame.filename.startswith(str(within))]
    place = f" at {Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
    text = complaint(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text[:LONGEST]}{'...' if len(text) > LONGEST else ''}{place}"


def complaint(text: str) -> str:
    """A C++ compiler's error without the command that ran it, from what it complains about on; else the text itself."""
    before, _, output = text.partition(" Output: ")
    what, command, _ = before.partition(" Command: ")
    if not command:
        return text
    found = re.search(r"\S*error:", output)
    return f"{what}: {output[found.start() if found else 0 :]}"
