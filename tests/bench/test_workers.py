"""The processes in which Triton's kernels are compiled do not work beside steps that are timed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ENDED = """
import os, sys, time
import torch
from bench.measure.audit import elsewhere
from bench.modes import torch_compile
from torch._inductor import async_compile, config

def rest():
    begun = time.perf_counter()
    while time.perf_counter() - begun < 0.3:
        pass

torch_compile.end_workers()  # without any there is nothing to do
config.compile_threads = 2
for ready in (False, True):
    pool = async_compile.AsyncCompile.process_pool()
    process = pool.process
    if ready:
        pool.submit(os.getpid).result(60)
        workers = [int(pid) for pid in open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()]
        assert workers
    else:
        assert elsewhere.helped_by(rest, 1e-3)  # it imports torch: a step would not have been believed beside it
        workers = []
    torch_compile.end_workers()
    assert process.poll() is not None
    assert not elsewhere.children()
    assert not elsewhere.helped_by(rest, 1e-3)
    until = time.monotonic() + 5
    while any(os.path.exists(f"/proc/{pid}") for pid in workers) and time.monotonic() < until:
        time.sleep(0.05)
    print(ready, [pid for pid in workers if os.path.exists(f"/proc/{pid}")])
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked up in /proc, which Linux has")
def test_compile_workers_are_ended_whether_they_are_ready_or_not() -> None:
    done = subprocess.run([sys.executable, "-c", ENDED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["False []", "True []"]
