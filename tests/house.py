"""Rules of the house that no linter knows: sizes, how many modules a folder has, names, constants. `make lint` runs it.

Imports are import-linter's (pyproject.toml). Reads source as text; imports nothing of what it judges.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGES = ("bench", "reports", "workloads")
LONGEST_FILE, LONGEST_FUNCTION, MOST_MODULES = 250, 40, 12  # lines, lines, modules
# As many as there are commands and subjects.
ANY_NUMBER = ("bench/cli", "workloads")
# Folders whose modules are named alike on purpose: a command as what it runs, a topic's parts as every topic's.
ALIKE = ("bench/cli", "reports/topics")
# Names that stand twice because they are the same thing, seen from two rooms.
SAME_THING = {
    "ceilings": "a machine's roofs: on disk, how they are measured, and the probes",
    "exact": "figures that are counted: of one step, and of two sides",
    "memory": "what a step holds: counted live, and read from a trace",
    "modules": "torch.nn modules: of a step that runs, in a trace, and as a subject",
    "profile": "of one case: how it is taken, and what it says",
    "report": "the one page, and asv's way to it",
    "base": "what a device and what a workload is",
}


def sources(root: Path) -> list[Path]:
    """Every Python file that the rules are about."""
    return sorted(path for name in (*PACKAGES, "tests") for path in (root / name).rglob("*.py"))


def sizes(root: Path) -> Iterator[str]:
    """Files and functions that are too long."""
    for path in sources(root):
        text, place = path.read_text(), path.relative_to(root).as_posix()
        if (lines := len(text.splitlines())) > LONGEST_FILE:
            yield f"{place}: {lines} lines; at most {LONGEST_FILE}"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    yield f"{place}:{node.lineno}: {node.name} has {length} lines; at most {LONGEST_FUNCTION}"


def docstrings(root: Path) -> Iterator[str]:
    """Files that do not say what they are."""
    for path in sources(root):
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text())):
            yield f"{path.relative_to(root).as_posix()}: no docstring at the top"


def modules(root: Path) -> dict[str, list[Path]]:
    """The modules of each folder of the packages, without `__init__` and `__main__`."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sources(root):
        place = path.relative_to(root)
        if place.parts[0] in PACKAGES and not path.stem.startswith("__"):
            found[place.parent.as_posix()].append(place)
    return found


def folders(root: Path) -> Iterator[str]:
    """Folders with too many modules."""
    for folder, inside in modules(root).items():
        if len(inside) > MOST_MODULES and folder not in ANY_NUMBER:
            yield f"{folder}/: {len(inside)} modules; at most {MOST_MODULES}: make rooms"


def names(root: Path) -> Iterator[str]:
    """Modules that share a name and are not the same thing."""
    named: dict[str, list[Path]] = defaultdict(list)
    for folder, inside in modules(root).items():
        if not folder.startswith(ALIKE):
            for place in inside:
                named[place.stem].append(place)
    for name, places in named.items():
        if len(places) > 1 and name not in SAME_THING:
            yield f"{' and '.join(map(str, places))} share a name; rename one, or say in {Path(__file__).name} why not"


def constants(root: Path) -> Iterator[str]:
    """Constants of one name and one value that stand in two modules."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for inside in modules(root).values():
        for place in inside:
            for name, value in constants_of(ast.parse((root / place).read_text()).body):
                found[name, value].append(place.as_posix())
    for (name, value), places in found.items():
        if len(places) > 1:
            yield f"{name} = {value} stands in {' and '.join(places)}"


def constants_of(body: Iterable[ast.stmt]) -> Iterator[tuple[str, str]]:
    """The constants at a module's top with their values as text; names alone and empty values say nothing."""
    for node in body:
        if not isinstance(node, ast.Assign) or isinstance(node.value, ast.Name | ast.Attribute | ast.Call):
            continue
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id.isupper():
            yield target.id, ast.unparse(node.value)


RULES = (sizes, docstrings, folders, names, constants)


def broken(root: Path) -> list[str]:
    """Every rule that is broken, a line each."""
    return [line for rule in RULES for line in rule(root)]


if __name__ == "__main__":
    found = broken(Path(__file__).resolve().parents[1])
    print("\n".join(found) or "The house is in order.")
    sys.exit(bool(found))
