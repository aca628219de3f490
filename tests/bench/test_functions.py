"""Functions as `import torchpace` sees them: their names, their devices, and lines of a notebook."""

from __future__ import annotations

import pytest
import torch

from bench.api.functions import first_call, name_of, place_of
from bench.api.magic import function_of


def product() -> torch.Tensor:
    return torch.ones(8, 8) @ torch.ones(8, 8)


def test_names_say_where_a_function_is() -> None:
    assert name_of(product) == "tests.bench.test_functions.product"
    assert name_of(torch.nn.Linear(1, 1)) == "torch.nn.modules.linear.Linear"
    assert "lambda" in name_of(lambda: 1)
    assert place_of(product).function == (__name__, "product")


def test_a_device_is_the_one_that_answers_or_was_named() -> None:
    assert first_call(product).device.name == "cpu"
    assert first_call(failing_never, named="cpu").device.name == "cpu"


def failing_never() -> dict[str, object]:
    return {"loss": [torch.ones(1)], "other": 3}


def test_a_line_of_a_notebook_is_a_function() -> None:
    names = {"x": 2, "kept": []}
    assert function_of("x + 1", names)() == 3
    function_of("y = x + 1\nkept.append(y)", names)()
    assert names["kept"] == [3]
    assert "y" not in names
    with pytest.raises(SyntaxError):
        function_of("x +", names)
