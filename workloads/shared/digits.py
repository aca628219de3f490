"""Digits drawn by this project, for machines that cannot have MNIST: same shapes, dtypes, counts and files.

Each image is a handful of pen strokes, bent, rotated, sheared, scaled and shifted at random, inked by a soft
round pen, with a little noise. Written once, in the IDX format (http://yann.lecun.com/exdb/mnist/) under the
names that `torchvision.datasets.MNIST` reads. Depends on NumPy alone, so that the same version draws the same
digits everywhere.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

VERSION = 1  # bump when a pixel changes: the figures of older records were taken on other digits
COUNTS = {"train": 60_000, "t10k": 10_000}
SIDE = 28  # pixels
POINTS = 40  # samples of the pen's path per image; 40 steps of under a pixel leave no gaps
CHUNK = 2_000  # images drawn at a time, about 25 MB of scratch


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> list[tuple[float, float]]:
    """Points along an ellipse around (x, y), from angle `start` to `end` in degrees; y grows downwards."""
    angles = np.radians(np.linspace(start, end, 12))
    return [(x + rx * float(np.cos(a)), y + ry * float(np.sin(a))) for a in angles]


# Every digit as the ways people write it: strokes of points in a box of width and height 1.
STROKES: dict[int, list[list[list[tuple[float, float]]]]] = {
    0: [[arc(0.5, 0.5, 0.27, 0.42, -90, 270)], [arc(0.5, 0.5, 0.36, 0.4, -70, 290)]],
    1: [[[(0.5, 0.08), (0.5, 0.92)]], [[(0.33, 0.25), (0.54, 0.08), (0.52, 0.92)]]],
    2: [
        [arc(0.48, 0.3, 0.26, 0.22, -170, 40), [(0.68, 0.44), (0.24, 0.9), (0.78, 0.9)]],
        [arc(0.48, 0.3, 0.24, 0.22, -180, 50), [(0.63, 0.47), (0.3, 0.8)], arc(0.3, 0.82, 0.09, 0.09, 90, 360),
         [(0.38, 0.84), (0.8, 0.88)]],
    ],
    3: [
        [arc(0.45, 0.29, 0.25, 0.2, -150, 90), arc(0.45, 0.7, 0.28, 0.22, -90, 150)],
        [[(0.25, 0.1), (0.7, 0.1), (0.45, 0.45)], arc(0.45, 0.67, 0.27, 0.23, -90, 150)],
    ],
    4: [
        [[(0.3, 0.1), (0.24, 0.55), (0.78, 0.55)], [(0.66, 0.12), (0.64, 0.92)]],
        [[(0.62, 0.92), (0.62, 0.1), (0.2, 0.62), (0.82, 0.62)]],
    ],
    5: [
        [[(0.75, 0.1), (0.32, 0.1), (0.29, 0.45)], arc(0.46, 0.66, 0.27, 0.24, -120, 140)],
        [[(0.7, 0.14), (0.36, 0.1), (0.36, 0.42)], arc(0.44, 0.68, 0.3, 0.22, -100, 120)],
    ],
    6: [
        [[(0.64, 0.08), (0.4, 0.3), (0.26, 0.62)], arc(0.5, 0.68, 0.25, 0.22, -180, 180)],
        [[(0.5, 0.08), (0.28, 0.5)], arc(0.5, 0.7, 0.22, 0.2, -200, 160)],
    ],
    7: [
        [[(0.22, 0.12), (0.78, 0.12), (0.42, 0.92)]],
        [[(0.24, 0.16), (0.76, 0.12), (0.46, 0.92)], [(0.38, 0.5), (0.72, 0.5)]],
    ],
    8: [
        [arc(0.5, 0.28, 0.21, 0.19, 90, 450), arc(0.5, 0.69, 0.26, 0.22, -90, 270)],
        [[(0.7, 0.2), (0.3, 0.75)], arc(0.48, 0.24, 0.22, 0.15, 0, -180), arc(0.48, 0.76, 0.2, 0.16, 180, 0),
         [(0.68, 0.74), (0.28, 0.24)]],
    ],
    9: [
        [arc(0.5, 0.31, 0.24, 0.22, 0, 360), [(0.74, 0.31), (0.7, 0.6), (0.6, 0.92)]],
        [arc(0.48, 0.32, 0.22, 0.22, -10, 350), [(0.71, 0.2), (0.7, 0.92)]],
    ],
}  # fmt: skip


def pen_path(strokes: list[list[tuple[float, float]]]) -> Array:
    """POINTS points [POINTS, 2] evenly spaced along the strokes, which the pen does not join."""
    corners = [np.array(stroke, dtype=np.float64) for stroke in strokes]
    lengths = [np.linalg.norm(np.diff(c, axis=0), axis=1) for c in corners]
    total = sum(float(length.sum()) for length in lengths)
    counts = [max(2, round(POINTS * float(length.sum()) / total)) for length in lengths]
    counts[int(np.argmax(counts))] += POINTS - sum(counts)
    pieces = []
    for corner, length, count in zip(corners, lengths, counts, strict=True):
        way = np.concatenate([[0.0], np.cumsum(length)])
        at = np.linspace(0.0, way[-1], count)
        pieces.append(np.stack([np.interp(at, way, corner[:, axis]) for axis in (0, 1)], axis=1))
    return np.concatenate(pieces).astype(np.float32)


def draw(labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.uint8]:
    """Images [N, 28, 28] of the labels [N], every one written a little differently."""
    n = len(labels)
    paths = {digit: np.stack([pen_path(way) for way in ways]) for digit, ways in STROKES.items()}
    ways = random.integers(0, 2, n)
    xy = np.stack([paths[int(label)][way] for label, way in zip(labels, ways, strict=True)]) - 0.5

    # A slow wave bends the strokes; an affine map rotates, shears, scales and shifts the digit.
    wave = random.normal(0, 0.035, (n, 2, 2)).astype(np.float32)
    phase = random.uniform(0, 2 * np.pi, (n, 1, 2)).astype(np.float32)
    xy = xy + wave[:, None, 0] * np.sin(5 * xy[..., ::-1] + phase) + wave[:, None, 1] * np.cos(9 * xy + phase)
    angle, shear = random.normal(0, 0.17, n), random.normal(0, 0.2, n)
    width, height = random.uniform(13, 22, n), random.uniform(17, 23, n)
    cos, sin = np.cos(angle), np.sin(angle)
    affine = np.stack(
        [
            np.stack([cos * width, (shear * cos - sin) * height], 1),
            np.stack([sin * width, (shear * sin + cos) * height], 1),
        ],
        axis=1,
    ).astype(np.float32)
    centre = (SIDE - 1) / 2 + random.uniform(-2.5, 2.5, (n, 1, 2)).astype(np.float32)
    xy = np.einsum("nij,npj->npi", affine, xy) + centre

    # A round Gaussian pen is a product of one Gaussian along x and one along y, so that all the ink of an
    # image is one matrix product; 1 - exp(-ink) keeps crossing strokes from adding up.
    thickness = random.uniform(0.6, 1.25, (n, 1, 1)).astype(np.float32)  # pixels
    pixels = np.arange(SIDE, dtype=np.float32)
    along = [np.exp(-0.5 * ((xy[..., axis, None] - pixels) / thickness) ** 2) for axis in (0, 1)]
    ink = 1 - np.exp(-2.2 * np.matmul(along[1].transpose(0, 2, 1), along[0]))
    ink = ink * random.uniform(0.75, 1.0, (n, 1, 1)) + random.normal(0, 0.06, ink.shape)
    return np.asarray(np.rint(np.clip(ink, 0, 1) * 255), dtype=np.uint8)


def idx(array: NDArray[np.uint8]) -> bytes:
    """The array as an IDX file: two zero bytes, type 8 (unsigned byte), rank, sizes (big-endian), data."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.tobytes()


def write(folder: Path, advance: Callable[[int], None] = lambda images: None) -> None:
    """Draw all digits into folder/MNIST/raw, all files or none; `advance` is told of every few images drawn.

    Raises OSError when the folder cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".digits-", dir=folder.parent))
    try:
        raw = scratch / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for seed, (part, count) in enumerate(COUNTS.items()):
            random = np.random.default_rng((VERSION, seed))
            labels = random.permutation(np.arange(count) % 10)
            images = np.empty((count, SIDE, SIDE), dtype=np.uint8)
            for start in range(0, count, CHUNK):
                chunk = slice(start, start + CHUNK)
                images[chunk] = draw(labels[chunk], random)
                advance(len(labels[chunk]))
            (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
            (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels.astype(np.uint8)))
        try:
            os.rename(scratch, folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process drew the same digits first
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
