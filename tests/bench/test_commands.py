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


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("profile", "--trace", "t.json", "--device", "cpu", "--threads", "2"), "leave --device, --threads out"),
        (("profile", "--trace", "t.json", "--mode", "compile", "--dtype", "bfloat16"), "leave --mode, --dtype out"),
        (("profile", "--trace", "t.json", "--axis", "batch=1", "--timeout", "9"), "leave --axis, --timeout out"),
        (("profile", "--trace", "t.json", "--data", "d", "--workloads", "m"), "leave --data, --workloads out"),
        (("data", "digits", "--data", "folder"), "with digits, leave --data out"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused_in_one_line(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert captured.err.count("\n") == 1
