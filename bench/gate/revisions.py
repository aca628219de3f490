"""The two sides of a gate: which code each is, and a folder of its own for it. Measures nothing; knows git.

A side is a git tree written out into a folder that nothing else uses: no worktree is registered, the repository's
index is left alone, and what a working tree holds beyond its last commit goes into an object store that is thrown
away with the folder. A gate that is killed leaves one folder in the temporary directory, which the next one removes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.records.git import GitError, git

WORKING_TREE = "working tree"
FOLDER = Path(".torchpace")  # where a gate keeps its trials, in the folder that it is started in
WRITTEN = FOLDER / "written"  # names the files that gates were told to write
PREFIX = "torchpace-gate-"
LOCK = "lock"
SETTLING_S = 60.0  # a folder younger than this may belong to a gate that has not locked it yet


class SideError(GitError):
    """A side that cannot be had: what was asked for, and what to do."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side: `name` is base or head, `label` what the user called it, `commit` and `tree` what git does.

    root: where its packages lie. python: the interpreter that runs it. cache: the folder of its compilers. dirty: it
    holds uncommitted changes. under: the command that the interpreter is an argument of, and what its environment says
    besides.
    """

    name: str
    label: str
    commit: str
    tree: str
    root: Path
    python: str
    cache: Path
    dirty: bool = False
    under: tuple[Sequence[str], Mapping[str, str]] = ((), MappingProxyType({}))


def repository(folder: Path) -> Path:
    """The top of the repository around `folder`. Raises SideError where there is none."""
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel"))
    except GitError as error:
        raise SideError(f"{folder} is in no git repository, and the gate compares revisions of one: {error}") from error


def resolve(folder: Path, revision: str) -> str:
    """The commit that a revision names. Raises SideError, which says so if the clone is shallow."""
    with contextlib.suppress(GitError):
        return git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if git(folder, "rev-parse", "--is-shallow-repository") == "true":
        raise SideError(
            f"revision {revision!r} is not in this shallow clone; fetch it: `git fetch --unshallow`, "
            f"or `fetch-depth: 0` for actions/checkout"
        )
    raise SideError(
        f"revision {revision!r} is unknown in {folder}; `git branch --all` and `git log` show what there is"
    )


def commits_between(folder: Path, good: str, bad: str) -> list[str]:
    """The commits after `good` up to `bad`, oldest first, along first parents. Raises SideError."""
    first, last = resolve(folder, good), resolve(folder, bad)
    listed = git(folder, "rev-list", "--first-parent", "--reverse", f"{first}..{last}").split()
    if not listed:
        raise SideError(f"{bad} does not come after {good}: there is no commit between them to search")
    return listed


class Checkouts:
    """A locked folder for the trees of one gate; use as a context manager. It is removed at the end."""

    def __init__(self, folder: Path) -> None:
        self.started_in = folder
        self.repository = repository(folder)
        self.prefix = git(folder, "rev-parse", "--show-prefix")
        remove_left_behind()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._settings = self._own_object_store()

    def __enter__(self) -> Checkouts:
        return self

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def side(self, name: str, revision: str, python: str) -> Side:
        """A side at a revision, or at the working tree as it is now; its files are written out. Raises SideError."""
        if revision == WORKING_TREE:
            commit = resolve(self.repository, "HEAD")
            tree = self._tree_of_working_files()
            dirty = tree != git(self.repository, "rev-parse", f"{commit}^{{tree}}")
        else:
            commit = resolve(self.repository, revision)
            tree, dirty = git(self.repository, "rev-parse", f"{commit}^{{tree}}"), False
        root = self._write_out(tree, self.folder / name)
        return Side(name, revision, commit, tree, root, python, self.folder / f"{name}-caches", dirty)

    def _own_object_store(self) -> dict[str, str]:
        """Settings under which git reads the repository's objects and writes new ones elsewhere."""
        common = Path(git(self.repository, "rev-parse", "--git-common-dir"))
        objects = (self.repository / common / "objects").resolve()
        own = self.folder / "objects"
        own.mkdir()
        return {"GIT_OBJECT_DIRECTORY": str(own), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects)}

    def _tree_of_working_files(self) -> str:
        """The tree of all files of the working tree that git does not ignore, untracked ones too.

        Without those that gates have written: what a gate says of a tree is no part of it.
        """
        settings = {**self._settings, "GIT_INDEX_FILE": str(self.folder / "index-of-working-tree")}
        git(self.repository, "read-tree", "HEAD", settings=settings)  # what git follows it does not ignore
        git(self.repository, "add", "--all", settings=settings)
        written = written_by_gates(self.started_in, self.repository.resolve())
        own = [path for path in written if not git(self.repository, "ls-files", "--", path)]
        if own:
            git(self.repository, "rm", "-q", "--cached", "--ignore-unmatch", "--", *own, settings=settings)
        return git(self.repository, "write-tree", settings=settings)

    def _write_out(self, tree: str, folder: Path) -> Path:
        """Write the tree's files into `folder`; the part of them that the gate was started in."""
        settings = {**self._settings, "GIT_INDEX_FILE": str(folder) + ".index"}
        folder.mkdir()
        git(self.repository, "read-tree", tree, settings=settings)
        git(self.repository, "checkout-index", "--all", f"--prefix={folder}{os.sep}", settings=settings)
        return folder / self.prefix


def written_by_gates(folder: Path, repository: Path) -> list[str]:
    """The files that gates in a folder were told to write, and that are there, inside the repository."""
    try:
        listed = (folder / WRITTEN).read_text().splitlines()
    except OSError:
        return []
    return [path for path in dict.fromkeys(listed) if Path(path).is_file() and Path(path).is_relative_to(repository)]


def note_written(paths: Iterable[Path]) -> None:
    """Remember that these files are a gate's, of the folder that it was started in."""
    with WRITTEN.open("a") as file:
        file.writelines(f"{path.resolve()}\n" for path in paths)


def remove_left_behind() -> None:
    """Remove the folders of gates that were killed: those that nobody holds the lock of."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), held_by_nobody(folder) as abandoned:
            if abandoned:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def held_by_nobody(folder: Path) -> Iterator[bool]:
    """Whether a gate's folder has no owner any more; while in the context, this process holds its lock."""
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        yield time.time() - folder.stat().st_mtime > SETTLING_S
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(lock)
