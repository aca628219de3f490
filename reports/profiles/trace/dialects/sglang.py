"""SGLang, which marks every forward pass with its kind and batch."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import Dialect

DIALECT = Dialect(loops=("step[[]*bs=*",))
