"""The documents name what is there: links, files, workloads, commands and their options. Runs none of the commands."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from bench.cli import parser
from tests.conftest import ROOT
from workloads.base import load_suite

README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").rglob("*.md"))]
README_LINES = 130  # a page that is read to its end
COMMAND = re.compile(r"torchpace [a-z]+\b.*")
FOLDERS = ("bench", "docs", "reports", "tests", "workloads")


def blocks(path: Path, language: str) -> list[str]:
    """The contents of the document's code blocks in a language; of those in none, when it is empty."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def commands(path: Path) -> list[str]:
    """Every command line in the document's shell blocks, without its comment."""
    lines = [
        line.split("  #")[0].split(" # ")[0].strip() for block in blocks(path, "sh") for line in block.splitlines()
    ]
    return [line for line in lines if line and not line.startswith("#")]


def mentioned(path: Path) -> list[str]:
    """Commands with arguments of their own in the document's sentences and in blocks that show what once was run."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    spoken = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", text)]
    shown = [line for block in blocks(path, "") for line in block.splitlines()]
    return [line for line in (*spoken, *shown) if COMMAND.fullmatch(line)]


def asked(command: str) -> list[str]:
    """The arguments of a `torchpace` command; placeholders stand for something."""
    return [word.replace("...", "1") for word in shlex.split(command)[1:]]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_have_the_options_that_are_named(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (*commands(path), *mentioned(path)):
        if command.startswith("torchpace "):
            arguments, code = asked(command), None
            try:
                parser().parse_args(arguments if len(arguments) > 1 else [*arguments, "--help"])
            except SystemExit as end:
                code = end.code
            assert not code, f"{command}: {capsys.readouterr().err.splitlines()[-1]}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target, _, place in (link.partition("#") for link in re.findall(r"\]\(([^):]+)\)", path.read_text())):
        leads_to = path.parent / target if target else path
        assert leads_to.exists(), target
        if place:
            titles = re.findall(r"^#+ (.*)", leads_to.read_text(), re.MULTILINE)
            assert place in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, place


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_and_modules_named_in_documents_exist(path: Path) -> None:
    named = re.findall(r"`([\w./]+)`", path.read_text())
    files = [name for name in named if name.split("/")[0] in FOLDERS and "/" in name]
    modules = re.findall(r"python -m (tests[\w.]+)", path.read_text())
    gone = [name for name in files if not (ROOT / name).exists()]
    places = {name: ROOT / name.replace(".", "/") for name in modules}
    gone += [
        name for name, place in places.items()
        if not (place.with_suffix(".py").exists() or (place / "__main__.py").exists())
    ]  # fmt: skip
    assert not gone


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_workloads_named_in_documents_exist(path: Path) -> None:
    suite = load_suite()
    subjects = {name.split(".")[0] for name in suite}
    named = {name for name in re.findall(r"`(\w+\.\w+)`", path.read_text()) if name.split(".")[0] in subjects}
    assert named <= {*suite, *(f"{subject}.py" for subject in subjects)}
    for glob in re.findall(r"'((?:\w+)\.[^' ]+)'", "\n".join((*commands(path), *mentioned(path)))):
        if glob.split(".")[0] in subjects:
            assert any(fnmatchcase(name, glob.split("(")[0]) for name in suite), glob


def test_the_readme_is_short_and_leads_to_every_document() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= README_LINES
    assert all(f"docs/{path.name}" in text for path in DOCUMENTS if path.parent == ROOT / "docs")
    assert "(docs/profile.png)" in text


def test_the_two_commands_are_there_and_install_once(tmp_path: Path) -> None:
    assert commands(README)[:4] == ["git clone URL torchpace", "cd torchpace", "make test", "make bench"]
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)

    def planned(target: str) -> str:
        done = subprocess.run(["make", "-n", target], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout

    assert planned("test").count("pip install") == 1
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "installed").touch()
    for target, does in (("test", "-m pytest"), ("bench", "torchpace run"), ("bench", "torchpace report")):
        assert does in planned(target)
        assert "pip install" not in planned(target)
