"""What git says of a folder: the only place that starts it. Knows no record and no revision."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bench.records.errors import UsageError

LIMIT_S = 120.0  # listing a history of a million commits takes some seconds


class GitError(UsageError):
    """Git is not there, does not answer, or refuses; the text is git's own."""


def git(folder: Path, *arguments: str, given: str = "", settings: dict[str, str] | None = None) -> str:
    """What git answers in `folder` to the arguments and, on stdin, to `given`. Raises GitError.

    settings: environment variables besides those there are.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], input=given, capture_output=True, text=True, check=False,
            timeout=LIMIT_S, env={**os.environ, **(settings or {})},
        )  # fmt: skip
    except OSError as error:
        raise GitError("there is no git on the PATH; install git") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {arguments[0]} did not answer within {LIMIT_S:g} s") from error
    if done.returncode != 0:
        raise GitError(f"git {arguments[0]} failed: {' '.join(done.stderr.split()) or f'code {done.returncode}'}")
    return done.stdout.strip()
