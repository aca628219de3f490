"""What torch's compiler makes once on a machine, whatever is compiled for its processor: precompiled headers, and
programs that find out which instructions it may use. Touches private names of torch.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from bench.modes.torch_compile import CACHE_FOLDER
from bench.modes.variables import settings_for


def headers() -> frozenset[str]:
    """The headers that are precompiled on this machine, by whatever program; none where torch does not say where."""
    codecache = sys.modules.get("torch._inductor.codecache")
    folder = getattr(codecache, "_HEADER_DIR", "")
    return (
        frozenset(entry.name for entry in os.scandir(folder) if entry.is_file())
        if os.path.isdir(folder)
        else frozenset()
    )


def use_headers(folder: Path) -> None:
    """Keep precompiled headers in `folder`, as if on a machine of which these are all; after `load`.

    They are no part of the cache folder: torch keeps them where every program finds them.
    """
    from torch._inductor import codecache  # noqa: PLC0415 - a second of import that eager cases do not need

    codecache._HEADER_DIR = str(folder)
    codecache._HEADER_LOCK_DIR = str(folder / "locks")


def know_machine() -> None:
    """On a machine that has compiled before, find out what torch finds out once; before the compiler's clock runs.

    To know which instructions it may use, Inductor compiles six small programs, which takes longer than most steps'
    own, and keeps them in its cache folder. A cache folder of ours is empty, so every program would pay for them: they
    are looked for, and kept, where torch has them by itself. Once in a process. Where that cannot be, first
    calls keep it.
    """
    with contextlib.suppress(ImportError, AttributeError, OSError):  # another torch, or nothing can be kept there
        from torch._inductor import codecache, cpu_vec_isa  # noqa: F401, PLC0415 - as above; `headers` asks the first
        from torch._inductor.runtime.cache_dir_utils import default_cache_dir  # noqa: PLC0415 - as above

        if headers():
            with settings_for({CACHE_FOLDER: default_cache_dir()}):
                cpu_vec_isa.valid_vec_isa_list()
