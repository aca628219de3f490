"""Where the digits come from: MNIST in a folder the user names, or the stand-in that this project draws.

The only file that imports torchvision, and only when digits are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from workloads.base import Unavailable
from workloads.shared import digits

FOLDER_VARIABLE = "TORCHPACE_DATA"
FILES = tuple(
    f"MNIST/raw/{part}-{kind}" for part in digits.COUNTS for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
)
MEAN, DEVIATION = 0.5, 0.5  # the primer's Normalize: pixels in [0, 1] become [-1, 1]


def cache_folder() -> Path:
    """The user's cache folder for this project."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torchpace"


def data_folder() -> Path:
    """The folder named by TORCHPACE_DATA, or the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).expanduser() if named else cache_folder() / "data"


def has_digits(folder: Path) -> bool:
    """Whether all four IDX files are in the folder."""
    return all((folder / name).is_file() for name in FILES)


def locate() -> tuple[Path, str]:
    """The folder to read digits from, and what they are: "MNIST", or the stand-in with its version."""
    if has_digits(data_folder()):
        return data_folder(), "MNIST"
    stand_in = f"stand-in digits {digits.VERSION}"
    return data_folder() / stand_in.replace(" ", "-"), stand_in


def prepare(advance: Callable[[int], None] = lambda images: None) -> str:
    """Make sure that there are digits to read, drawing the stand-in once; says which they are.

    Raises Unavailable when they can be neither read nor written.
    """
    folder, name = locate()
    if not has_digits(folder):
        try:
            digits.write(folder, advance)
        except OSError as error:
            raise Unavailable(
                f"digits cannot be written to {folder}: {error.strerror}; name a writable folder in {FOLDER_VARIABLE}"
            ) from error
    return name


def require_torchvision() -> None:
    """Raise Unavailable, with what to do, when torchvision is not installed; imports nothing."""
    if find_spec("torchvision") is None:
        raise Unavailable("torchvision is not installed; pip install 'torchpace[mnist]'")


def torchvision() -> Any:
    """The torchvision package; raises Unavailable when it is not installed or does not go with this torch."""
    require_torchvision()
    try:
        import torchvision  # noqa: PLC0415 - late, so that all that needs no digits runs without it
        import torchvision.transforms  # noqa: PLC0415
    except Exception as error:  # a torchvision built for another torch raises RuntimeError, not ImportError
        raise Unavailable(
            f"torchvision {version('torchvision')} does not go with torch {torch.__version__} "
            f"({type(error).__name__}: {error}); install both from the same index"
        ) from error
    return torchvision


def dataset(train: bool) -> Dataset[tuple[Tensor, int]]:
    """The digits as the primer reads them: PIL images through ToTensor and Normalize, [1, 28, 28] in [-1, 1]."""
    vision = torchvision()
    prepare()
    transforms = vision.transforms
    pipeline = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (DEVIATION,))])
    data: Dataset[tuple[Tensor, int]] = vision.datasets.MNIST(str(locate()[0]), train=train, transform=pipeline)
    return data


@cache
def pixels(train: bool) -> tuple[Tensor, Tensor]:
    """All images uint8 [N, 28, 28] and labels int64 [N], read once per process."""
    vision = torchvision()
    prepare()
    data = vision.datasets.MNIST(str(locate()[0]), train=train)
    return data.data, data.targets


def read_ahead() -> None:
    """Read the digits, if there are any, for processes that are forked from this one.

    In this thread alone: others of torch's would be missing in those.
    """
    if has_digits(locate()[0]):
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        for train in (True, False):
            pixels(train)
        torch.set_num_threads(before)


def tensors(train: bool, count: int) -> tuple[Tensor, Tensor]:
    """The first `count` digits, normalized: float32 images [count, 1, 28, 28] in [-1, 1] and labels [count]."""
    images, labels = pixels(train)
    if count > len(labels):
        raise ValueError(f"{count} digits asked for, there are {len(labels)}")
    scaled = images[:count, None].to(torch.float32) / 255
    return (scaled - MEAN) / DEVIATION, labels[:count]


def download(folder: Path) -> None:
    """Download MNIST with torchvision, which shows its progress; raises RuntimeError or OSError when it cannot."""
    torchvision().datasets.MNIST(str(folder), train=True, download=True)
