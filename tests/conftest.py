"""What all tests share: digits and compiled code, in folders of their own."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path

import pytest
import torch

import tests
from bench.runs import fresh
from bench.runs.fresh import Launcher
from tests.compilers import WORK, vector_instructions_work
from workloads.base import WORKLOADS

with contextlib.suppress(ModuleNotFoundError):  # tests/perf does without
    from hypothesis import settings

    # No ordinary test fails because a machine is slow.
    settings.register_profile("torchpace", deadline=None)
    settings.load_profile("torchpace")

# Tests run beside each other: threads of one that wait for a core spin, and take it from the others.
torch.set_num_threads(1)

fresh.PRELOAD = (*fresh.PRELOAD, "tests.preload")

PERF = Path(__file__).parent / "perf"
ROOT = Path(__file__).parent.parent
# Files whose tests share nothing that takes long to make: any process may take any of them. All others stay together.
SPREAD = ("test_suite.py", "test_answers.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # tests/perf takes times; it runs when asked for by --benchmark-only, never among the ordinary tests.
    if collection_path == PERF and not config.getoption("--benchmark-only", default=False):
        return True
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    return (os.cpu_count() or 1) + 1  # they often wait for processes that they started


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    from xdist.scheduler import LoadFileScheduling

    class Divided(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return nodeid if file.endswith(SPREAD) else file

    return Divided(config, log)


@pytest.fixture(scope="session")
def shared_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for this session, and for all processes among which its tests are divided."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(scope="session")
def compiled_code(shared_folder: Path) -> str:
    """A compilers' cache folder for tests that do not ask what compiling takes: what they share is compiled once."""
    return str(shared_folder / "compiled")


@pytest.fixture(scope="session")
def vector_instructions() -> Iterator[None]:
    """For what compiles and is not forked from the fork server: which instructions there are is known."""
    with pytest.MonkeyPatch.context() as patch:
        if vector_instructions_work():
            patch.setenv(WORK, "1")
        yield


@pytest.fixture(scope="session")
def fork_server() -> None:
    """The process from which a Launcher forks, started before the first test that waits for it."""
    Launcher(timeout_s=1)  # as it sets the environment, and what is imported
    forkserver.ensure_running()


real_lay_out = Launcher.lay_out


@pytest.fixture(scope="session", autouse=True)
def one_layout() -> Iterator[None]:
    """No test but those of layouts waits for a fork server to be started anew at every launch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Launcher, "lay_out", lambda launcher, layout, imports=(): False)
        yield


@pytest.fixture(scope="session", autouse=True)
def data_folder(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Digits drawn for this session, so that no test depends on what the user's cache holds."""
    folder = shared_folder / "data"
    folder.mkdir(exist_ok=True)
    # Nor on the ceilings in it.
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    previous = os.environ.get("TORCHPACE_DATA")
    os.environ["TORCHPACE_DATA"] = str(folder)
    yield folder
    if previous is None:
        del os.environ["TORCHPACE_DATA"]
    else:
        os.environ["TORCHPACE_DATA"] = previous


@pytest.fixture(scope="module", autouse=True)
def own_workloads() -> Iterator[None]:
    """What one file's tests make workloads of is unknown to the next file's, whichever process runs both."""
    before = dict(WORKLOADS)
    yield
    for module in {WORKLOADS[name].builder.__module__ for name in WORKLOADS.keys() - before.keys()}:
        package, _, name = module.rpartition(".")
        sys.modules.pop(module, None)
        if package in sys.modules:
            vars(sys.modules[package]).pop(name, None)  # else `from package import name` would find it again
    WORKLOADS.clear()
    WORKLOADS.update(before)


@pytest.fixture
def called_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """For commands called in this process with --workloads: they import what is planted as a new process would."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in [name for name in sys.modules if name.startswith("tests.planted")]:
        monkeypatch.delitem(sys.modules, name)
        monkeypatch.delattr(tests, name.removeprefix("tests."), raising=False)
    for name in [name for name in WORKLOADS if name.startswith("planted.")]:
        monkeypatch.delitem(WORKLOADS, name)
