"""`%load_ext torchpace`: `%torchpace model(x)` measures a line, `%%torchpace` a cell, by the names of the notebook."""

from __future__ import annotations

import textwrap
from typing import Any

from bench.api.measuring import measure
from bench.api.results import Result

LONGEST_NAME = 60  # characters of code by which a result is called
ALONE = "line"


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython: register the magic."""

    def torchpace(line: str, cell: str | None = None) -> Result:
        """Measure a line, or the lines of a cell: how long they take in this process, waiting for the device."""
        code = textwrap.dedent(cell or line).strip("\n")
        name = code.strip() if "\n" not in code and len(code) <= LONGEST_NAME else ALONE
        return measure(function_of(code, shell.user_ns), name=name)

    shell.register_magic_function(torchpace, "line_cell", "torchpace")


def function_of(code: str, names: dict[str, Any]) -> Any:
    """The code as a function of no arguments, which reads the notebook's names and leaves none behind.

    An expression gives its value. Raises SyntaxError.
    """
    try:
        compile(code, "<torchpace>", "eval")
        body = f"return (\n{code}\n)"
    except SyntaxError:
        body = code
    made: dict[str, Any] = {}
    exec(compile(f"def step():\n{textwrap.indent(body, '    ')}\n", "<torchpace>", "exec"), names, made)
    return made["step"]
