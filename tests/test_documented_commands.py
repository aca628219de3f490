"""Every command in the documents is run, and shows what the text around it says."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from glob import glob
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from bench.cli import main
from bench.runs.ceilings import Choice, Prober
from tests.bench.warm import warm_hosts
from tests.conftest import ROOT
from tests.documented import CHEAPER, ELSEWHERE, SHOWS, TYPED
from tests.reports import stored
from tests.test_documents import DOCUMENTS, README, blocks, commands
from workloads import WORKLOADS, Setup, host64, near
from workloads.base import Step, load_suite

DOCS = ROOT / "docs"
RUN = (README, DOCS / "commands.md", DOCS / "profiles.md", DOCS / "ci.md")
OWN = DOCS / "your-workloads.md"
MODEL = """
import torch


class Model(torch.nn.Linear):
    def __init__(self):
        super().__init__(16, 4)
"""


def key_of(command: str) -> str:
    """The longest beginning of the command for which is said what shows it; empty for none."""
    return max((key for key in (*TYPED, *ELSEWHERE, *SHOWS) if command.startswith(key)), key=len, default="")


def test_of_every_command_is_said_what_shows_it() -> None:
    keys = {command: key_of(command) for path in DOCUMENTS for command in commands(path)}
    assert [command for command, key in keys.items() if not key] == []
    assert {*TYPED, *ELSEWHERE, *SHOWS} == set(keys.values())
    for place in ELSEWHERE.values():
        path, name = place.split("::")
        tree = ast.parse((ROOT / path).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, place
    for documented, _ in CHEAPER:
        assert any(documented in command for command in keys), documented


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workloads with a history of one commit: what a gate reads of a project."""
    folder = tmp_path_factory.mktemp("documents") / "torchpace"
    shutil.copytree(ROOT / "workloads", folder / "workloads", ignore=shutil.ignore_patterns("__pycache__"))
    identity = "git -c user.name=test -c user.email=test@example.org"
    subprocess.run(f"git init -q && git add -A && {identity} commit -qm base", shell=True, cwd=folder, check=True)
    return folder


def cheaper(command: str) -> str:
    for documented, instead in CHEAPER:
        command = command.replace(documented, instead)
    return command


def shown(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command prints, and the words of the page that it writes."""
    words = shlex.split(command)
    if words[0] == "torchpace":
        arguments = [name for word in words[1:] for name in (sorted(glob(word)) if "/*" in word else [word])]
        assert main(arguments) == 0, f"{command}\n{capsys.readouterr().err}"
    else:
        folder = Path.cwd()  # pytest runs where the tests are, and writes here
        here = [word.replace("-json=", f"-json={folder}/") for word in words[1:]]
        alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
        done = subprocess.run([sys.executable, *here], cwd=ROOT, env=alone, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        print(done.stdout)
    text = capsys.readouterr().out
    target = Path(words[words.index("-o") + 1]) if "-o" in words else Path("none")
    page = target / "report.html" if target.is_dir() else target
    if page.suffix == ".html" and page.exists():
        body = re.sub(r"<(style|script).*?</\1>", "", page.read_text(), flags=re.DOTALL)
        text += "\n" + " ".join(re.sub(r"<[^>]+>", " ", body).split())
    return text


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.name)
def test_every_command_shows_what_its_document_says(
    path: Path, checkout: Path, fork_server: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    warm_hosts(monkeypatch)
    # Which product fits a budget depends on the machine; the smallest is measured within any.
    monkeypatch.setattr(Prober, "scouted", lambda self, candidates: Choice(dict(candidates[0].point)))
    for command in commands(path):
        if expected := SHOWS.get(key_of(command)):
            text = shown(cheaper(command), capsys)
            for pattern in expected:
                assert re.search(pattern, text), f"{command} does not show {pattern}:\n{text}"


def test_the_readmes_table_has_the_columns_that_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored.store(tmp_path / "a.jsonl", stored.first_run())
    assert main(["compare", str(tmp_path / "a.jsonl")]) == 0
    (printed,) = {columns(line) for line in capsys.readouterr().out.splitlines() if "FLOP/step" in line}
    (documented,) = {columns(line) for line in README.read_text().splitlines() if "FLOP/step" in line}
    assert documented == printed


def columns(header: str) -> tuple[str, ...]:
    """The headings of a table of steps, without the subject."""
    return tuple(re.split(r"\s{2,}", header)[1:])


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's package as the document has it; what it registers is forgotten afterwards."""
    known = dict(WORKLOADS)
    folder = tmp_path / "my_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    forget_the_package()
    (folder / "model.py").write_text(MODEL)
    (folder / "perf.py").write_text(blocks(OWN, "python")[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield folder
    WORKLOADS.clear()
    WORKLOADS.update(known)
    forget_the_package()


def forget_the_package() -> None:
    """Another test of this process may have imported one of the same name."""
    for name in [name for name in sys.modules if name.split(".")[0] == "my_package"]:
        del sys.modules[name]


def test_a_users_package_works_as_documented(
    package: Path, fork_server: None, capsys: pytest.CaptureFixture[str]
) -> None:
    listed, ran, compared = (shown(f"{command}{more}", capsys) for command, more in zip(
        commands(OWN), ("", " --quick --launches 1 --device cpu", ""), strict=True
    ))  # fmt: skip
    assert re.search(r"my_model\.forward  \(2 points\)\n.*\n    batch: 1, 64\nmy_model\.train_step", listed)
    for text in (ran, compared):
        assert len(re.findall(r"^(?:forward|train_step) .*(?:eager|compile) .* sample/s", text, re.MULTILINE)) == 6
        assert "broken" not in text
        assert "checked" not in text


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("check=near(lambda: right(1)[0])", r"broken .* wrong answer: .*the last answer; .* needs check_first instead"),
        ("check_first=losses_near(lambda count: 2 * right(count))", r"broken .* wrong answer: .*loss 1 of the first 3"),
        ("check=None", r"train_step .* not checked "),
    ],
)  # fmt: skip
def test_a_check_says_what_is_wrong_with_it_as_documented(
    package: Path, fork_server: None, capsys: pytest.CaptureFixture[str], check: str, says: str
) -> None:
    perf = package / "perf.py"
    text = perf.read_text()
    assert text.count("check_first=losses_near(right)") == 1
    perf.write_text(text.replace("check_first=losses_near(right)", check))
    options = "--workloads my_package.perf --mode eager --device cpu --quick --launches 1 -o mine.jsonl"
    main(["run", "my_model.train_step", *options.split()])
    assert re.search(says, " ".join(capsys.readouterr().out.split()))  # a long reason is broken into lines


def test_the_workload_of_the_suite_in_the_document_is_one() -> None:
    built: dict[str, Callable[..., Step]] = {}

    def workload(name: str, **options: object) -> Callable[[Callable[..., Step]], None]:
        return lambda builder: built.update({name: builder})

    (block,) = blocks(OWN, "py")
    exec(block, {"workload": workload, "F": F, "Step": Step, "near": near, "host64": host64})
    ((name, builder),) = built.items()
    assert name in load_suite()
    step = builder(Setup(torch.device("cpu")), 8)
    assert step.check
    step.check(step.run())
