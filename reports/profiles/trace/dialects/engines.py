"""Engines that mark a pass of their own loop: vLLM what it executes, SGLang a forward pass, Lightning a batch."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import Dialect

DIALECT = Dialect(
    loops=(
        "execute_*context_*generation_*", "execute_new_*_cached_*",
        "step[[]*bs=*",
        "[[]pl][[]profile]run_training_batch", "[[]pl][[]profile]*.training_step",
    ),
)  # fmt: skip
