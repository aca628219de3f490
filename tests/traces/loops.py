"""A simulated training loop: loading, forward, backward on a thread of its own, update, reading the loss; with tensors.

It knows how long the host was at each phase, what was allocated where, and of which kind each block is. A cause may be
planted that takes more of the step than anything else: the loader, waiting for values, launching, communication.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.traces.program import COLLECTIVE, OPERATORS, READ, Call, Change, Played, Program

CAUSES = ("loader", "waits", "launches", "communication")
LAGS = {"loader": 1.0, "waits": 20.0, "launches": 0.1, "communication": 1.0}
INPUTS, ACTIVATIONS, TEMPORARIES = "inputs and buffers", "activations", "temporaries"
LOADER = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"
NODE = "autograd::engine::evaluate_function: "
MAIN, ENGINE = 1, 2  # threads


@dataclass(frozen=True, slots=True)
class Block:
    """A tensor's memory: of which kind it is while its step goes on."""

    address: int
    bytes: int
    device: int
    kind: str
    step: int


@dataclass(slots=True)
class Looped(Played):
    """A loop that was played.

    phases_ns: by step, nanoseconds of the host in each phase. blocks: by address. before: bytes of each device that no
    change made. allocated: bytes of all steps by operator. waited_ns: of the host, reading values of the device.
    """

    phases_ns: list[Counter[str]] = field(default_factory=list)
    blocks: dict[int, Block] = field(default_factory=dict)
    before: dict[int, int] = field(default_factory=dict)
    allocated: Counter[str] = field(default_factory=Counter)
    waited_ns: int = 0

    def windows(self) -> list[tuple[int, int]]:
        """From when to when the host was at each step: marks reach to the next, for the pauses between are short."""
        marks = [call for call in self.calls if call.kind == "step"]
        starts = [mark.start_ns for mark in marks]
        return list(zip(starts, [*starts[1:], marks[-1].end_ns], strict=True))

    def live(self, device: int) -> list[tuple[int, dict[str, int]]]:
        """Bytes of each kind on a device, from the last step's begin and from every change in it on."""
        low = self.windows()[-1][0]
        now = {INPUTS: self.before[device], ACTIVATIONS: 0, TEMPORARIES: 0}
        found = [(low, dict(now))]
        for change in (each for each in self.changes if each.device == device):
            block = self.blocks.get(change.address)
            now[block.kind if block and block.step == self.steps - 1 else INPUTS] += change.bytes
            if change.at_ns < low:
                found = [(low, dict(now))]
            else:
                found.append((change.at_ns, dict(now)))
        return found


