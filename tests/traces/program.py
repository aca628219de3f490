"""A simulated training program on a host and its devices, in whole nanoseconds, which knows the truth about itself.

The host runs ahead: an operator queues work on a stream and goes on; the stream does its work in order, whenever it
gets there. So the kernels of a step run during later steps, or after the last. Knows no file format.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

OPERATORS = ("aten::mm", "aten::add_", "aten::convolution", "aten::relu", "aten::copy_", "aten::sum")
COLLECTIVE = "c10d::allreduce_"
READ = "aten::_local_scalar_dense"  # copies a value to the host, and waits for it
LATENCY_NS = 4_000  # from a launch to the earliest start on the device
QUEUE = 64  # launches a stream takes before the host has to wait, as CUDA's does at some thousand


@dataclass(frozen=True, slots=True)
class Call:
    """Something the host did: an operator, a launch, a wait, a mark of a step."""

    kind: str  # "step", "operator", "annotation", "runtime", "driver"
    name: str
    start_ns: int
    end_ns: int
    thread: int
    correlation: int = 0
    external: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """Something a device did. step: whose launch it was, from 0; None where no recorded step launched it."""

    kind: str  # "kernel", "copy", "set"
    name: str
    start_ns: int
    end_ns: int
    device: int
    stream: int
    correlation: int
    external: int
    step: int | None
    operator: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """An allocation, or a free (of negative bytes). total: what the device has allocated from then on."""

    at_ns: int
    bytes: int
    address: int
    device: int
    total: int
    thread: int


@dataclass(slots=True)
class Played:
    """A program that was played: its calls and work in the order they happened to be made, and its steps' windows."""

    steps: int
    calls: list[Call] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def busy_ns(self, step: int | None) -> int:
        """Nanoseconds of device work of a step, summed over streams and devices; of no step for None."""
        return sum(one.end_ns - one.start_ns for one in self.work if one.step == step)

    def count(self, step: int | None, kind: str = "kernel") -> int:
        """How many pieces of work of a kind a step launched."""
        return sum(one.step == step and one.kind == kind for one in self.work)

    def by_operator(self) -> dict[str | None, int]:
        """Nanoseconds of device work in steps by the operator that launched it; None for those of no operator."""
        found: dict[str | None, int] = {}
        for one in self.work:
            if one.step is not None:
                found[one.operator] = found.get(one.operator, 0) + one.end_ns - one.start_ns
        return found

    def span_ns(self, step: int) -> tuple[int, int] | None:
        """From a step's first device event to its last; None without any."""
        own = [one for one in self.work if one.step == step]
        return (min(one.start_ns for one in own), max(one.end_ns for one in own)) if own else None


