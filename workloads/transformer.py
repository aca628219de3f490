"""A small GPT on the letters of Python's own documentation: a block, a step of training, and writing with a cache."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.base import FLOAT_DTYPES, Setup, Step, workload
from workloads.checks import host64, losses_near, near
from workloads.modules import inference_step

VOCABULARY, WIDTH, HEADS, BLOCKS, LONGEST = 128, 128, 4, 2, 256  # letters of ASCII; a network of half a million weights
BATCH, LENGTH = 8, 64  # of a step of training
LR = 1e-3
DATA = "Python's help topics"
Cache = tuple[Tensor, Tensor]  # keys and values of a block: [batch, heads, positions, width of a head]


class Block(nn.Module):
    """Attention and a perceptron, each after a layer norm and added to what came in: [batch, length, width]."""

    def __init__(self, width: int = WIDTH, heads: int = HEADS) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, cached: Cache | None = None, at: int = 0) -> Tensor:
        """cached: where keys and values of all positions are kept; x is then of the positions from `at` on."""
        q, k, v = self.qkv(self.before_attention(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if cached is not None:
            end = at + x.shape[1]
            cached[0][:, :, at:end], cached[1][:, :, at:end] = k, v
            k, v = cached[0][:, :, :end], cached[1][:, :, :end]
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=at == 0)
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        answer: Tensor = x + self.mlp(self.before_mlp(x))
        return answer


class GPT(nn.Module):
    """Letters [batch, length] to what comes next, as logits [batch, length, VOCABULARY]."""

    def __init__(self) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LONGEST, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, letters: Tensor, caches: tuple[Cache, ...] = (), at: int = 0) -> Tensor:
        """caches: of every block, for letters from place `at` on."""
        places = torch.arange(at, at + letters.shape[1], device=letters.device)
        x = self.letters(letters) + self.places(places)
        for number, block in enumerate(self.blocks):
            x = block(x, caches[number] if caches else None, at)
        answer: Tensor = self.head(self.norm(x))
        return answer


@cache
def text() -> Tensor:
    """The topics of Python's help as numbers of ASCII, in order; int64."""
    from pydoc_data.topics import topics  # noqa: PLC0415 - half a megabyte that nobody else needs

    return torch.tensor(list("\n".join(topics[name] for name in sorted(topics)).encode("ascii", "replace")))


def samples(setup: Setup, batch: int, length: int) -> Tensor:
    """Pieces of the text [batch, length] from places that are drawn."""
    starts = torch.randint(len(text()) - length, (batch,)).tolist()
    return torch.stack([text()[start : start + length] for start in starts]).to(setup.device)


@workload("transformer.block", item="token", dtypes=FLOAT_DTYPES, default=False, length=(128,), width=(128, 512))
def block(setup: Setup, length: int, width: int) -> Step:
    """Inference of one block, causal, on [4, length, width]."""
    x = setup.randn(4, length, width)
    step = inference_step(setup, Block(width), x)
    return Step(step.run, items=4 * length, check=step.check)


def trainer(network: nn.Module, loss_of: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """A training step, which gives the loss."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=LR)

    def train() -> Tensor:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return train


def loss_on(network: Callable[[Tensor], Tensor], letters: Tensor) -> Tensor:
    """How surprised it is by each letter after the first."""
    return F.cross_entropy(network(letters[:, :-1]).flatten(0, 1), letters[:, 1:].flatten())


@workload("transformer.train_step", item="token", default_modes=("eager", "compile"), default=False, batch=(BATCH,))
def train_step(setup: Setup, batch: int) -> Step:
    """One step of AdamW on [batch, 64] letters of Python's documentation; answers with the loss."""
    network = setup.place(GPT())
    letters = samples(setup, batch, LENGTH + 1)
    compiled, start = setup.compile(network), host64(network)

    def right(count: int) -> Tensor:
        twin, same = host64(start), letters.cpu()
        train = trainer(twin, lambda: loss_on(twin, same))
        return torch.stack([train() for _ in range(count)])

    return Step(
        trainer(network, lambda: loss_on(compiled, letters)),
        items=batch * LENGTH,
        check_first=losses_near(right),
        data=DATA,
    )


@workload(
    "transformer.decode", item="token", dtypes=FLOAT_DTYPES, default=False, default_modes=("eager", "compile"),
    latency=True, points=[{"token": "first", "prompt": 128, "batch": 1}, {"token": "next", "prompt": 128, "batch": 1}],
)  # fmt: skip
def decode(setup: Setup, token: str, prompt: int, batch: int) -> Step:
    """Logits of the first letter after a prompt, or of the next one, with keys and values of all before in a cache."""
    network = setup.place(GPT()).eval()
    before, now = samples(setup, batch, prompt + 1).split((prompt, 1), 1)
    before, now = before.clone(), now.clone()  # the cache is of `before`: other letters there would need another one
    shape = (batch, HEADS, prompt + 1, WIDTH // HEADS)
    empty = partial(torch.zeros, shape, device=setup.device, dtype=setup.dtype)
    caches = tuple((empty(), empty()) for _ in range(BLOCKS))
    compiled = setup.compile(network)
    with torch.inference_mode():
        network(before, caches)
    letters, at = (before, 0) if token == "first" else (now, prompt)

    def run() -> Tensor:
        with torch.inference_mode():
            answer: Tensor = compiled(letters, caches, at)[:, -1]
        return answer

    def right() -> Tensor:
        with torch.no_grad():
            whole = before if token == "first" else torch.cat((before, now), 1)
            exact: Tensor = host64(network)(whole.cpu())[:, -1]
        return exact

    return Step(run, items=batch, check=near(right), data=DATA, inputs=(letters,))
