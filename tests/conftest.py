"""What all tests share: digits and compiled code, in folders of their own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path

import pytest

from bench.measure.fresh import PRELOAD, Launcher

with contextlib.suppress(ModuleNotFoundError):  # tests/perf does without
    from hypothesis import settings

    # No ordinary test fails because a machine is slow.
    settings.register_profile("torchpace", deadline=None)
    settings.load_profile("torchpace")

PERF = Path(__file__).parent / "perf"
ROOT = Path(__file__).parent.parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # tests/perf takes times; it runs when asked for by --benchmark-only, never among the ordinary tests.
    if collection_path == PERF and not config.getoption("--benchmark-only", default=False):
        return True
    return None


@pytest.fixture(scope="session")
def shared_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for this session, and for all processes among which its tests are divided."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(scope="session")
def vector_instructions(shared_folder: Path) -> Iterator[None]:
    """Search once for this processor's vector instructions: a compiler with an empty cache folder does so, for 9 s.

    Where all that the processor claims to have can be used, whatever is started from here is told so.
    """
    from torch._inductor import config, cpu_vec_isa

    listed = cpu_vec_isa.valid_vec_isa_list.__wrapped__
    with pytest.MonkeyPatch.context() as patch:
        with pytest.MonkeyPatch.context() as searching:
            searching.setenv("TORCHINDUCTOR_CACHE_DIR", str(shared_folder / "instructions"))
            found = listed()
        with config.patch({"cpp.vec_isa_ok": True}):
            claimed = listed()
        if found == claimed:
            patch.setenv("TORCHINDUCTOR_VEC_ISA_OK", "1")
        yield


@pytest.fixture(scope="session")
def compiled_code(shared_folder: Path, vector_instructions: None) -> str:
    """A compilers' cache folder for tests that do not ask what compiling takes: what they share is compiled once."""
    return str(shared_folder / "compiled")


@pytest.fixture(scope="session")
def fork_server(vector_instructions: None) -> None:
    """The process from which a Launcher forks, with the compiler imported: each compiled case would do so for 2 s."""
    Launcher(timeout_s=1)  # as it sets the environment, and what is imported
    multiprocessing.get_context("forkserver").set_forkserver_preload([*PRELOAD, "torch._inductor.compile_fx"])
    forkserver.ensure_running()


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
