"""The subject: what is measured. Imports torch, and torchvision only where digits are read; never the ruler."""

from workloads.base import WORKLOADS, Setup, Step, Unavailable, Workload, WrongAnswer, load_suite, workload
from workloads.checks import near

__all__ = ["WORKLOADS", "Setup", "Step", "Unavailable", "Workload", "WrongAnswer", "load_suite", "near", "workload"]
