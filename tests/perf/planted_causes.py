"""Networks of twelve layers in which head costs more in one place, each in a module of its own, for `causes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAYERS, WIDTH, WIDER, BATCH = 12, 192, 288, 64
MARK = "# planted"  # ends the lines that a right answer may name

CASE = '''
import torch
from torch import nn
from net.helpers_{number} import activated, slow, scanned
from workloads import Step, workload

SIZES = {sizes}
ONES = torch.ones({width}, {width})


class Net(nn.Module):
    def __init__(self):
        super().__init__()
{layers}

    def forward(self, x):
{forward}
        return x


@workload("net.case_{number}", item="sample")
def step(setup):
    """Layers one after the other."""
    net, x = setup.place(Net()), setup.randn({batch}, {width})
{hooks}
    compiled = setup.compile(net)

    def run():
        with torch.no_grad():
            return compiled(x)

    return Step(run, items={batch})
'''
HELPERS = """
import torch
import net.opaque


def activated(x):
    return {activated}


def slow(x):
    for _ in range({turns}):
        pass
    return x


def scanned(x):
    sum([number * number for number in range({numbers})])
    return x
"""


OPAQUE = """
import torch


@torch.library.custom_op("net::opaque", mutates_args=())
def opaque(x: torch.Tensor) -> torch.Tensor:
    return x.relu()


@opaque.register_fake
def _(x):
    return torch.empty_like(x)
