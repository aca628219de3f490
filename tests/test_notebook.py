"""The notebook in docs/ is executed, and its results show themselves in it; the page's own Python runs, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from bench.records.files import read
from tests.conftest import ROOT
from tests.test_documents import blocks

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
PAGE = ROOT / "docs" / "in-python.md"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook, folder


def shown(notebook: Any, kind: str) -> list[str]:
    """What its cells answered, in one of the forms that a notebook can show."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.data[kind] for output in outputs if kind in output.get("data", {})]


def test_results_show_themselves(executed: tuple[Any, Path]) -> None:
    pages = [page for page in shown(executed[0], "text/html") if 'class="torchpace"' in page]
    assert len(pages) == 3
    assert all("<svg" in page and "sample/s" in page for page in pages[:2])
    assert "of grad’s time" in pages[1]
    texts = [text for text in shown(executed[0], "text/plain") if "95 %" in text]
    assert len(texts) == 3
    assert max(len(line) for text in texts for line in text.split("\n")) <= 120


def test_what_it_keeps_is_there(executed: tuple[Any, Path]) -> None:
    _, folder = executed
    assert {record.case.mode for record in read(folder / "kept.jsonl").records} == {"one", "two"}
    assert "optimizer state" in (folder / "out" / "report.html").read_text()


def test_it_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


def test_the_page_of_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks(PAGE, "python"):
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["result"].throughput > 0
    assert names["pair"]["linear"].verdict in ("slower", "faster", "same", "undecided")
    assert (tmp_path / "out" / "report.html").is_file()
    assert torch.is_grad_enabled()


def test_the_page_names_what_there_is() -> None:
    import torchpace

    words = set(re.findall(r"torchpace\.(\w+)\(", PAGE.read_text()))
    assert words == {"measure", "compare", "profile"}
    assert all(hasattr(torchpace, word) for word in words)
