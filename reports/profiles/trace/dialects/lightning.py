"""Lightning, whose profiler marks every batch that it trains on."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import Dialect

DIALECT = Dialect(loops=("[[]pl][[]profile]run_training_batch", "[[]pl][[]profile]*.training_step"))
