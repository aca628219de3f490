"""The gate as a user runs it, on a project of its own: what it finds, what it survives, what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench.cli import main
from bench.gate.revisions import PREFIX
from bench.records.files import read
from tests.bench.toy import Toy, make
from tests.conftest import ROOT
from tests.test_documents import blocks, commands

DIES = "os.kill(os.getpid(), signal.SIGKILL)"
HANGS = "time.sleep(1000)"
RAISES = "raise ValueError('planted <b>')"
WRONG = "return x"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """First commit: all is well. Second: the loop is twice as long, and cases fail in every way."""
    toy = make(tmp_path_factory.mktemp("gate") / "project")
    toy.write(20_000, steady="pass", dies="pass", hangs="pass", raises="pass", wrong="pass", gone="pass")
    toy.commit("first")
    toy.write(40_000, steady="pass", dies=DIES, hangs=HANGS, raises=RAISES, wrong=WRONG, came="pass")
    toy.commit("second")
    return toy


@pytest.fixture(scope="module")
def outcome(toy: Toy) -> tuple[int, str, dict[str, Any]]:
    """One gate between the two, with every file it can write; what is the same to 20 % ends it before its budget."""
    code, output, errors = toy.run(
        "gate", "--base", "HEAD~1", "--budget", "90s", "--timeout", "6", "--same-within", "20%", "--all",
        "--json", "out/gate.json", "--markdown", "out/gate.md", "--junit", "out/gate.xml", "--html", "out/gate.html",
    )  # fmt: skip
    assert (toy.folder / "out" / "gate.json").exists(), errors
    return code, output, json.loads((toy.folder / "out" / "gate.json").read_text())


def rows(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["case"]["workload"].removeprefix("toy."): row for row in body["cases"]}


@pytest.mark.timing
def test_the_slowed_case_is_named_and_no_other(outcome: tuple[int, str, dict[str, Any]]) -> None:
    found = rows(outcome[2])
    assert [name for name, row in found.items() if row["verdict"] == "slower"] == ["loops"]
    assert found["loops"]["low"] > 1.5
    assert found["steady"]["verdict"] in ("same", "undecided")


@pytest.mark.timing
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("dies", "SIGKILL"),
        ("hangs", "did not answer within 6 s"),
        ("raises", "planted <b> at perf.py"),
        ("wrong", "wrong"),
    ],
)
def test_what_breaks_on_one_side_is_broken_and_says_why(
    outcome: tuple[int, str, dict[str, Any]], name: str, says: str
) -> None:
    row = rows(outcome[2])[name]
    assert row["verdict"] == "broken"
    assert row["reason"].startswith("head: ")
    assert says in row["reason"]
    assert outcome[0] == 2


@pytest.mark.timing
def test_cases_of_one_side_are_listed(outcome: tuple[int, str, dict[str, Any]]) -> None:
    found = rows(outcome[2])
    assert (found["came"]["verdict"], found["gone"]["verdict"]) == ("new", "missing")
    assert "new: toy.came" in outcome[1]


@pytest.mark.timing
def test_every_file_says_the_same(toy: Toy, outcome: tuple[int, str, dict[str, Any]]) -> None:
    out = toy.folder / "out"
    markdown, page = (out / "gate.md").read_text(), (out / "gate.html").read_text()
    suite = ElementTree.parse(out / "gate.xml").getroot()[0]
    assert (suite.get("failures"), suite.get("errors")) == ("1", "4")
    failed = [case.get("classname") for case in suite if case.find("failure") is not None]
    assert failed == ["toy.loops"]
    for text in (markdown, page, outcome[1]):
        assert outcome[2]["verdict"] in text
        assert "toy.loops" in text
    assert "planted &lt;b&gt;" in page
    assert "<script" not in page
    assert "torchpace gate --workloads toy.perf --base" in markdown.replace("\n", " ")


@pytest.mark.timing
def test_nothing_is_left_behind(toy: Toy, outcome: tuple[int, str, dict[str, Any]]) -> None:
    assert not list(toy.temporary().glob(f"{PREFIX}*"))
    assert toy.git("worktree", "list").count("\n") == 0
    assert not processes_of(toy)


def processes_of(toy: Toy) -> list[str]:
    """Hosts that work for the toy project."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if "host.py" in line and str(toy.temporary()) in line:
            found.append(line)
    return found


