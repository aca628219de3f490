"""Uses of the gate, really run: as docs/ci.md has it, for what can be counted, and for two interpreters."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.bench.toy import ENOUGH_TRIALS, LOOPS, SLOWER, make
from tests.conftest import ROOT
from tests.test_documents import blocks, commands

MODEL = """
import torch


class Model(torch.nn.Linear):
    def __init__(self):
        super().__init__(16, 4)
"""
SLOWED = """
    def forward(self, x):
        for _ in range(200):
            x + x
        return super().forward(x)
"""


def test_a_stranger_gates_a_project_with_the_commands_of_the_document(tmp_path: Path) -> None:
    document = ROOT / "docs" / "ci.md"
    toy = make(tmp_path / "project", warm=True)
    package = toy.folder / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "perf.py").write_text(blocks(document, "python")[0])
    (package / "model.py").write_text(MODEL)
    toy.commit("first")
    (package / "model.py").write_text(MODEL + SLOWED)
    toy.commit("second")
    # Trials are counted instead of two minutes, and what is open shares the hosts of one lane.
    counted = [
        command.replace("--budget 2m", f"--trials {ENOUGH_TRIALS} --lanes 1") for command in commands(document)[:3]
    ]
    listed, gated, exact = (command.split()[1:] for command in counted)
    assert [listed[0], gated[0], exact[0]] == ["list", "gate", "gate"]
    assert "--trials" in gated
    process = toy.start(*listed)
    assert "my_model.inference" in process.communicate()[0]
    code, output, errors = toy.run(*gated)
    assert code == 1, errors
    assert "2 of 2 cases are slower" in output
    code, output, errors = toy.run(*exact)
    assert code == 1, errors
    assert "+200 aten::add" in output


COMPILED = '''
import torch
from workloads import Step, workload
from toy.model import LOOPS

EXTRA = {extra}
kept = []


@workload("toy.memory", item="call")
def memory(setup):
    """Holds on to a tensor while it makes another, or not."""
    x = setup.randn(1024)

    def run():
        y = x * 2
        z = y + 1 if EXTRA else y.add_(1)
        return z.sum()

    return Step(run)


@workload("toy.breaks", item="call", default_modes=("compile",))
def breaks(setup):
    """Asks for a number in the middle of the graph, or not."""
    x = setup.randn(16)

    def step(x):
        largest = x.max().item() if EXTRA else x.max()
        return x / largest

    compiled = setup.compile(step)
    return Step(lambda: compiled(x))


@workload("toy.kernels", item="call", default_modes=("compile",))
def kernels(setup):
    """Breaks a fusion by a product, or not."""
    x, unit = setup.randn(16, 16), torch.eye(16)
    compiled = setup.compile(lambda x: (x.sin() @ unit).cos() if EXTRA else x.sin().cos())
    return Step(lambda: compiled(x))
'''


def test_exact_names_a_tensor_a_graph_break_and_a_kernel_more(vector_instructions: None, tmp_path: Path) -> None:
    toy = make(tmp_path / "project", warm=True)
    toy.write(1)
    for extra in (False, True):
        (toy.folder / "toy" / "perf.py").write_text(COMPILED.format(extra=extra))
        toy.commit(f"extra: {extra}")
    code, output, errors = toy.gate("--exact", "--base", "HEAD~1", "--json", "exact.json")
    assert code == 1, errors
    figures = {
        (row["case"]["workload"].removeprefix("toy."), row["metric"]): row
        for row in json.loads((toy.folder / "exact.json").read_text())["figures"]
    }
    memory = figures["memory", "peak_memory"]
    assert memory["head"] - memory["base"] == 4096
    assert set(figures["memory", "ops"]["came"]) == {"aten::add"}
    assert set(figures["memory", "ops"]["went"]) == {"aten::add_"}
    (place,) = figures["breaks", "graph_breaks"]["came"]
    assert "item" in place
    assert "perf.py:" in place
    kernels = figures["kernels", "kernels"]
    assert (kernels["base"], kernels["head"]) == (1, 2)
    assert "graph_breaks" in output
    assert "+1 aten::add" in output


@pytest.mark.skipif(os.name != "posix", reason="makes an interpreter of a shell script")
def test_two_interpreters_are_compared_on_the_same_code(tmp_path: Path) -> None:
    toy = make(tmp_path / "project")
    toy.write(LOOPS)
    (toy.folder / "toy" / "model.py").write_text(f"import os\nLOOPS = {LOOPS} * int(os.environ.get('TIMES', '1'))\n")
    toy.commit("first")
    slow = tmp_path / "slow-python"
    slow.write_text(f'#!/bin/sh\nTIMES={SLOWER} exec {sys.executable} "$@"\n')
    slow.chmod(0o755)
    here = os.path.relpath(slow, toy.folder)  # as docs/ci.md writes it
    code, output, errors = toy.gate("--head-python", here, "--trials", "1", "--json", "gate.json")
    assert code == 3, errors  # a single trial decides nothing, and shows what is planted
    (row,) = json.loads((toy.folder / "gate.json").read_text())["cases"]
    assert row["ratio"] > SLOWER / 4
    assert "A/A" not in errors
    assert f"run by {slow}" in output
