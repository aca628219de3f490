"""What a machine is: its processor, cores, memory and GPU. Its name is not part of it. Imports no torch.

A runner that CI hires has another name every time and is the same model as the one before; what was measured on it
belongs together. The name is kept among an environment's facts.
"""

from __future__ import annotations

import hashlib
import math

from bench.records.record import Environment

UNKNOWN = "unknown machine"


def machine_of(environment: Environment) -> str:
    """The machine in words, such as 'AMD EPYC 7763, 4 cores, 16 GiB, NVIDIA H100'.

    Figures under different words are never one series. Where neither processor nor GPU is known, it is the host's name.
    """
    gpu, count = environment.get("gpu"), environment.get("gpu_count")
    memory = environment.get("gpu_memory_bytes")
    gpus = f"{count} x {gpu}" if isinstance(count, int) and count > 1 else str(gpu or "")
    parts = [host_of(environment) * has_processor(environment), gpus, on_gpu(memory) if gpu else ""]
    return ", ".join(part for part in parts if part) or str(environment.get("hostname") or UNKNOWN)


def host_of(environment: Environment) -> str:
    """The machine without its GPU: what decides how long the same Python takes."""
    if not has_processor(environment):
        return str(environment.get("hostname") or UNKNOWN)
    cores = environment.get("cores")
    parts = [environment.get("cpu"), f"{cores} cores" if cores else "", gib(environment.get("memory_bytes"))]
    return ", ".join(str(part) for part in parts if part)


def has_processor(environment: Environment) -> bool:
    """Whether the processor's model is known."""
    return bool(environment.get("cpu"))


def fingerprint_of(environment: Environment) -> str:
    """A digest of the machine, for names of files; empty where it is not known."""
    machine = machine_of(environment)
    return "" if machine == UNKNOWN else hashlib.sha256(machine.encode()).hexdigest()[:12]


def on_gpu(amount: object) -> str:
    """A GPU's memory, which is the same for all of a model."""
    return f"{amount / 2**30:.0f} GiB on the GPU" if isinstance(amount, int) and amount > 0 else ""


def gib(amount: object) -> str:
    """The memory that a machine was sold with: systems keep a few percent back, another few with every version."""
    if not isinstance(amount, int) or amount <= 0:
        return ""
    given = amount / 2**30
    step = 2.0 ** (math.floor(math.log2(given)) - 3)
    return f"{math.ceil(given / step) * step:g} GiB"
