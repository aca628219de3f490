"""vLLM, which marks what it executes: requests that it reads in, and those that it generates for."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import Dialect

DIALECT = Dialect(loops=("execute_*context_*generation_*", "execute_new_*_cached_*"))
