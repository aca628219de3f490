"""What a project says once, in its own pyproject.toml under [tool.torchpace]. What the command line says wins.

Keys: workloads, globs (for every command that takes them); budget, slower-than, same-within, undecided, limits,
accepted (for the gate).
"""

from __future__ import annotations

import argparse
import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bench.cli.quantities import duration, growth, share
from bench.records.errors import UsageError

T = TypeVar("T")

FILE, TABLE = "pyproject.toml", "[tool.torchpace]"
ACCEPTED = "torchpace-accepted.toml"  # beside pyproject.toml, where it does not name another
UNDECIDED = ("fail", "pass")


@dataclass(frozen=True, slots=True)
class Settings:
    """A project's settings; None and empty where it says nothing.

    budget: s. slower_than, same_within: shares. limits: by glob, the share by which a case may become slower.
    accepted: the file of changes that were meant.
    """

    workloads: str | None = None
    globs: tuple[str, ...] = ()
    budget: float | None = None
    slower_than: float | None = None
    same_within: float | None = None
    undecided: str | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    accepted: Path = Path(ACCEPTED)


def settings(folder: Path) -> Settings:
    """Those of the project that a folder is in: of the nearest pyproject.toml around it. Raises UsageError."""
    for parent in (folder, *folder.parents):
        path = parent / FILE
        if path.is_file():
            return settings_in(path)
    return Settings(accepted=folder / ACCEPTED)


def settings_in(path: Path) -> Settings:
    """The settings in a file. Raises UsageError naming it, and the nearest key there is."""
    try:
        with path.open("rb") as file:
            body = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    tools = body.get("tool", {})
    table = tools.get("torchpace", {}) if isinstance(tools, dict) else {}
    if not isinstance(table, dict):
        raise UsageError(f"{path}: tool.torchpace = {table!r} is no table; write {TABLE}")
    known: dict[str, Callable[[Any], Any]] = {
        "workloads": text, "globs": texts, "budget": written(duration), "slower-than": written(share),
        "same-within": written(share), "undecided": one_of(UNDECIDED), "limits": limits,
        "accepted": lambda value: path.parent / text(value),
    }  # fmt: skip
    found: dict[str, Any] = {"accepted": path.parent / ACCEPTED}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            raise UsageError(f"{path}: {TABLE} has no key {key!r}; did you mean {near[0]!r}?")
        try:
            found[key.replace("-", "_")] = known[key](value)
        except (argparse.ArgumentTypeError, TypeError) as error:
            raise UsageError(f"{path}: {TABLE} {key} = {value!r}: {error}") from error
    return Settings(**found)


def text(value: Any) -> str:
    """A text. Raises TypeError."""
    if not isinstance(value, str) or not value:
        raise TypeError("it has to be a text")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts. Raises TypeError."""
    if not isinstance(value, list):
        raise TypeError("it has to be a list of texts")
    return tuple(text(each) for each in value)


def written(parse: Callable[[str], T]) -> Callable[[Any], T]:
    """What the command line takes, as a text or a number."""

    def parsed(value: Any) -> T:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise TypeError("it has to be a text such as on the command line, or a number")
        return parse(str(value))

    return parsed


def one_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    """One of some texts."""

    def chosen(value: Any) -> str:
        if value not in choices:
            raise TypeError(f"it has to be {' or '.join(choices)}")
        return str(value)

    return chosen


def limits(value: Any) -> dict[str, float]:
    """Shares by glob."""
    if not isinstance(value, dict):
        raise TypeError('it has to be a table, such as "mnist_cnn.*" = "10%"')
    return {glob: written(growth)(each) for glob, each in value.items()}


def apply(options: argparse.Namespace) -> None:
    """Have a command select what the project says, as far as its command line does not. Raises UsageError."""
    if not hasattr(options, "workloads"):
        return
    own = settings(Path.cwd())
    found: dict[str, Any] = {}
    if options.workloads is None and own.workloads:
        found["workloads"] = own.workloads
    is_own = found.get("workloads", options.workloads) == own.workloads
    if is_own and own.globs and getattr(options, "globs", None) == [] and not getattr(options, "trace", None):
        found["globs"] = [*own.globs]
    for name, value in found.items():
        setattr(options, name, value)
    if found and hasattr(options, "parser"):  # what nobody gave is not refused as if somebody had
        options.parser.set_defaults(**found)


def apply_to_gate(options: argparse.Namespace) -> Settings:
    """Likewise, of a gate's margins and times; gives all settings. Raises UsageError."""
    own = settings(Path.cwd())
    if options.budget is None and options.trials is None:
        options.budget = own.budget
    for name in ("slower_than", "same_within", "undecided"):
        if getattr(options, name) is None:
            setattr(options, name, getattr(own, name))
    return own
