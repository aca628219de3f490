"""The digits that stand in for MNIST: the same files, the same every time, and worth training on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workloads.base import Unavailable
from workloads.mnist_cnn import Padded
from workloads.shared import digits, mnist_data


def test_torchvision_reads_them_as_mnist(data_folder: Path) -> None:
    assert mnist_data.prepare() == "stand-in digits 1"
    vision = mnist_data.torchvision()
    for train, count in ((True, 60_000), (False, 10_000)):
        data = vision.datasets.MNIST(str(mnist_data.locate()[0]), train=train)
        assert data.data.shape == (count, 28, 28)
        assert data.data.dtype == torch.uint8
        assert data.targets.bincount().tolist() == [count // 10] * 10
    image, label = mnist_data.dataset(train=True)[0]
    assert image.shape == (1, 28, 28)
    assert -1 <= float(image.min()) < float(image.max()) <= 1
    assert 0 <= label <= 9


def test_the_same_version_draws_the_same_digits() -> None:
    labels = np.arange(50) % 10
    first, second = (digits.draw(labels, np.random.default_rng(7)) for _ in range(2))
    assert (first == second).all()
    assert hashlib.sha256(digits.draw(labels, np.random.default_rng(8))).digest() != hashlib.sha256(first).digest()


def test_the_normalized_tensors_are_what_the_transforms_make(data_folder: Path) -> None:
    images, labels = mnist_data.tensors(train=False, count=5)
    data = mnist_data.dataset(train=False)
    for index in range(5):
        image, label = data[index]
        assert torch.allclose(image, images[index], atol=1e-6)
        assert label == labels[index]


def test_mnist_itself_is_preferred_where_it_is(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mnist_data.prepare()
    folder, _ = mnist_data.locate()
    (tmp_path / "MNIST").symlink_to(folder / "MNIST")  # files where the user said that MNIST is
    monkeypatch.setenv("TORCHPACE_DATA", str(tmp_path))
    assert mnist_data.locate() == (tmp_path, "MNIST")


def test_a_folder_that_cannot_be_written_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORCHPACE_DATA", str(tmp_path / "file"))
    with pytest.raises(Unavailable, match="name a writable folder in TORCHPACE_DATA"):
        mnist_data.prepare()


def test_a_torchvision_that_does_not_match_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins
    import sys

    real = builtins.__import__

    def broken(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("torchvision"):
            raise RuntimeError("operator torchvision::nms does not exist")
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(Unavailable, match=r"torchvision .* does not go with torch .* same index"):
        mnist_data.torchvision()


def train(model: nn.Module, steps: int, lr: float) -> float:
    torch.manual_seed(0)
    images, labels = mnist_data.tensors(train=True, count=60_000)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    order = torch.randperm(len(labels))
    for step in range(steps):
        batch = order[64 * step : 64 * (step + 1)]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    test_images, test_labels = mnist_data.tensors(train=False, count=2_000)
    with torch.no_grad():
        return float((model(test_images).argmax(1) == test_labels).double().mean())


def test_a_cnn_reaches_97_percent_and_a_linear_model_clearly_less(data_folder: Path) -> None:
    torch.manual_seed(0)
    cnn = train(Padded(), 300, lr=0.05)
    linear = train(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), 300, lr=0.02)
    assert cnn >= 0.97
    assert 0.5 < linear < 0.9
