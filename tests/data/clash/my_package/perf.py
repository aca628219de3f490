"""Workloads that fail unless `bench` and `workloads` are torchpace's, here and where a loader's worker looks."""

import os
from pathlib import Path

from torch.utils.data import DataLoader, Dataset

from workloads import Step, workload


class Places(Dataset):
    """Where the packages are found."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        import bench
        import workloads

        return [bench.__file__, workloads.__file__]


@workload("mine.places", item="call", default_modes=("eager",))
def places(setup):
    """Look in this process, and in a worker that is started anew."""
    spawned = DataLoader(Places(), batch_size=None, num_workers=1, multiprocessing_context="spawn")
    for found in (Places()[0], next(iter(spawned))):
        if {Path(place).parent.parent for place in found} != {Path(os.environ["CLASH_OURS"])}:
            raise RuntimeError(f"found {found}")
    return Step(lambda: setup.randn(1))
