"""What explaining an answer costs: gradients of the padded network's logits by its input, once or along a path."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from workloads.base import Setup, Step, Unavailable, workload
from workloads.checks import host64, near
from workloads.mnist_cnn import Padded

CLASS = 3  # whose logit is explained
STEPS = 16  # of the path from an image of zeros, by Gauss and Legendre's rule as captum has it
KINKS = 5e-3  # where two numbers of a pool are alike, rounding decides which of them has the whole gradient
Explain = Callable[[nn.Module, Tensor], Tensor]


def saliency_of(network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """|d logit / d pixel| (Simonyan et al., 2014): [batch, 1, 28, 28]."""
    images = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(network(images)[:, CLASS].sum(), images)
    return gradient.abs()


def along_path(network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Integrated gradients (Sundararajan et al., 2017) from zeros: pixel times its mean gradient on the way."""
    nodes, weights = legendre(STEPS)
    total = torch.zeros_like(images)
    for node, weight in zip(nodes, weights, strict=True):
        point = (node * images).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(network(point)[:, CLASS].sum(), point)
        total += weight * gradient
    return images * total


def legendre(count: int) -> tuple[list[float], list[float]]:
    """Places in (0, 1) and weights that add up to 1, of the rule with so many points."""
    from numpy.polynomial.legendre import leggauss  # noqa: PLC0415

    nodes, weights = leggauss(count)
    return [(1 + float(node)) / 2 for node in nodes], [float(weight) / 2 for weight in weights]


def explained(setup: Setup, batch: int, explain: Explain, right: Explain) -> Step:
    """A step that explains a batch of images, checked against `right` in float64."""
    network = setup.place(Padded()).eval()
    images = setup.randn(batch, 1, 28, 28)
    compiled = setup.compile(network)
    return Step(
        lambda: explain(compiled, images),
        items=batch,
        check=near(lambda: right(host64(network), host64(images)), max(KINKS, setup.convolution_tolerance or 0.0)),
    )


@workload("explain.saliency", item="image", default=False, batch=(1, 64))
def saliency(setup: Setup, batch: int) -> Step:
    """The gradient of one logit by each pixel, of [batch, 1, 28, 28]."""
    return explained(setup, batch, saliency_of, saliency_of)


@workload(
    "explain.integrated_gradients", item="image", default=False, method=("plain", "captum"), batch=(16,),
    not_compiled="captum sets hooks on what it explains, and the plain loop is to be what it is compared with",
)  # fmt: skip
def integrated_gradients(setup: Setup, method: str, batch: int) -> Step:
    """Gradients along 16 points of the path from zeros: a plain loop, or captum, with all points as one batch."""
    return explained(setup, batch, along_path if method == "plain" else by_captum(), along_path)


def by_captum() -> Explain:
    """Captum's way; Unavailable without it."""
    try:
        from captum.attr import IntegratedGradients  # noqa: PLC0415 - optional
    except ImportError as error:
        raise Unavailable("captum is not installed; pip install captum") from error

    def explain(network: nn.Module, images: Tensor) -> Tensor:
        found: Tensor = IntegratedGradients(network).attribute(images, target=CLASS, n_steps=STEPS)
        return found.detach()

    return explain
