"""What runs in CI: whatever a pull request names is data to its scripts, and what runs its code may write nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.test_documents import blocks

FOLDER = ROOT / ".github" / "workflows"
SOURCES = {path.name: path.read_text() for path in sorted(FOLDER.glob("*.yml"))}
MANY = ROOT / "docs" / "many-machines.md"
SOURCES |= {"action.yml": (ROOT / "action.yml").read_text(), "docs/ci.md": blocks(ROOT / "docs" / "ci.md", "yaml")[0]}
SOURCES |= {MANY.name: blocks(MANY, "yaml")[0]}
NASTY = ("$(touch x)", '"; touch x; "', "`touch x`", "'; touch x; '", "a\ntouch x", "--all; touch x")


def steps_of(source: str) -> list[dict[str, Any]]:
    body = yaml.safe_load(SOURCES[source])
    jobs = [body["runs"]] if "runs" in body else body["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def script(source: str, name: str) -> str:
    (step,) = (step for step in steps_of(source) if step.get("name") == name)
    return str(step["run"])


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_expands_in_a_script(source: str) -> None:
    for step in steps_of(source):
        assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("source", SOURCES)
def test_actions_are_pinned_by_commit(source: str) -> None:
    for step in steps_of(source):
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}|\./", step.get("uses", "./"))
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "action.yml"])
def test_what_runs_a_pull_request_s_code_may_write_nothing(source: str) -> None:
    body = yaml.safe_load(SOURCES[source])
    assert body["permissions"] == {}
    assert body["concurrency"]["group"]
    triggers = body[True]  # YAML 1.1 reads `on` so
    for job in body["jobs"].values():
        granted = set(job["permissions"].values())
        runs_it = any(step.get("uses", "").startswith(("actions/checkout@", "./")) for step in job["steps"])
        assert not (runs_it and "write" in granted)
        assert "workflow_run" not in triggers or not runs_it


def run(text: str, folder: Path, **variables: str) -> str:
    """Run a step's script as the runner does, in a folder whose `bin` comes first on the path."""
    environment = {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), **variables}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text], cwd=folder, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def program(folder: Path, name: str, body: str) -> Path:
    """A program on the path that says what it was given, an argument a line."""
    (folder / "bin").mkdir(exist_ok=True)
    path = folder / "bin" / name
    path.write_text(
        f'#!{sys.executable}\nimport os, sys\nopen("given", "a").write(repr(sys.argv[1:]) + "\\n")\n{body}\n'
    )
    path.chmod(0o755)
    return path


@pytest.mark.skipif(os.name != "posix", reason="runs the scripts with bash")
@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize(
    ("source", "step"),
    [("action.yml", "exact"), ("action.yml", "gate"), ("docs/ci.md", "exact"), ("docs/ci.md", "gate")],
)
def test_a_branch_s_name_is_an_argument_and_nothing_else(tmp_path: Path, source: str, step: str, name: str) -> None:
    torchpace = program(tmp_path, "torchpace", "")
    given = {"BASE": name, "WORKLOADS": name, "BUDGET": name, "UNDECIDED": "pass", "PYTHON": str(torchpace)}
    run(script(source, step), tmp_path, **given)
    assert not (tmp_path / "x").exists()
    (arguments,) = (tmp_path / "given").read_text().splitlines()
    assert repr(name) in arguments


@pytest.mark.skipif(os.name != "posix", reason="runs the scripts with bash")
@pytest.mark.parametrize("source", ["action.yml", "docs/ci.md"])
def test_the_summary_is_what_was_said(tmp_path: Path, source: str) -> None:
    folder = tmp_path / ".torchpace" / "said" if source == "action.yml" else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gate.md").write_text("$(touch x)\n")
    run(script(source, "summary"), tmp_path, GITHUB_STEP_SUMMARY="summary")
    assert (tmp_path / "summary").read_text() == "$(touch x)\n"
    assert not (tmp_path / "x").exists()


GH = """
given = sys.argv[1:]
if "--paginate" in given:
    print(os.environ["FOUND"])
elif "--method" in given:
    open("said", "w").write(open("body.md").read())
"""


