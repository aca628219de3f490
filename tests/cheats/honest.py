"""Honest steps that do the work which the cheats pretend to do."""

from __future__ import annotations

from tests.cheats.elsewhere import checked, inputs
from tests.cheats.kept import SIZE, product, training
from workloads.base import Setup, Step, workload
from workloads.checks import host64, near


@workload("cheats.honest", item="product")
def honest(setup: Setup) -> Step:
    """What is kept elsewhere is computed at every call."""
    a, b = setup.randn(SIZE, SIZE), setup.randn(SIZE, SIZE) / SIZE**0.5
    return Step(lambda: product(a, b), check=near(lambda: product(host64(a), host64(b))))


@workload("cheats.honest_large", item="product")
def honest_large(setup: Setup) -> Step:
    """Likewise, of larger matrices."""
    a, b = inputs(setup)
    return checked(lambda: product(a, b), a, b)


@workload("cheats.honest_training", item="sample")
def honest_training(setup: Setup) -> Step:
    """Every step is made."""
    return training(setup, lambda calls: True)
