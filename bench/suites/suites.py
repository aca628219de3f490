"""The asv benchmarks of the suite: one class per workload, generated."""

from __future__ import annotations

import workloads
from bench.runs.plan import in_default_suite
from bench.suites.generated import check_checkout, suite
from workloads.base import load_suite

check_checkout(workloads)
for _workload in filter(in_default_suite, load_suite().values()):
    _class = suite(_workload)
    globals()[_class.__name__] = _class