"""


@dataclass(frozen=True)
class Kind:
    """What head has more than base: a line after a layer (`{k}` is its number), or something else, and right answers.

    parts: how those begin. where: a text that the sentence holds where it names a place; the marked line for none.
    mode: how the step is made. says: a text that a right answer holds, where no part is one.
    """

    parts: tuple[str, ...]
    line: str = ""
    hook: str = ""
    base_line: str = ""  # what base has instead of the line
    helper: tuple[str, str] = ("", "")  # the setting of HELPERS, and its value on head
    base_helper: str = ""  # its value on base, where that is not nothing
    is_wider: bool = False
    where: str = ""
    mode: str = "eager"
    says: str = ""


OUTSIDE = ("outside",)
KINDS = {
    "an operator more": Kind(("aten::tanh", "aten::add"), "x = x.tanh() + x"),
    "another activation": Kind(("aten::gelu",), "x = nn.functional.gelu(x)"),
    "a copy": Kind(("aten::copy_", "aten::clone"), "x = x.t().contiguous().t().contiguous()"),
    "a wait for a number": Kind(
        ("aten::sum", "aten::mul", "aten::_local_scalar_dense"), "x = x * (1.0 if x.sum().item() > -1e30 else 0.0)"
    ),
    "a slower function": Kind(OUTSIDE, helper=("turns", "3000"), where="slow ("),
    "a slower comprehension": Kind(OUTSIDE, helper=("numbers", "1200"), where="scan"),
    "a dependency's function": Kind(
        ("aten::maximum", "aten::zeros_like", "aten::fill_", "aten::zero_", "aten::where", "aten::gt", "aten::mul"),
        helper=("activated", "torch.where(x > 0, x, 0 * x)"),
        where="helpers_",
    ),
    "another dtype": Kind(("aten::copy_", "aten::_to_copy", "aten::sin"), "x = x.double().sin().float()"),
    "a sort": Kind(("aten::sort",), "x = x + 0 * x[:, :24].sort(dim=1).values.sum()"),
    "a softmax": Kind(("aten::_softmax",), "x = x.softmax(dim=1)"),
    "a larger shape": Kind(("aten::addmm",), is_wider=True),
    "called twice": Kind(("aten::addmm", "aten::relu", "aten::clamp_min"), "x = self.layer{k}(x).relu()"),
    "a norm": Kind(("aten::native_layer_norm",), "x = nn.functional.layer_norm(x, ({width},))"),
    "a hook": Kind(
        ("aten::_softmax",), hook="net.layer{k}.register_forward_hook(lambda module, inputs, answer: answer.softmax(1))"
    ),
    # The compiler leaves nothing of the code's lines: of a lost fusion the operator is the place.
    "a lost fusion": Kind(("net::", "aten::relu", "aten::clamp_min"), helper=("activated", "torch.ops.net.opaque(x)"),
                          mode="compile"),
    "a graph break": Kind((), "torch._dynamo.graph_break()", mode="compile", says="graph break"),
}  # fmt: skip


# A part of some 4 % of the step that grows by 5 %, by the setting of HELPERS, an argument or its shape. Not a sort or a
# gather of more numbers: where other buffers move with theirs, they took no more time in some of the networks.
SMALL_KINDS = {
    "a longer loop": Kind(OUTSIDE, helper=("turns", "1733"), base_helper="1650"),
    "a higher polynomial": Kind(("aten::special_legendre_polynomial_p",),
                                "x = x + 0 * torch.special.legendre_polynomial_p(x[:1].tanh(), 63).sum()",
                                base_line="x = x + 0 * torch.special.legendre_polynomial_p(x[:1].tanh(), 60).sum()"),
    "a wider product": Kind(("aten::mm", "aten::addmm"), "x = x + 0 * (x @ ONES[:, :134]).sum()",
                            base_line="x = x + 0 * (x @ ONES[:, :128]).sum()"),
}  # fmt: skip


def written(
    package: Path, planted: Sequence[tuple[str, int]], is_head: bool, kinds: Mapping[str, Kind] = KINDS
) -> None:
    """The package `net`, a module for each kind (empty: nothing) and layer; on base nothing is planted."""
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("")
    (package / "opaque.py").write_text(OPAQUE)
    (package / "perf.py").write_text("".join(f"import net.case_{number}\n" for number in range(len(planted))))
    for number, (name, where) in enumerate(planted):
        kind = kinds[name] if name else Kind(())
        kind = kind if is_head else Kind((), kind.base_line, helper=(kind.helper[0], kind.base_helper))
        helper = {"activated": "x.relu()", "turns": "30", "numbers": "12"}
        helper |= {kind.helper[0]: kind.helper[1]} if kind.helper[1] else {}
        (package / f"helpers_{number}.py").write_text(HELPERS.format(**helper))
        (package / f"case_{number}.py").write_text(case(number, kind, where))


def case(number: int, kind: Kind, where: int) -> str:
    """A case's module."""
    sizes = [WIDTH] * (LAYERS + 1)
    if kind.is_wider:
        sizes[where + 1] = WIDER
    forward = []
    for layer in range(LAYERS):
        forward.append(f"x = self.layer{layer}(x).relu()")
        if layer == where:
            forward += ["x = activated(slow(scanned(x)))"]
            forward += [f"{kind.line}  {MARK}".format(k=layer, width=WIDTH)] * bool(kind.line)
    hooks = f"    {kind.hook}  {MARK}\n".format(k=where) * bool(kind.hook)
    return CASE.format(
        number=number, sizes=sizes, batch=BATCH, width=WIDTH, hooks=hooks,
        layers="\n".join(f"        self.layer{n} = nn.Linear(SIZES[{n}], SIZES[{n + 1}])" for n in range(LAYERS)),
        forward="\n".join(f"        {line}" for line in forward),
    )  # fmt: skip


def is_place_right(sentence: str, folder: Path, number: int, kind: Kind, layer: int) -> bool:
    """Whether a sentence names the place that was planted: the marked line, or what the kind says."""
    if kind.mode != "eager" and not kind.line:
        return True  # there is none
    if kind.is_wider:
        return f"layer{layer}" in sentence
    if kind.where:
        return kind.where in sentence
    lines = (folder / f"case_{number}.py").read_text().splitlines()
    return any(f"net/case_{number}.py:{n}" in sentence for n, line in enumerate(lines, 1) if line.endswith(MARK))
