"""A command is its file and its place among the commands."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from types import ModuleType
from typing import Any

import pytest

from bench import cli


def test_every_file_that_adds_a_command_is_among_them() -> None:
    names = [
        module.name for module in pkgutil.walk_packages(cli.__path__, "bench.cli.") if "__main__" not in module.name
    ]
    found = {module for module in map(importlib.import_module, names) if hasattr(module, "add_to")}
    assert found == set(cli.COMMANDS)
    assert len(cli.COMMANDS) == len(found)


def test_a_new_command_needs_no_more_than_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(options: argparse.Namespace) -> int:
        print(f"planted {options.word}")
        return 0

    def add_to(commands: Any) -> None:
        parser = commands.add_parser("planted", help="a command thought up for a test")
        parser.add_argument("word")
        parser.set_defaults(command=run)

    planted = ModuleType("bench.cli.planted")
    planted.add_to = add_to  # type: ignore[attr-defined]
    monkeypatch.setattr(cli, "COMMANDS", (*cli.COMMANDS, planted))
    assert cli.main(["planted", "here"]) == 0
    assert capsys.readouterr().out == "planted here\n"
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "a command thought up for a test" in capsys.readouterr().out
