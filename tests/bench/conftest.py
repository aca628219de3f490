"""What tests of commands share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.cli import main

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(called_here: None, capsys: pytest.CaptureFixture[str]) -> Call:
    """`torchpace` called in this process, where torch is imported already: its exit code, output and errors.

    That a process ends with main's code, tests that start one show.
    """

    def called(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as end:  # what argparse refuses
            code = int(end.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return called
