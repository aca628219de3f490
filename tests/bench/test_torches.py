"""A gate between two versions of torch: environments that are made once, and options that go together."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.cli.gate import command, torches
from bench.cli.gate.sides import run_by
from bench.cli.gate.torches import READY, python_with, requirement, requirements
from bench.records.errors import UsageError


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("2.13", "torch==2.13.*"),
        ("2.13.1", "torch==2.13.1"),
        ("2.13.0+cpu", "torch==2.13.0+cpu"),
        ("2.13+cpu", "torch==2.13+cpu"),
    ],
)
def test_a_version_is_any_patch_of_it_or_that_very_one(version: str, wanted: str) -> None:
    assert requirement(version) == wanted


@pytest.mark.parametrize("version", ["", "2", "latest", "2.13; touch x", "-r file", "2.13 --pre"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(UsageError, match="is no version of torch"):
        requirement(version)


def test_an_environment_has_what_torchpace_needs_and_its_own_torch() -> None:
    found = requirements("2.13", None, ["./mine"])
    assert found[0] == "torch==2.13.*"
    assert not [each for each in found[1:] if each.split(">")[0].strip() == "torch"]
    assert any(each.startswith("numpy") for each in found)
    assert found[-2:] == ["torchvision", "./mine"]
    assert "torchvision" not in requirements("2.13", "my.perf", [])
    assert not any("extra ==" in each for each in found)


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """Stands for venv, pip and uv: what they were asked."""
    asked: list[list[str]] = []

    def run(step: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        asked.append(step)
        return subprocess.CompletedProcess(step, int("torch==9.9.*" in step), "", "ERROR: no such\nversion 9.9")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(torches.shutil, "which", lambda name: None)
    monkeypatch.setattr(torches, "install", lambda folder, wanted: (folder.mkdir(), real_install(folder, wanted)))
    monkeypatch.setattr(torches.subprocess, "run", run)
    return asked


real_install = torches.install


def test_an_environment_is_made_once_and_again_where_it_was_not_whole(installer: list[list[str]]) -> None:
    python = python_with("2.13", "my.perf")
    assert python == python_with("2.13", "my.perf")
    assert len(installer) == 2
    assert installer[0][:3] == [sys.executable, "-m", "venv"]
    assert installer[1][0] == python
    assert "torch==2.13.*" in installer[1]
    (Path(python).parents[1] / READY).unlink()  # as if it had been interrupted
    assert python_with("2.13", "my.perf") == python
    assert len(installer) == 4
    assert python_with("2.13", None) != python  # the suite needs more
    assert run_by(python) == "with torch 2.13"
    assert run_by("/usr/bin/python3") == "run by /usr/bin/python3"


def test_what_cannot_be_installed_is_one_line_and_not_kept(installer: list[list[str]]) -> None:
    for _ in range(2):
        with pytest.raises(UsageError, match=r"cannot be made: ERROR: no such version 9\.9"):
            python_with("9.9", "my.perf")
    assert len([step for step in installer if "torch==9.9.*" in step]) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--base-torch", "2.13", "--base-python", "p"], "--base-python and --base-torch name two interpreters"),
        (["--torch", "2.13"], "give two versions or more"),
        (["--torch", "2.13,2.14", "--head-torch", "2.15"], "--torch names the versions of both sides"),
        (["--torch", "2.13,2.14,2.15", "--html", "x.html"], "several gates do not fit one file"),
        (["--self-test", "--base-torch", "2.13"], "leave --base-torch out"),
        (["--base-torch", "soon"], "'soon' is no version of torch"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["gate", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_every_version_is_gated_against_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, str]] = []

    def run(options: argparse.Namespace) -> int:
        asked.append((options.base_torch, options.head_torch, str(options.html)))
        return 1 if options.head_torch == "2.14" else 0

    monkeypatch.setattr(command, "run", run)
    options = argparse.Namespace(torch=["2.13", "2.14", "2.15"], html=None, base_torch=None, head_torch=None)
    codes = [command.run_with(options, *pair) for pair in command.pairs(options.torch)]
    assert codes == [1, 0]
    assert command.WORST.index(command.SLOWER) < command.WORST.index(command.UNDECIDED)
    assert asked == [("2.13", "2.14", "torch-2.13-to-2.14.html"), ("2.13", "2.15", "torch-2.13-to-2.15.html")]
