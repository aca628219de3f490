"""The subject: what is measured. Imports torch, and torchvision for digits and a network; never the ruler."""

from workloads.base import WORKLOADS, Setup, Step, Unavailable, Workload, WrongAnswer, load_suite, workload
from workloads.checks import between, first_between, host64, losses_near, near, sgd_losses, trained

__all__ = [
    "WORKLOADS",
    "Setup",
    "Step",
    "Unavailable",
    "Workload",
    "WrongAnswer",
    "between",
    "first_between",
    "host64",
    "load_suite",
    "losses_near",
    "near",
    "sgd_losses",
    "trained",
    "workload",
]
