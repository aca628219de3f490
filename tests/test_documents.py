"""Every command in the documents is run, and every workload they name exists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from workloads.base import load_suite

README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").rglob("*.md"))]

# What these do is what the tests' own start, and asv's and the command's tests, show.
SHOWN_ELSEWHERE = (
    "git clone", "cd ", "source ", "asv continuous", "asv publish", "torchpace data mnist", "torchpace bisect",
)  # fmt: skip

# Minutes of measuring, and what takes seconds instead: fewer workloads, shorter loops, less time.
CHEAPER = (
    ("'modules.*'", "'modules.[lm]*'"),
    # All rungs but two that take a minute to compile; tests/workloads compiles them.
    ("'linear_regression.ladder' --quick", "'linear_regression.ladder(rung=[!co]*' --quick --axis epochs=100"),
    ("--budget 1m --undecided=pass", "--budget 20s --undecided=pass"),
)


def blocks(path: Path, language: str) -> list[str]:
    """The contents of the document's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def commands(path: Path) -> list[str]:
    """Every command line in the document's shell blocks, without its comment."""
    lines = [line.split("  #")[0].strip() for block in blocks(path, "sh") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**own, "PATH": path, "PYTHONPATH": str(ROOT)}


def run(command: str, folder: Path) -> str:
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=550,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a history of one commit."""
    folder = tmp_path_factory.mktemp("documents") / "torchpace"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("needs a git checkout")
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    identity = "git -c user.name=test -c user.email=test@example.org"
    subprocess.run(f"git init -q && git add -A && {identity} commit -qm base", shell=True, cwd=folder, check=True)
    return folder


def test_the_two_commands_are_there_and_install_once(checkout: Path) -> None:
    assert commands(README)[:4] == ["git clone URL torchpace", "cd torchpace", "make test", "make bench"]
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "installed").touch()
    for target, does in (("test", "-m pytest"), ("bench", "torchpace run"), ("bench", "torchpace report")):
        planned = run(f"make --dry-run {target}", checkout)
        assert does in planned
        assert "pip install" not in planned
    shutil.rmtree(checkout / ".venv")
    assert run("make --dry-run test", checkout).count("pip install") == 1


def test_every_command_of_the_readme_works(checkout: Path) -> None:
    ran = [line for line in commands(README) if not line.startswith((*SHOWN_ELSEWHERE, "make "))]
    assert len(ran) >= 6
    for documented, cheaper in CHEAPER:
        assert any(documented in command for command in ran)
        ran = [command.replace(documented, cheaper) for command in ran]
    for command in ran:
        run(command, checkout)


def test_a_users_package_works_as_documented(tmp_path: Path) -> None:
    document = ROOT / "docs" / "your-workloads.md"
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "model.py").write_text(
        "import torch\nclass Model(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(16, 4)\n"
    )
    (package / "perf.py").write_text(blocks(document, "python")[0])
    outputs = [run(command, tmp_path) for command in commands(document)]
    assert len(outputs) == 3
    assert "my_model.forward" in outputs[0]
    assert "torch.compile" in outputs[1]
    assert "Not measured" in outputs[2]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_workloads_named_in_documents_exist(path: Path) -> None:
    subjects = {name.split(".")[0] for name in load_suite()}
    named = {name for name in re.findall(r"`(\w+\.\w+)`", path.read_text()) if name.split(".")[0] in subjects}
    assert named <= set(load_suite())
