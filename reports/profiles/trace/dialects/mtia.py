"""Meta's MTIA, as Kineto hears of it: what its command processor did counts as kernels."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import Dialect

DIALECT = Dialect(categories={"mtia_runtime": "cuda_runtime", "mtia_ccp_events": "kernel"}, devices={19: "MTIA"})
