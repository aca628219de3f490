"""Devices that plug into torch from outside, as PrivateUse1."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import Dialect

DIALECT = Dialect(
    categories={"privateuse1_runtime": "cuda_runtime", "privateuse1_driver": "cuda_runtime"},
    devices={20: "PrivateUse1"},
)
