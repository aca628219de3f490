"""Which cases the tests of the suite run on a device, and which of them it may say that it cannot."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records.record import Case
from bench.runs.plan import Selection, cases
from workloads.base import load_suite
from workloads.ladders.mnist import ladder_of

WORKLOADS = load_suite()
TODAY = ("attention", "transformer", "embedding", "normalization", "optimizers", "resnet", "explain", "mixed_precision")
FURTHER = [name for name in WORKLOADS if name.partition(".")[0] in TODAY]  # which no run without a GLOB measures
LADDERS = [name for name, workload in WORKLOADS.items() if "rung" in workload.axes]
SMALL = {"samples": [256], "epochs": [100], "spacing": [256]}  # one batch of the largest

ANYWHERE = "any"
# The reasons for which a case may be n/a, by device and by how they begin; any other is a failure.
ABSENCES: dict[str, tuple[str, ...]] = {
    ANYWHERE: (
        "an accuracy of 0.99 is a target for MNIST itself, not for stand-in",
        "TF32 is of NVIDIA GPUs from Ampere on",
        "captum is not installed",
    ),
    "cpu": (
        "a transfer between host and device needs",
        "pinned memory speeds up copies to a device other",
        "this CPU has no bfloat16 instructions",
        "nothing is launched on the CPU",
        "host and device are one memory",
        "torch.compile needs a C++ compiler for the CPU",
        "cpu has no efficient attention",
        "cpu has no cudnn attention",
    ),
    "cuda": ("cuda has no efficient attention", "cuda has no cudnn attention", "cuda has no flash attention"),
    "mps": (
        "mps has no float64",
        *(f"mps has no {name} attention" for name in ("cudnn", "efficient", "flash")),
        *(f"mps has no fused {name}" for name in ("sgd", "adam", "adamw")),
    ),
}


def is_expected(reason: str, device: str) -> bool:
    """Whether a case may be n/a on the device for this reason."""
    return reason.startswith((*ABSENCES[ANYWHERE], *ABSENCES.get(device, ())))


def every(devices: Sequence[str], dtype: str = "float32", mode: str = "eager", first_point: bool = False) -> list[Case]:
    """The cases of the default suite and of what is further, and those of the ladders, small, that the device's has.

    first_point: of each workload only the first, small too.
    """
    small = {name: SMALL[name] for name in ("samples", "epochs")} if first_point else {}
    found = cases(WORKLOADS, Selection(devices=devices, dtypes=[dtype], modes=[mode], axes=small))
    found += cases(WORKLOADS, Selection(FURTHER, devices, [dtype], [mode]))
    found += filter(is_on_ladder, cases(WORKLOADS, Selection(LADDERS, devices, [dtype], [mode], axes=SMALL)))
    if first_point:
        found = list({case.workload: case for case in reversed(found)}.values())
    return found


def is_on_ladder(case: Case) -> bool:
    """Whether the ladder of the case's device has its rung where the point says, as the other ladders always have."""
    point = dict(case.point)
    rungs = {(rung.name, rung.on) for rung in ladder_of(case.device)}
    return case.workload != "mnist_cnn.ladder" or (point["rung"], point["on"]) in rungs


def name_of(case: Case) -> str:
    return f"{case.label}-{case.device}-{case.dtype}-{case.mode}"
