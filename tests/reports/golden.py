"""Texts that are kept to be read in review: tests/golden, rewritten by `make golden`."""

from __future__ import annotations

import os

from tests.conftest import ROOT

FOLDER = ROOT / "tests" / "golden"


def kept(name: str, text: str) -> str:
    """What the file says that the text should be; the text itself, once written there, when rewriting is asked for."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get("TORCHPACE_REWRITE_GOLDEN"):
        path.write_text(text)
    return path.read_text()
