"""What `torchpace history` refuses, and what it says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli import main
from tests.reports.topics.history.commits import usual, write


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "there is no folder .asv/results here; run `asv run` first, or name record files"),
        (["nowhere"], "cannot read nowhere: No such file"),
        (["empty"], "empty holds no results of torchpace, asv or pytest-benchmark"),
        (["all.jsonl", "--metric", "flops"], "the sources have no flops; they have step_time, peak_memory"),
        (["all.jsonl", "--case", "nothing*"], "--case nothing* matches none of 2 cases, such as mnist.infer(batch=64)"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    folder, commits = project
    (folder / "empty").mkdir()
    write(folder / "all.jsonl", commits[:2], usual)
    assert main(["history", *arguments]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("text", ["much", "-1%", "100%", "nan", "%"])
def test_a_share_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit):
        main(["history", f"--slower-than={text}"])
    assert "is not a share from 0 to below 1, such as 1% or 0.01" in capsys.readouterr().err


def test_the_help_explains_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["history", "--help"])
    assert "--slower-than 1%" in capsys.readouterr().out
