"""torchrun, which ends with whoever started it: `python agent.py FOLDER RANKS`, its standard input a pipe to that one.

torchrun's ranks are in sessions of their own, so a signal to its group does not reach them.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

DIED = "died"
RANK = Path(__file__).with_name("rank.py")


def end_with_starter(folder: Path) -> None:
    """When the pipe breaks: kill the ranks, with all that they started, leave no folder, and end."""
    while sys.stdin.buffer.read(1):
        pass
    kill_ranks()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def kill_ranks() -> None:
    """Kill the groups of this process's children."""
    for path in Path("/proc/self/task").glob("*/children"):
        for pid in map(int, path.read_text().split()):
            with suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) == pid:
                    os.killpg(pid, signal.SIGKILL)
                else:
                    os.kill(pid, signal.SIGKILL)


def main(folder: Path, ranks: int) -> int:
    """Run the ranks; 1 when one failed, and how each ended that did is written down."""
    threading.Thread(target=end_with_starter, args=(folder,), daemon=True).start()
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError  # noqa: PLC0415 - imports torch
    from torch.distributed.run import parse_args, run  # noqa: PLC0415

    given = ["--standalone", "--nnodes=1", f"--nproc-per-node={ranks}", "--log-dir", str(folder / "torchrun")]
    try:
        run(parse_args([*given, str(RANK), str(folder)]))
    except ChildFailedError as error:
        (folder / DIED).write_bytes(pickle.dumps({rank: each.exitcode for rank, each in error.failures.items()}))
        return 1
    return 0


if __name__ == "__main__":
    code = main(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.flush()
    os._exit(code)
