"""What a profile says of the device in words: that it waits, copies, communicates, or is waited for.

Thresholds are shares of the step.
"""

from __future__ import annotations

from collections.abc import Iterator

from reports.format import units
from reports.profiles.profile import Profile
from reports.profiles.say.finding import Finding, number_of, seconds
from reports.profiles.trace.dialects import WAITS

IDLE_SHARE = 0.2
COPY_SHARE = 0.1
WAITS_SHARE = 0.1
REPEATED = 0.5  # calls a step: what happens less often is no part of every step
COMMUNICATION_SHARE = 0.2
BLOCKING = "-> Pageable"  # in the names of copies to such memory
COPIES = ("cudaMemcpyAsync", "hipMemcpyAsync")
SHORT_KERNEL_S = 20e-6  # launching one costs the CPU some 5 to 10 µs


def idle_device(profile: Profile) -> Iterator[Finding]:
    """The device waits for the CPU, other than for data; not told where the trace does not hold all that it did."""
    if profile.activities is None or profile.unseen_graphs:
        return
    shares = usual(profile)
    waiting = shares["idle"] + shares["CPU only"]
    kernels = profile.kernels[profile.kernels["category"] == "kernel"]
    if waiting < IDLE_SHARE or kernels.empty:
        return
    calls = float(kernels["calls"].sum())
    typical = float(kernels["total_s"].sum()) / calls
    apart = f", without the {units.percent(shares['data'])} of waiting for data" if shares["data"] else ""
    yield Finding(
        f"{units.percent(waiting)} of GPU time is idle between launches{apart}",
        f"{units.percent(shares['CPU only'])} while the CPU ran operators, {units.percent(shares['idle'])} while it "
        f"did not; {number_of(calls, 'kernel')} a step of {seconds(typical)} on average",
        "kernels this short end before the next is launched; larger batches or CUDA graphs launch less"
        if typical < SHORT_KERNEL_S
        else "look in the timeline at what the CPU does in the gaps: data, waiting, or Python",
        "breakdown", waiting,
    )  # fmt: skip


def copying(profile: Profile) -> Iterator[Finding]:
    """The device copies instead of computing."""
    share = usual(profile).get("copy", 0.0)
    copies = profile.kernels[profile.kernels["category"] != "kernel"]
    if share >= COPY_SHARE and not copies.empty:  # there may be copies that no recorded step launched
        yield Finding(
            f"{units.percent(share)} of the step the GPU only copies",
            f"mostly {copies['name'].iloc[0]}, {number_of(float(copies['calls'].sum()), 'copy', 'copies')} a step",
            "copy from pinned memory with non_blocking=True, or keep the data on the device", "kernels", share,
        )  # fmt: skip


def communicating(profile: Profile) -> Iterator[Finding]:
    """The device communicates with nothing else to do."""
    share = usual(profile).get("communication", 0.0)
    if share >= COMMUNICATION_SHARE and not profile.communication.empty:
        worst = profile.communication.sort_values("exposed_s").iloc[-1]
        yield Finding(
            f"{units.percent(share)} of the step is communication that no kernel hides",
            f"mostly {worst['name']}: {seconds(worst['exposed_s'])} a step with no other kernel beside it, "
            f"{seconds(worst['hidden_s'])} hidden",
            "overlap it with the backward pass, or look whether another rank arrives late", "breakdown", share,
        )  # fmt: skip


def usual(profile: Profile) -> dict[str, float]:
    """The shares of the activities; of several devices their mean, since one is idle while another works."""
    each = [parts.fractions for parts in profile.by_device.values()]
    if not each:
        return profile.activities.fractions if profile.activities else {}
    return {name: sum(shares[name] for shares in each) / len(each) for name in each[0]}


def waits(profile: Profile) -> tuple[str, ...]:
    """The calls in which the CPU waits: those that do nothing else, and copies from memory that may be paged out.

    Such a copy is over only when the device has come to it, whatever its call is named.
    """
    copies = profile.kernels["name"][profile.kernels["category"] == "gpu_memcpy"]
    blocks = copies.map(lambda name: BLOCKING in name).any()
    return (*WAITS, *COPIES) if blocks else WAITS


def waiting_for_the_device(profile: Profile) -> Iterator[Finding]:
    """The CPU stops to read a value from the device. While that only communicates or copies, that is the cause."""
    if profile.activities is None:
        return
    table = profile.operators[profile.operators["name"].isin(waits(profile))]
    share = float(table["self_s"].sum()) / profile.steps.on_cpu_s
    if share >= WAITS_SHARE and float(table["calls"].sum()) >= REPEATED:
        worst = table.sort_values("self_s").iloc[-1]
        meanwhile = profile.waited.fractions if profile.waited else {"communication": 0.0, "copy": 0.0}
        elsewhere = meanwhile["communication"] + meanwhile["copy"]
        yield Finding(
            f"{units.percent(share)} of its time the CPU waits for the GPU",
            f"{worst['name']}: {number_of(worst['calls'], 'call')} a step, {seconds(worst['self_s'])}",
            "read values such as loss.item() once in many steps", "operators", share * (1 - elsewhere),
        )  # fmt: skip