class Program:
    """Plays random steps. Every draw comes from the dice, so that a seed is a program."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.now_ns = 0
        self.thread = 1
        self.correlation = dice.randrange(1, 1000)
        self.external = dice.randrange(1, 1000)
        self.devices = dice.choice((1, 1, 1, 2))
        self.streams = [(device, 7 + number) for device in range(self.devices) for number in range(dice.choice((1, 2)))]
        self.free_ns = dict.fromkeys(self.streams, 0)
        self.queued: dict[tuple[int, int], list[int]] = {stream: [] for stream in self.streams}
        # How much longer the device needs than the host: above 1 the device falls behind.
        self.lag = dice.choice((0.2, 1.0, 5.0, 30.0))
        self.played = Played(dice.randrange(1, 6))

    def play(self) -> Played:
        """Warm-up steps that are not recorded, then the recorded ones, then the profiler's own wait."""
        for _ in range(self.dice.randrange(3)):
            for _ in range(self.dice.randrange(1, 5)):
                self.operator(None)
        for step in range(self.played.steps):
            start_ns = self.now_ns
            self.pause()
            for _ in range(self.dice.randrange(1, 9)):
                self.operator(step)
            if self.dice.random() < 0.3:
                self.wait("cudaStreamSynchronize", None)
            self.pause()
            self.played.calls.append(Call("step", f"ProfilerStep#{step + 3}", start_ns, self.now_ns, 1))
            if self.dice.random() < 0.5:
                self.pause()
        self.wait("cudaDeviceSynchronize", None)
        began_ns = min(call.start_ns for call in self.played.calls if call.kind == "step")
        self.played.work = [work for work in self.played.work if work.end_ns > began_ns]  # the profiler saw no other
        return self.played

    def pause(self, most_ns: int = 20_000) -> None:
        """Python between two calls."""
        self.now_ns += self.dice.randrange(1, most_ns)

    def operator(self, step: int | None) -> None:
        """An operator that launches some work, a graph that is replayed, or work that no operator launches."""
        what = self.dice.random()
        name = COLLECTIVE if what < 0.1 else self.dice.choice(OPERATORS)
        if what > 0.9:
            self.launch(step, None, self.dice.randrange(2, 6), "cudaGraphLaunch")
            return
        if what > 0.85:
            self.launch(step, None, 1, "cuLaunchKernel")
            return
        self.external += 1
        start_ns, external = self.now_ns, self.external
        self.pause(3_000)
        for _ in range(self.dice.choice((0, 1, 1, 1, 2, 3))):
            self.launch(step, name, 1, "cudaLaunchKernel", external)
            self.pause(2_000)
        if step is not None:
            self.played.calls.append(Call("operator", name, start_ns, self.now_ns, 1, external=external))
        self.pause(3_000)

    def launch(
        self, step: int | None, operator: str | None, pieces: int, how: str, external: int = 0
    ) -> tuple[int, int]:
        """One call that queues pieces of work on a stream, all with the call's correlation; which stream."""
        stream = self.dice.choice(self.streams)
        self.correlation += self.dice.randrange(1, 9)
        start_ns = self.now_ns
        waiting = [end_ns for end_ns in self.queued[stream] if end_ns > self.now_ns]
        if len(waiting) + pieces > QUEUE:  # the queue is full: the host waits for the oldest
            self.now_ns = max(self.now_ns, waiting[len(waiting) + pieces - QUEUE - 1])
        self.now_ns += self.dice.randrange(2_000, 6_000)
        if step is not None:
            kind = "driver" if how.startswith("cu") and not how.startswith("cuda") else "runtime"
            self.played.calls.append(Call(kind, how, start_ns, self.now_ns, self.thread, self.correlation, external))
        for _ in range(pieces):
            self.queue(stream, step, operator, external)
        return stream

    def longer(self, operator: str | None) -> float:
        """How much longer the work of an operator takes than it is drawn."""
        return 1.0

    def queue(self, stream: tuple[int, int], step: int | None, operator: str | None, external: int) -> None:
        """A piece of work that begins when its stream is free."""
        length_ns = max(1, round(self.dice.randrange(500, 12_000) * self.lag * self.longer(operator)))
        start_ns = max(self.now_ns + LATENCY_NS, self.free_ns[stream] + self.dice.randrange(3) * 500)
        self.free_ns[stream] = start_ns + length_ns
        self.queued[stream].append(start_ns + length_ns)
        copies = {"aten::copy_": "Memcpy DtoD", READ: "Memcpy DtoH (Device -> Pageable)"}
        name = copies[operator] if operator in copies else f"{(operator or 'graph').replace('::', '_')}_kernel"
        if operator == COLLECTIVE:
            name = "ncclDevKernel_AllReduce_Sum_f32_RING_LL"
        self.played.work.append(
            Work("copy" if operator in copies else "kernel", name, start_ns, start_ns + length_ns, *stream,
                 self.correlation, external, step, operator)
        )  # fmt: skip

    def wait(self, how: str, stream: tuple[int, int] | None) -> None:
        """The host waits until the streams are empty."""
        self.correlation += 1
        start_ns = self.now_ns
        self.now_ns = max(self.now_ns + 1_000, *(self.free_ns[one] for one in self.streams if stream in (None, one)))
        self.played.calls.append(Call("runtime", how, start_ns, self.now_ns, 1, self.correlation))


def played(seed: int) -> Played:
    """The program of a seed."""
    return Program(random.Random(seed)).play()
