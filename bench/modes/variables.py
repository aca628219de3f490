"""What the environment of a process that measures says to libraries; must be set before torch is imported."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

# Idle OpenMP threads that spin steal time from the one that is measured.
OPENMP_SETTINGS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}

# Whether there is a GPU is asked of its driver's library: CUDA's own runtime, asked, would spoil what is forked later.
CUDA_SETTINGS = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}


@contextlib.contextmanager
def settings_for(variables: Mapping[str, str]) -> Iterator[None]:
    """In here, and in what is started in here, the environment has these variables."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
