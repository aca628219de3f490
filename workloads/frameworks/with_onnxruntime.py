"""Inference in ONNX Runtime, of a graph that is written down node by node. Images are [N, C, H, W]."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from workloads.frameworks.protocol import Array, Given, Point, Step, not_installed

onnx: Any = None
ort: Any = None
OPSET, IR = 17, 8  # which every ONNX Runtime of these years reads
pool = 1
trace_to = ""  # where sessions that are made write a profile of themselves when they end: a path's beginning


def unavailable(name: str) -> str:
    """Why there is no ONNX Runtime here."""
    return not_installed("onnxruntime", "onnx")


def allowed(name: str) -> set[str]:
    """Itself alone."""
    return {"onnxruntime"}


def ways(name: str) -> tuple[str, ...]:
    """It compiles what it is given, once."""
    return ("session",)


def start(name: str, threads: int) -> None:
    """Import it."""
    global onnx, ort, pool
    import onnx as graphs  # noqa: PLC0415
    import onnxruntime as imported  # noqa: PLC0415

    onnx, ort, pool = graphs, imported, threads


def facts() -> dict[str, str]:
    """What it says of itself."""
    return {
        "version": ort.__version__, "device": "cpu", "layout": "NCHW", "threads": str(pool), "precision": "float32",
        "answers": "NumPy's",
    }  # fmt: skip


def to_array(tensor: Any) -> Array:
    """It is one."""
    return np.asarray(tensor)


def from_array(array: Array) -> Any:
    """A copy."""
    return array.copy()


def wait(answer: Any) -> None:
    """An answer is there when it is given."""


def nodes(is_padded: bool) -> Iterator[Any]:
    """The network, each node reading what the last one gave."""
    edge = [1, 1, 1, 1] if is_padded else [0, 0, 0, 0]
    pooling = ("MaxPool", (), {"kernel_shape": [2, 2], "strides": [2, 2]})
    parts: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("Conv", ("conv1.w", "conv1.b"), {"pads": edge}), ("Relu", (), {}), *([pooling] if is_padded else []),
        ("Conv", ("conv2.w", "conv2.b"), {"pads": edge}), ("Relu", (), {}), pooling, ("Flatten", (), {}),
        ("Gemm", ("fc1.w", "fc1.b"), {"transB": 1}), ("Relu", (), {}), ("Gemm", ("fc2.w", "fc2.b"), {"transB": 1}),
        ("Identity", (), {}) if is_padded else ("LogSoftmax", (), {"axis": 1}),
    ]  # fmt: skip
    for number, (kind, weights, options) in enumerate(parts):
        source = f"t{number - 1}" if number else "x"
        target = "answer" if number == len(parts) - 1 else f"t{number}"
        yield onnx.helper.make_node(kind, [source, *weights], [target], **options)


def session(given: Given, point: Point) -> Any:
    """A session with these weights."""
    kind, helper = onnx.TensorProto.FLOAT, onnx.helper
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in given.items() if "." in name]
    graph = helper.make_graph(
        list(nodes(point["model"] == "padded")), "network",
        [helper.make_tensor_value_info("x", kind, list(given["x"].shape))],
        [helper.make_tensor_value_info("answer", kind, [len(given["x"]), 10])], weights,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = pool
    if trace_to:
        options.enable_profiling, options.profile_file_prefix = True, trace_to
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def cnn_inference(how: str, point: Point) -> Step:
    """The network's answers for a batch."""
    held: dict[str, Any] = {}

    def give(given: Given) -> None:
        held.clear()  # two sessions at a time would be in the process's peak memory
        begun_s = time.perf_counter()
        held["own"] = session(given, point)
        held["made_s"] = time.perf_counter() - begun_s
        held["x"] = from_array(given["x"])

    return Step(give, lambda: held["own"].run(None, {"x": held["x"]})[0], to_array, lambda: held["made_s"])
