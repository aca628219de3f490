"""CPU peak memory against a reference that counts at the level of malloc."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.counts.memory import peak_within_mark

# Counts every block that torch's CPU allocator takes, which is by posix_memalign.
COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
static long live, peak;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
#define SLOTS (1 << 20)
static void *where[SLOTS]; static size_t size[SLOTS];
static unsigned slot(void *p) { return ((unsigned long)p >> 6) * 2654435761u % SLOTS; }
int posix_memalign(void **out, size_t alignment, size_t n) {
    static int (*real)(void **, size_t, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "posix_memalign");
    int failed = real(out, alignment, n);
    if (!failed) {
        pthread_mutex_lock(&lock);
        unsigned i = slot(*out);
        while (where[i] && where[i] != (void *)1) i = (i + 1) % SLOTS;
        where[i] = *out; size[i] = n; live += n; if (live > peak) peak = live;
        pthread_mutex_unlock(&lock);
    }
    return failed;
}
void free(void *p) {
    static void (*real)(void *);
    if (!real) real = dlsym(RTLD_NEXT, "free");
    if (p) {
        pthread_mutex_lock(&lock);
        for (unsigned i = slot(p); where[i]; i = (i + 1) % SLOTS)
            if (where[i] == p) { where[i] = (void *)1; live -= size[i]; break; }
        pthread_mutex_unlock(&lock);
    }
    real(p);
}
void counter_reset(void) { peak = live; }
long counter_peak(void) { return peak; }
long counter_live(void) { return live; }
"""

REFERENCE = r"""
import ctypes, gc, os, sys
import torch
counter = ctypes.CDLL(os.environ["LD_PRELOAD"])
counter.counter_peak.restype = counter.counter_live.restype = ctypes.c_long
from workloads.base import Setup, load_suite
torch.set_num_threads(1)
workload = load_suite()["mnist_cnn.train_step"]
def make():
    return workload.build(Setup(torch.device("cpu")), model=sys.argv[1], batch=64)
step = make()  # fills what outlives a step and is no tensor of it: the data set, oneDNN's primitives
step.run()
del step
gc.collect()
before = counter.counter_live()
step = make()
for _ in range(3):
    step.run()
counter.counter_reset()
step.run()
print("PEAK", counter.counter_peak() - before)
"""


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or os.uname().sysname != "Linux":
        pytest.skip("the reference needs a C compiler and LD_PRELOAD")
    folder = tmp_path_factory.mktemp("counter")
    (folder / "counter.c").write_text(COUNTER)
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", folder / "counter.so", folder / "counter.c", "-ldl"], check=True
    )
    return folder / "counter.so"


def test_the_peak_is_the_largest_sum_within_the_mark() -> None:
    before, within = [(1, 100), (2, 50), (3, -50)], [(10, 30), (11, -30), (12, 20)]
    assert peak_within_mark((before + within + [(30, 999)], (9, 20))) == 130


def test_what_is_live_before_the_mark_counts_though_nothing_is_allocated_in_it() -> None:
    assert peak_within_mark(([(1, 100), (2, 70), (3, -60)], (9, 20))) == 110


@pytest.mark.parametrize("model", ["padded", "dropout"])
def test_peak_memory_of_a_training_step_agrees_with_malloc(counter: Path, model: str) -> None:
    import sys

    from bench.measure.task import Task
    from bench.records.record import Case

    environment = {**os.environ, "LD_PRELOAD": str(counter), "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [sys.executable, "-c", REFERENCE, model], env=environment, capture_output=True, text=True, check=True
    )
    reference = int(done.stdout.split("PEAK")[1])
    case = Case("mnist_cnn.train_step", 1, (("model", model), ("batch", 64)), "cpu", "float32", "eager", 1)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (record,) = pool.apply(perform_in_child, (Task(case, "memory"),))
    assert record.values[0] == pytest.approx(reference, rel=0.01), (record.values[0], reference)


def perform_in_child(task):  # type: ignore[no-untyped-def]
    from bench.measure.passes import perform

    return perform(task)
