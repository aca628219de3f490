"""The profile of a trace that is of one process."""

from __future__ import annotations

from typing import Any

from reports.profiles.profile import Profile, read_foreign


def read_one(*given: Any, **options: Any) -> Profile:
    """The only profile in it."""
    (found,) = read_foreign(*given, **options)
    return found
