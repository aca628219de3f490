"""Fresh processes: what they start themselves, what they leave behind, and how they are forked."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.records.errors import Death
from bench.runs import fresh
from bench.runs.fresh import Launcher, see_off

THREADS = """
import os
import bench.preload.suite
before = len(os.listdir("/proc/self/task"))
from workloads.shared import mnist_data
mnist_data.prepare()
import bench.preload.vision
print(mnist_data.pixels.cache_info().currsize, len(os.listdir("/proc/self/task")) - before)
"""


def start_method() -> str:
    return multiprocessing.get_start_method()


def dies_before_its_child() -> None:
    if os.fork() == 0:
        time.sleep(60)
    os._exit(7)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_workers_of_a_launch_start_as_they_would_anywhere(method: str) -> None:
    """A DataLoader's, say: started as the launch itself they would import torch again, each for seconds."""
    usual = multiprocessing.get_all_start_methods()[0]
    assert Launcher(60).call(method, start_method) == usual


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_death_is_noticed_while_a_process_that_was_started_lives_on() -> None:
    begun_s = time.monotonic()
    with pytest.raises(Death, match="exit code 7"):
        Launcher(50).call("forkserver", dies_before_its_child)
    assert time.monotonic() - begun_s < 40


def test_a_process_that_has_answered_is_gone_before_the_next_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    see_off()
    launcher, gone = Launcher(60), list[int]()
    stop = fresh.stop
    monkeypatch.setattr(fresh, "stop", lambda process: (stop(process), gone.append(process.pid)))
    first = launcher.call("forkserver", os.getpid)
    assert [process.pid for process, _ in fresh.LEAVING] == [first]
    second = launcher.call("forkserver", os.getpid)
    assert gone == [first]
    see_off()
    assert (gone, fresh.LEAVING) == ([first, second], [])


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_digits_are_read_before_forking_by_no_thread_that_processes_would_miss() -> None:
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "0"]
