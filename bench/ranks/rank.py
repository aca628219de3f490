"""One rank of a launch, as torchrun starts it: a folder says what is to be measured, and gets what came of it.

Started by its path, so that it finds the ruler that it belongs to, whatever the current folder holds.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import shutil
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # before all others: whatever folder this was started in

from bench.ranks.launch_folder import BEGUN, FAILED, LAUNCH, LOG, PID, RECORDS, TASKS, TIMELINE, place

PATIENCE_S = 0.2  # after which a parent is looked for
BACKENDS = {"cuda": "cpu:gloo,cuda:nccl"}


def end_with_parent(folder: Path) -> None:
    """End this process and what it started when its parent is gone; whoever ends last leaves nothing behind."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(PATIENCE_S)
    shutil.rmtree(folder, ignore_errors=True)
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def talk(folder: Path, rank: int) -> None:
    """All output goes to the rank's log, and on SIGUSR1 where it is."""
    file = os.open(place(folder, rank, LOG), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    faulthandler.register(signal.SIGUSR1, all_threads=False)
    place(folder, rank, PID).write_text(str(os.getpid()))


def main(folder: Path) -> int:
    """Measure; 1 after an error, which is written down."""
    rank = int(os.environ["RANK"])
    threading.Thread(target=end_with_parent, args=(folder,), daemon=True).start()
    talk(folder, rank)
    import torch.distributed as dist  # noqa: PLC0415

    import bench.preload.suite  # noqa: F401, PLC0415
    from bench.ranks.together import perform_together, profile_together  # noqa: PLC0415

    tasks, timeout_s = pickle.loads((folder / TASKS).read_bytes())
    device = tasks[0].case.device
    try:
        if device == "cuda":
            import torch  # noqa: PLC0415

            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        joins: dict[str, Any] = {}
        if launch := os.environ.get(LAUNCH):
            from bench.ranks.joined import group_of_launch  # noqa: PLC0415

            joins = group_of_launch(launch)
        dist.init_process_group(BACKENDS.get(device, "gloo"), timeout=timedelta(seconds=timeout_s), **joins)
        place(folder, rank, BEGUN).touch()
        is_profile = tasks[0].measure == TIMELINE
        records: Any = profile_together(tasks, folder) if is_profile else perform_together(tasks)
    except Exception as error:  # a workload may raise anything
        from bench.measure.task import failure  # noqa: PLC0415
        from bench.records.record import Record  # noqa: PLC0415

        record = failure(Record("", "", tasks[0].case, "step_time"), error)
        lost = isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error).lower())
        place(folder, rank, FAILED).write_bytes(pickle.dumps((record.status, record.reason, lost)))
        return 1
    if rank == 0:
        (folder / RECORDS).write_bytes(pickle.dumps(records))
    dist.barrier()
    dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(code)  # threads of a group that failed may never end
