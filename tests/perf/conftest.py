"""What these tests need beside pytest."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    if not pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError("tests/perf needs pytest-benchmark: pip install 'torchpace[pytest]'")
