"""Files that were damaged at random, and every command that reads such files: never a traceback, never without end.

A damaged file is a good one of which one to three places were changed: a value for another of any type, an entry left
out or put in twice, the text cut off or changed. What a command may do with it: show it, or refuse it in one line that
names it.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cli import main
from tests.conftest import ROOT

FOREIGN = ROOT / "tests" / "data" / "foreign"
ODD = ROOT / "tests" / "data" / "traces" / "odd"
LONGEST_S = 60  # of a command on a damaged file, all of which are small
JUNK: tuple[Any, ...] = (
    None, True, "", "x", "1",
    "\u202eevil\x1b[31m|<img src=x>@team", "é" * 300, -1, 0, 1, 2**31, 2**63, 2**200, -0.0, 0.5,
    1e-320, 1e308, float("nan"), float("inf"), -float("inf"), [], [None], [[]], {}, {"a": []}, "NaN", "2026-01-01",
    "../../etc", "cpu", "compile", [1, "2"], [-1.0], [float("nan")], "\ud800",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of input: its files' names and good texts, and the commands that read them, {} standing for the input."""

    name: str
    files: dict[str, str]
    commands: Sequence[str]

    @property
    def whole(self) -> bool:
        """Whether the folder with the files is the input, and not the one file."""
        return len(self.files) > 1


READ = (
    "compare {}", "compare {} {}", "compare {} --by mode", "compare {} --format csv", "compare {} --format json",
    "compare {} --format markdown", "history {}", "history {} --format json", "report {} -o page.html",
)  # fmt: skip
TRACES = ("profile --trace {} -o out", "report --diff {} {} -o page.html")


def kinds() -> list[Kind]:
    """Every kind with a good input."""
    records = [Kind(path.name, {"in.jsonl": path.read_text()}, READ) for path in sorted(FOREIGN.glob("*.jsonl"))]
    files = [Kind(path.name, {"in.json": path.read_text()}, READ) for path in sorted(FOREIGN.glob("*.json"))]
    folders = [
        Kind(path.name, {str(file.relative_to(path)): file.read_text() for file in path.rglob("*.json")}, READ)
        for path in sorted(FOREIGN.iterdir())
        if path.is_dir()
    ]
    names = ("zero_ts", "dur_overflow", "lag_and_final_wait", "no_operator", "two_streams")
    traces = [Kind(name, {"in.json": (ODD / f"{name}.json").read_text()}, TRACES) for name in names]
    return [*records, *files, *folders, *traces]


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything inside decoded JSON."""
    inside = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in inside:
        yield (*path, name)
        yield from places(value, (*path, name))


def changed_value(text: str, chance: random.Random) -> str:
    """The JSON with one place changed; of lines of JSON, in one line."""
    lines = text.split("\n")
    number = chance.randrange(len(lines))
    try:
        body = json.loads(lines[number])
    except ValueError:
        return changed_text(text, chance)
    found = list(places(body))
    if not found:
        return changed_text(text, chance)
    *path, last = chance.choice(found)
    around = body
    for name in path:
        around = around[name]
    how = chance.random()
    if how < 0.15:
        del around[last]
    elif how < 0.25 and isinstance(around, list):
        around.insert(last, copy.deepcopy(around[last]))
    elif how < 0.35:
        *other, name = chance.choice(found)
        source = body
        for step in other:
            source = source[step]
        around[last] = copy.deepcopy(source[name])
    else:
        around[last] = chance.choice(JUNK)
    lines[number] = json.dumps(body)
    return "\n".join(lines)


def changed_text(text: str, chance: random.Random) -> str:
    """The text cut off, with a part left out, twice or in another place, or with other characters in it."""
    first, second = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    second = min(second, first + 200)
    return chance.choice([
        text[:first], text[:first] + text[second:], text[:second] + text[first:second] + text[second:],
        text[:first] + chance.choice(["\x00", "\ufeff", "}", "]", ",", '"', "\n", "\u2028", "9" * 5000]) + text[first:],
        text.replace(text[first:second] or "1", "", 2),
    ])  # fmt: skip


def damaged(kind: Kind, chance: random.Random) -> dict[str, str]:
    """The files of a kind, one of them damaged."""
    name = chance.choice(sorted(kind.files))
    text = kind.files[name]
    for _ in range(chance.randint(1, 3)):
        text = (changed_text if chance.random() < 0.2 else changed_value)(text, chance)
    return {**kind.files, name: text}


def outcome(command: Sequence[str], names: Sequence[str]) -> str:
    """What was wrong with how the command went; empty where nothing was."""
    out, err = io.StringIO(), io.StringIO()
    began = time.monotonic()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("error")
            code = main(command)
    except BaseException:  # whatever comes out of a command is what is looked for
        return traceback.format_exc()
    if time.monotonic() - began > LONGEST_S:
        return "it took too long"
    if code not in (0, 2):
        return f"exit code {code}"
    said = err.getvalue()
    if code == 2 and (said.count("\n") != 1 or not any(name in said for name in names)):
        return f"refused without naming the file: {said!r}"
    return ""


def stop(*_: object) -> None:
    """End a command that does not end."""
    raise TimeoutError(f"no end within {LONGEST_S} s")


def faults(count: int, seed: int, progress: Callable[[], object] = lambda: None) -> Iterator[str]:
    """What went wrong with so many damaged inputs, each read by one command: the command, the seed, and how."""
    every = kinds()
    signal.signal(signal.SIGALRM, stop)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for number in range(seed, seed + count):
            chance = random.Random(number)
            kind = chance.choice(every)
            where = Path(f"input-{number}")
            for name, text in damaged(kind, chance).items():
                (where / name).parent.mkdir(parents=True, exist_ok=True)
                (where / name).write_text(text, encoding="utf-8", errors="surrogatepass")
            given = str(where) if kind.whole else str(where / next(iter(kind.files)))
            command = chance.choice(kind.commands).format(given, given).split()
            signal.alarm(LONGEST_S)
            fault = outcome(command, [given, *kind.files, "--by mode", "the sources"])
            signal.alarm(0)
            if fault:
                yield f"seed {number}: {kind.name}: torchpace {' '.join(command)}\n{fault}"
            progress()