@pytest.mark.timing
def test_trials_are_ordinary_records_of_both_sides(toy: Toy, outcome: tuple[int, str, dict[str, Any]]) -> None:
    (path,) = (toy.folder / ".torchpace").glob("gate-*.jsonl")
    contents = read(path)
    sides = {record.run.rpartition("/")[2] for record in contents.records}
    assert sides == {"base", "head"}
    commits = {environment.get("commit") for environment in contents.environments.values()}
    assert commits == {toy.git("rev-parse", "HEAD"), toy.git("rev-parse", "HEAD~1")}
    loops = [record for record in contents.records if record.case.workload == "toy.loops"]
    base, head = ({r.launch: r for r in loops if r.run.endswith(side)} for side in ("base", "head"))
    assert set(base) == set(head) == set(range(len(base)))
    for trial, record in base.items():
        assert record.steps_per_value == head[trial].steps_per_value
        assert len(record.values) == len(head[trial].values) > 3


@pytest.mark.timing
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks processes up in /proc")
def test_a_killed_gate_leaves_nothing_and_its_trials_are_used_again(tmp_path: Path) -> None:
    toy = make(tmp_path / "project")
    toy.write(20_000)
    toy.commit("first")
    toy.write(30_000)
    toy.commit("second")
    process = toy.start("gate", "--base", "HEAD~1", "--budget", "60s")
    until(lambda: any(trials_in(path) >= 2 for path in (toy.folder / ".torchpace").glob("gate-*.jsonl")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: not processes_of(toy))
    (path,) = (toy.folder / ".torchpace").glob("gate-*.jsonl")
    measured = len(read(path).records)
    assert measured >= 2
    code, output, errors = toy.run("gate", "--base", "HEAD~1", "--budget", "60s", "--resume")
    assert code == 1, errors
    assert "toy.loops" in output
    assert list((toy.folder / ".torchpace").glob("gate-*.jsonl")) == [path]
    assert len(read(path).records) > measured
    assert not list(toy.temporary().glob(f"{PREFIX}*"))


def trials_in(path: Path) -> int:
    """How many records a gate under way has written whole so far."""
    return sum('"kind": "record"' in line for line in path.read_text().splitlines()[:-1])


def until(true: Any) -> None:
    """Wait for something that another process does, up to five minutes of a slow machine's time."""
    for _ in range(3000):
        if true():
            return
        time.sleep(0.1)
    pytest.fail("it did not happen")


def test_bad_input_is_one_line_that_says_what_to_do(
    toy: Toy, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # In this process, where torch is imported already.
    monkeypatch.chdir(toy.folder)
    monkeypatch.setattr(tempfile, "tempdir", str(toy.temporary()))
    for arguments, says in (
        ((), "needs --base REV"),
        (("--base", "nowhere"), "'nowhere' is unknown"),
        (("--base", "HEAD", "--head-python", "/no/python"), "no interpreter at /no/python"),
        (("--base", "HEAD", "--slower-than", "5%"), "smaller than --slower-than"),
        (("--base", "HEAD", "--self-test"), "leave --base"),
        (("--base", "HEAD", "--budget", "ten"), "is not a time above 0"),
        (("--base", "HEAD", "toy.nothing"), "no workload matches 'toy.nothing'"),
        (("--base", "HEAD", "--resume"), "nothing to resume"),
    ):
        try:
            code = main(["gate", "--workloads", "toy.perf", *arguments])
        except SystemExit as end:  # what argparse refuses
            code = end.code
        captured = capsys.readouterr()
        assert (code, captured.out) == (2, ""), arguments
        assert says in captured.err.splitlines()[-1]


def test_a_side_that_does_not_import_or_has_no_workloads_is_named(tmp_path: Path) -> None:
    toy = make(tmp_path / "project")
    (toy.folder / "README").write_text("")
    toy.commit("before there were workloads")
    toy.write(10)
    toy.commit("workloads")
    code, _, errors = toy.run("gate", "--base", "HEAD~1")
    assert code == 2
    assert "base (HEAD~1) does not import" in errors
    assert "no toy/perf" in errors
    (toy.folder / "toy" / "model.py").write_text("LOOPS = 1 / 0\n")
    code, _, errors = toy.run("gate", "--base", "HEAD")
    assert code == 2
    assert "head (working tree) does not import: ZeroDivisionError: division by zero at model.py:1" in errors


@pytest.mark.timing
def test_identical_sides_are_said_to_be_an_a_a_run_and_too_little_time_is_undecided(tmp_path: Path) -> None:
    toy = make(tmp_path / "project")
    toy.write(20_000)
    toy.commit("first")
    code, output, errors = toy.run("gate", "--base", "HEAD", "--budget", "3s")
    assert code == 3
    assert "A/A" in errors
    assert "undecided: toy.loops" in output
    assert toy.run("gate", "--base", "HEAD", "--budget", "3s", "--undecided", "pass")[0] == 0


@pytest.mark.timing
def test_a_stranger_gates_a_project_with_the_commands_of_the_document(tmp_path: Path) -> None:
    document = ROOT / "docs" / "ci.md"
    toy = make(tmp_path / "project")
    package = toy.folder / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "perf.py").write_text(blocks(document, "python")[0])
    model = "import torch\nclass Model(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(16, 4)\n"
    (package / "model.py").write_text(model)
    toy.commit("first")
    slower = (
        "    def forward(self, x):\n        for _ in range(20):\n            x + x\n        return super().forward(x)\n"
    )
    (package / "model.py").write_text(model + slower)
    toy.commit("second")
    listed, gated, exact = (command.split()[1:] for command in commands(document)[:3])
    assert [listed[0], gated[0], exact[0]] == ["list", "gate", "gate"]
    assert "my_model.inference" in run(toy, listed)[1]
    code, output = run(toy, gated)
    assert code == 1
    assert "2 of 2 cases are slower" in output
    code, output = run(toy, exact)
    assert code == 1
    assert "+20 aten::add" in output


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


def test_exact_names_a_tensor_a_graph_break_and_a_kernel_more(tmp_path: Path) -> None:
    toy = make(tmp_path / "project")
    toy.write(1)
    for extra in (False, True):
        (toy.folder / "toy" / "perf.py").write_text(COMPILED.format(extra=extra))
        toy.commit(f"extra: {extra}")
    code, output, errors = toy.run("gate", "--exact", "--base", "HEAD~1", "--json", "exact.json")
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


@pytest.mark.timing
@pytest.mark.skipif(os.name != "posix", reason="makes an interpreter of a shell script")
def test_two_interpreters_are_compared_on_the_same_code(tmp_path: Path) -> None:
    toy = make(tmp_path / "project")
    toy.write(20_000)
    (toy.folder / "toy" / "model.py").write_text("import os\nLOOPS = int(os.environ.get('TOY_LOOPS', '20000'))\n")
    toy.commit("first")
    slow = tmp_path / "slow-python"
    slow.write_text(f'#!/bin/sh\nTOY_LOOPS=40000 exec {sys.executable} "$@"\n')
    slow.chmod(0o755)
    code, output, errors = toy.run("gate", "--head-python", str(slow), "--budget", "90s")
    assert code == 1, errors
    assert "A/A" not in errors
    assert f"run by {slow}" in output


def run(toy: Toy, arguments: list[str]) -> tuple[int, str]:
    """Exit code and output of `torchpace` in a project, with the arguments as a document gives them."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.cli", *arguments], cwd=toy.folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip
    return done.returncode, done.stdout
