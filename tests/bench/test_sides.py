"""Sides as git has them: revisions, working trees, what is left behind, and what cannot be had."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from bench.gate.revisions import (
    FOLDER,
    PREFIX,
    WORKING_TREE,
    Checkouts,
    SideError,
    commits_between,
    note_written,
    remove_left_behind,
)
from tests.bench.toy import Toy, make


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    toy = make(tmp_path / "project", warm=True)
    toy.write(1)
    toy.commit("first")
    toy.write(2)
    toy.commit("second")
    return toy


def loops(root: Path) -> str:
    return (root / "toy" / "model.py").read_text().strip()


def state(toy: Toy) -> tuple[str, str, int]:
    objects = sum(len(files) for _, _, files in os.walk(toy.folder / ".git" / "objects"))
    return toy.git("status", "--porcelain"), toy.git("worktree", "list"), objects


def test_each_side_has_its_own_files_and_the_repository_is_left_as_it_was(toy: Toy) -> None:
    toy.write(3)
    (toy.folder / "toy" / "new.py").write_text("")
    (toy.folder / ".gitignore").write_text("ignored\n")
    (toy.folder / "ignored").write_text("")
    before = state(toy)
    with Checkouts(toy.folder) as checkouts:
        base = checkouts.side("base", "HEAD~1", "python")
        head = checkouts.side("head", WORKING_TREE, "python")
        assert (loops(base.root), loops(head.root)) == ("LOOPS = 1", "LOOPS = 3")
        assert (head.root / "toy" / "new.py").exists()
        assert not (head.root / "ignored").exists()
        assert (base.dirty, head.dirty) == (False, True)
        assert head.commit == toy.git("rev-parse", "HEAD")
    assert state(toy) == before
    assert not list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


def test_what_gates_have_written_is_no_part_of_the_working_tree(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy.folder)
    (toy.folder / FOLDER).mkdir()
    (toy.folder / FOLDER / ".gitignore").write_text("*\n")
    for name in ("gate.md", "other.md"):
        (toy.folder / name).write_text("")
    tracked = toy.folder / "toy" / "model.py"
    tracked.write_text("LOOPS = 7\n")
    elsewhere = toy.folder.parent / "elsewhere.md"
    elsewhere.write_text("")
    note_written([Path("gate.md"), tracked, Path("gone.md"), elsewhere])
    with Checkouts(toy.folder) as checkouts:
        root = checkouts.side("head", WORKING_TREE, "python").root
        assert not (root / "gate.md").exists()
        assert (root / "other.md").exists()
        assert loops(root) == "LOOPS = 7"  # whoever tells a gate to write over what is measured has changed it
    (toy.folder / "other.md").unlink()
    toy.git("checkout", "toy/model.py")
    with Checkouts(toy.folder) as checkouts:
        assert not checkouts.side("head", WORKING_TREE, "python").dirty


def test_a_file_that_git_follows_is_not_ignored(toy: Toy) -> None:
    (toy.folder / ".gitignore").write_text("model.py\n")
    toy.commit("ignores what it follows")
    with Checkouts(toy.folder) as checkouts:
        head = checkouts.side("head", WORKING_TREE, "python")
        assert loops(head.root) == "LOOPS = 2"
        assert not head.dirty
    (toy.folder / "toy" / "model.py").write_text("LOOPS = 5\n")
    with Checkouts(toy.folder) as checkouts:
        assert loops(checkouts.side("head", WORKING_TREE, "python").root) == "LOOPS = 5"
    (toy.folder / "toy" / "model.py").unlink()
    with Checkouts(toy.folder) as checkouts:
        assert not (checkouts.side("head", WORKING_TREE, "python").root / "toy" / "model.py").exists()


def test_a_clean_working_tree_is_its_commit(toy: Toy) -> None:
    with Checkouts(toy.folder) as checkouts:
        head = checkouts.side("head", WORKING_TREE, "python")
        base = checkouts.side("base", "HEAD", "python")
        assert (head.tree, head.dirty) == (base.tree, False)


def test_a_gate_in_a_folder_of_the_repository_sees_that_folder(toy: Toy) -> None:
    with Checkouts(toy.folder / "toy") as checkouts:
        assert (checkouts.side("base", "HEAD", "python").root / "model.py").exists()


def test_unknown_revisions_and_no_repository_say_what_to_do(toy: Toy, tmp_path: Path) -> None:
    with Checkouts(toy.folder) as checkouts, pytest.raises(SideError, match=r"'nowhere' is unknown.*git branch"):
        checkouts.side("base", "nowhere", "python")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(SideError, match="in no git repository"):
        Checkouts(elsewhere)


def test_a_shallow_clone_without_the_base_says_how_to_fetch_it(toy: Toy, tmp_path: Path) -> None:
    first = toy.git("rev-parse", "HEAD~1")
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{toy.folder}", str(shallow)], check=True)
    with Checkouts(shallow) as checkouts, pytest.raises(SideError, match=r"shallow clone.*fetch-depth: 0"):
        checkouts.side("base", first, "python")


def test_folders_of_dead_gates_are_removed_and_those_of_living_ones_kept(toy: Toy) -> None:
    dead = Path(tempfile.mkdtemp(prefix=PREFIX))
    (dead / "lock").touch()
    young = Path(tempfile.mkdtemp(prefix=PREFIX))
    with Checkouts(toy.folder) as living:
        assert not dead.exists()
        assert young.exists()
        remove_left_behind()
        assert living.folder.exists()


def test_commits_between_are_those_after_the_good_one(toy: Toy) -> None:
    third = toy.commit("third")
    assert commits_between(toy.folder, "HEAD~2", "HEAD") == [toy.git("rev-parse", "HEAD~1"), third]
    with pytest.raises(SideError, match="does not come after"):
        commits_between(toy.folder, "HEAD", "HEAD~1")
