"""Launches that share a layout of memory are one observation: what the layout does to a step is in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.records.record import Record


def joined(records: Sequence[Record]) -> list[Record]:
    """Records of one figure, those of one run and layout as one with the values of all, in the order measured."""
    found: dict[object, Record] = {}
    for number, record in enumerate(records):
        shared = record.layout is not None and record.values
        key = (record.run, record.layout, record.turns, record.status) if shared else number
        before = found.get(key)
        found[key] = replace(before, values=before.values + record.values) if before else record
    return list(found.values())
