"""The documented ways to divide a run among machines, their scripts really run: each shard is asked for, and joined."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from bench.cli import parser
from tests.test_documents import blocks
from tests.test_workflows import MANY, program, run, script


def asked_for(folder: Path) -> list[list[str]]:
    """What `torchpace` was called with, call by call."""
    return [ast.literal_eval(line) for line in (folder / "given").read_text().splitlines()]


@pytest.mark.skipif(os.name != "posix", reason="runs the scripts with bash")
def test_shards_in_actions_measure_their_own_and_are_joined(tmp_path: Path) -> None:
    program(tmp_path, "torchpace", "")
    run(script(MANY.name, "measure"), tmp_path, SHARD="3")
    (tmp_path / "shard-3.jsonl").write_text("")
    run(script(MANY.name, "join"), tmp_path)
    measured, joined, reported = asked_for(tmp_path)
    assert parser().parse_args(measured).shard == (3, 4)
    assert joined == ["merge", "shard-3.jsonl", "-o", "all.jsonl"]
    assert reported == ["report", "all.jsonl", "-o", "report.html"]


@pytest.mark.skipif(os.name != "posix", reason="runs the scripts with bash")
def test_a_job_of_an_array_measures_its_shard_and_then_goes_on_with_it(tmp_path: Path) -> None:
    program(tmp_path, "torchpace", "")
    array, ssh = blocks(MANY, "bash")
    for _ in range(2):
        run(array, tmp_path, SLURM_ARRAY_TASK_ID="5", SLURM_ARRAY_TASK_COUNT="8")
        (tmp_path / "shards" / "5.jsonl").write_text("something")
    first, then = asked_for(tmp_path)
    assert parser().parse_args(first).shard == (5, 8)
    assert then == ["run", "--resume", "shards/5.jsonl"]
    program(tmp_path, "torchpace", 'sys.exit(2 if "--resume" in sys.argv else 0)')  # begun on another node
    run(array, tmp_path, SLURM_ARRAY_TASK_ID="5", SLURM_ARRAY_TASK_COUNT="8")
    assert asked_for(tmp_path)[2:] == [then, first]
    (tmp_path / "given").unlink()
    program(tmp_path, "torchpace", "")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "given").symlink_to(tmp_path / "given")
    program(tmp_path, "ssh", 'import subprocess; subprocess.run(["bash", "-c", sys.argv[2]], check=True)')
    program(tmp_path, "scp", "import pathlib; pathlib.Path(sys.argv[2]).write_text(sys.argv[1])")
    run(ssh, tmp_path)
    *shards, joined = (each for each in asked_for(tmp_path) if each[0] in ("run", "merge"))
    assert sorted(parser().parse_args(each).shard for each in shards) == [(1, 3), (2, 3), (3, 3)]
    assert joined == ["merge", "shard-1.jsonl", "shard-2.jsonl", "shard-3.jsonl", "-o", "all.jsonl"]