@pytest.mark.skipif(os.name != "posix", reason="runs the scripts with bash")
@pytest.mark.parametrize(
    ("found", "method", "end"), [("", "POST", "issues/7/comments"), ("123\n456", "PATCH", "comments/123")]
)
def test_a_comment_is_new_or_its_own(tmp_path: Path, found: str, method: str, end: str) -> None:
    program(tmp_path, "gh", GH)
    (tmp_path / "found" / "said").mkdir(parents=True)
    (tmp_path / "found" / "said" / "gate.md").write_text("`touch x` $(touch x)\n" + "long " * 20_000)
    run(script("gate-comment.yml", "comment"), tmp_path, REPOSITORY="a/b", NUMBER="7", GH_TOKEN="t", FOUND=found)
    asked, told = (tmp_path / "given").read_text().splitlines()
    assert "startswith(env.MARK)" in asked
    assert "github-actions[bot]" in asked
    assert repr(method) in told
    assert f"{end}'" in told
    said = (tmp_path / "said").read_text()
    assert said.startswith("<!-- torchpace gate -->\n`touch x` $(touch x)\n")
    assert len(said) < 65_536  # what GitHub takes
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(os.name != "posix", reason="runs the scripts with bash")
def test_a_gate_that_said_nothing_has_no_comment(tmp_path: Path) -> None:
    program(tmp_path, "gh", GH)
    assert "said nothing" in run(script("gate-comment.yml", "comment"), tmp_path, REPOSITORY="a/b", NUMBER="7")
    assert not (tmp_path / "given").exists()


def test_the_document_s_workflow_passes_the_review_too(tmp_path: Path) -> None:
    zizmor = Path(sys.executable).parent / "zizmor"
    if not zizmor.exists():
        pytest.skip("zizmor is not installed beside this Python")
    path = tmp_path / ".github" / "workflows" / "gate.yml"
    path.parent.mkdir(parents=True)
    path.write_text(SOURCES["docs/ci.md"])
    done = subprocess.run(
        [str(zizmor), "--offline", "--no-progress", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    path.write_text(SOURCES["docs/ci.md"].replace('--base "$BASE"', "--base ${{ github.head_ref }}"))
    done = subprocess.run(
        [str(zizmor), "--offline", "--no-progress", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0  # it can fail


OTHER = ROOT / "docs" / "other-ci.md"
NO_NAMES = [name for name in NASTY if "\n" not in name]  # what git takes for a branch


def gitlab() -> dict[str, Any]:
    return dict(yaml.safe_load(blocks(OTHER, "yaml")[0]))


def jenkins() -> list[str]:
    """The scripts of the pipeline's steps, which Groovy does not expand."""
    (text,) = blocks(OTHER, "groovy")
    assert text.count("sh '''") == text.count("sh ")
    return re.findall(r"sh '''(.*?)'''", text, re.DOTALL)


@pytest.mark.skipif(os.name != "posix", reason="runs the scripts with bash")
@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize("job", ["exact", "gate"])
def test_in_gitlab_a_name_is_an_argument_and_nothing_else(tmp_path: Path, job: str, name: str) -> None:
    program(tmp_path, "torchpace", "")
    run("\n".join(gitlab()[job]["script"]), tmp_path, CI_MERGE_REQUEST_DIFF_BASE_SHA=name)
    assert not (tmp_path / "x").exists()
    assert repr(name) in (tmp_path / "given").read_text()


def test_the_gitlab_jobs_share_what_they_extend_and_report_what_they_write() -> None:
    body = gitlab()
    shared = body[".torchpace"]
    assert shared["variables"]["GIT_DEPTH"] == "0"
    for name in ("exact", "gate"):
        assert body[name]["extends"] == ".torchpace"
        assert f"--junit {name}.xml" in body[name]["script"][0]


@pytest.mark.skipif(os.name != "posix", reason="runs the scripts with bash")
@pytest.mark.parametrize("name", NO_NAMES)
def test_in_jenkins_a_name_is_an_argument_and_nothing_else(tmp_path: Path, name: str) -> None:
    git = program(tmp_path, "git", "")
    python = program(tmp_path, "python", "")
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    for other in ("pip", "uv", "torchpace"):
        (folder / other).write_bytes(python.read_bytes())
        (folder / other).chmod(0o755)
    for script in jenkins():
        run(script, tmp_path, CHANGE_TARGET=name)
    assert git.exists()
    assert not (tmp_path / "x").exists()
    given = (tmp_path / "given").read_text().splitlines()
    assert sum(repr(f"origin/{name}") in line for line in given) == 2
    assert repr(f"+refs/heads/{name}:refs/remotes/origin/{name}") in given[-3]