class Loop(Program):
    """Plays the steps of a loop."""

    def __init__(self, dice: random.Random, cause: str = "") -> None:
        super().__init__(dice)
        self.cause = cause
        self.lag = LAGS.get(cause, self.lag)
        self.played = self.looped = Looped(dice.randrange(3, 6))
        self.total = {device: dice.randrange(10**6, 10**7) for device in range(self.devices)}
        self.looped.before = dict(self.total)
        self.number = 0
        self.inside: list[tuple[str, int]] = []  # operators that are running with their ids, the innermost last
        self.phase, self.since_ns = "other", 0
        self.kept: list[Block] = []

    def play(self) -> Looped:
        """The recorded steps, and the profiler's own wait."""
        for number in range(self.looped.steps):
            self.number = number
            self.looped.phases_ns.append(Counter())
            self.step()
        self.wait("cudaDeviceSynchronize", None)
        return self.looped

    def step(self) -> None:
        """One step: its mark is around everything but a moment of Python before the next."""
        begin_ns = self.now_ns
        self.pause()
        if self.dice.random() < 0.3:
            self.free_unseen()
        self.load()
        batch = [self.allocate(ACTIVATIONS) for _ in range(self.dice.randrange(3))]
        self.forward()
        self.pause()
        self.backward()
        self.pause()
        self.update()
        for _ in range(self.dice.randrange(3, 6) if self.cause == "waits" else self.dice.choice((0, 0, 1))):
            self.read()
        for block in batch[1:]:
            self.free(block)
        self.pause()
        self.looped.calls.append(Call("step", f"ProfilerStep#{self.number + 2}", begin_ns, self.now_ns, MAIN))
        if self.number < self.looped.steps - 1:
            self.now_ns += self.dice.randrange((self.now_ns - begin_ns) // 30)
        self.turn("other")

    def turn(self, phase: str) -> str:
        """From now on the host is in another phase; in which it was."""
        before = self.phase
        self.looped.phases_ns[-1][before] += self.now_ns - self.since_ns
        self.phase, self.since_ns = phase, self.now_ns
        return before

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """The host is in a phase, and then again in the one of before."""
        before = self.turn(phase)
        yield
        self.turn(before)

    @contextmanager
    def called(self, name: str, kind: str = "operator") -> Iterator[None]:
        """Something that the host calls."""
        self.external += 1
        start_ns, external = self.now_ns, self.external
        if kind == "operator":
            self.inside.append((name, external))
        self.pause(1_500)
        yield
        self.pause(1_500)
        if kind == "operator":
            self.inside.pop()
        self.looped.calls.append(Call(kind, name, start_ns, self.now_ns, self.thread, external=external))

    def load(self) -> None:
        """The next batch, which an operator puts together."""
        kind = self.dice.choice(("operator", "annotation"))
        with self.during("data"), self.called(LOADER, kind):
            with self.called("aten::stack"):
                pass
            self.now_ns += self.dice.randrange(2_000_000, 9_000_000) if self.cause == "loader" else 0

    def forward(self) -> None:
        """Operators with Python between them; some keep a block for backward."""
        for _ in range(self.dice.randrange(20, 40) if self.cause == "launches" else self.dice.randrange(2, 9)):
            rare = 1.0 if self.cause == "communication" else 0.0 if self.cause else 0.1
            name = COLLECTIVE if self.dice.random() < rare else self.drawn()
            with self.during("forward"), self.called(name):
                self.compute()
                if self.dice.random() < 0.5:
                    self.kept.append(self.allocate(ACTIVATIONS))
            self.pause(3_000)

    def backward(self) -> None:
        """The engine's nodes, on its own thread; what lies between two of them is its as well."""
        self.thread = ENGINE
        with self.during("backward"):
            for number in range(self.dice.randrange(1, 8)):
                if number:
                    self.pause(3_000)
                with (
                    self.called(f"{NODE}MmBackward{number % 2}"),
                    self.called(self.drawn()),
                ):
                    self.compute()
                    if self.kept and self.dice.random() < 0.8:
                        self.free(self.kept.pop())
        self.thread = MAIN

    def update(self) -> None:
        """The optimizer's step."""
        with self.during("optimizer"), self.called("Optimizer.step#SGD.step", "annotation"):
            for _ in range(self.dice.randrange(3)):
                with self.called("aten::_foreach_add_"):
                    self.compute()

    def read(self) -> None:
        """A value is read: the host waits until the device has come to it."""
        begin_ns = self.now_ns
        with self.during("forward"), self.called("aten::item"), self.called(READ):
            stream = self.launch(self.number, READ, 1, "cudaMemcpyAsync", self.inside[-1][1])
            self.wait("cudaStreamSynchronize", stream)
        self.looped.waited_ns += self.now_ns - begin_ns
        self.pause()

    def drawn(self) -> str:
        """Some operator; where a cause is planted none that could be another."""
        return self.dice.choice([name for name in OPERATORS if not self.cause or name != "aten::copy_"])

    def compute(self) -> None:
        """What an operator does: some launches, perhaps with a block that it gives back at once."""
        block = self.allocate(TEMPORARIES) if self.dice.random() < 0.4 else None
        name, external = self.inside[-1]
        for _ in range(self.dice.randrange(1, 3)):
            self.launch(self.number, name, 1, "cudaLaunchKernel", external)
            self.pause(1_000)
        if block:
            self.free(block)

    def longer(self, operator: str | None) -> float:
        """How much longer the work of an operator takes than it is drawn: a value is read in no time."""
        if operator == READ:
            return 0.2 / self.lag
        return 200.0 if operator == COLLECTIVE and self.cause == "communication" else 1.0

    def allocate(self, kind: str) -> Block:
        """A block on some device."""
        address = 0x7F00_0000_0000 + 512 * len(self.looped.blocks)
        kind = TEMPORARIES if self.phase == "backward" else kind
        size = self.dice.randrange(1, 1000) * 512
        block = Block(address, size, self.dice.randrange(self.devices), kind, self.number)
        self.looped.blocks[address] = block
        if self.inside:
            self.looped.allocated[self.inside[-1][0]] += size
        self.change(block.device, size, address)
        return block

    def free(self, block: Block) -> None:
        """The block is given back."""
        self.change(block.device, -block.bytes, block.address)

    def free_unseen(self) -> None:
        """Something is given back that was there before the trace."""
        device = self.dice.randrange(self.devices)
        size = self.dice.randrange(1, 1 + self.looped.before[device] // 100_000) * 512
        self.change(device, -size, 0x7E00_0000_0000 + 512 * len(self.looped.changes))

    def change(self, device: int, size: int, address: int) -> None:
        """What a device has allocated becomes more or less."""
        self.pause(500)
        self.total[device] += size
        self.looped.changes.append(Change(self.now_ns, size, address, device, self.total[device], self.thread))
        self.pause(500)


def looped(seed: int, cause: str = "") -> Looped:
    """The loop of a seed."""
    return Loop(random.Random(seed), cause).play()
