"""What a page or a comparison is made from, and the page that the command makes of it, in the current folder."""

from __future__ import annotations

from pathlib import Path

from bench.cli import main
from reports.read.runs import Material, gather
from reports.read.sources import load_one


def report(*sources: str) -> str:
    """The page of these files."""
    assert main(["report", *sources, "-o", "out.html"]) == 0
    return Path("out.html").read_text(encoding="utf-8")


def material_of(*paths: str) -> Material:
    """What the sections are made from."""
    return gather([(path, load_one(Path(path))) for path in paths])
