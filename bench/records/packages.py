"""What is installed, and what is there for some uses only. Reads what installers wrote; imports none of it."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires, version

OPTIONAL = re.compile(r"""([\w.-]+)[^;]*;.*extra == ["']([\w-]+)["']""")  # a requirement's name, and the extra it is of


def package_version(name: str) -> str | None:
    """The installed version of a package; None when it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def extras() -> dict[str, list[str]]:
    """The packages by use, of every use that not everybody has; empty where torchpace is not installed."""
    try:
        matches = [OPTIONAL.match(requirement) for requirement in requires("torchpace") or []]
    except PackageNotFoundError:
        return {}
    found: dict[str, list[str]] = {}
    for match in filter(None, matches):
        found.setdefault(match[2], []).append(match[1])
    return {extra: names for extra, names in sorted(found.items()) if "torchpace" not in names}  # those only gather


def missing(extra: str) -> str:
    """Which packages of a use are not installed and what installs them, in words; empty when all are."""
    absent = [name for name in extras().get(extra, []) if package_version(name) is None]
    return f"{' and '.join(absent)} not installed; pip install 'torchpace[{extra}]'" if absent else ""
