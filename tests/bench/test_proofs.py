"""`make proof` itself: every proof can be started and is documented, and one that fails is said to."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.conftest import ROOT
from tests.proof.__main__ import PROOFS, main
from tests.proof.claims import equal, show, within


def test_every_proof_is_documented_with_its_command() -> None:
    document = (ROOT / "docs" / "method.md").read_text()
    for name, command in PROOFS.items():
        assert find_spec(command[0])
        assert f"| {name} |" in document
        assert f"`python -m {' '.join(command)}`" in document


def test_a_proof_prints_what_it_found_against_what_it_should(capsys: pytest.CaptureFixture[str]) -> None:
    assert show([within("a gain", 2.04, 1.9, 2.1), equal("a name", "loops", "loops")]) == 0
    assert show([within("a gain", 2.2, 1.9, 2.1)]) == 1
    assert show([equal("a name", "steady", "loops")]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("a ")]
    assert lines[0] == ["a", "gain", "as", "it", "should", "2.04", "1.9", "to", "2.1"]
    assert lines[-1] == ["a", "name", "NOT", "SO", "steady", "loops"]


def test_an_unknown_proof_names_those_there_are() -> None:
    with pytest.raises(SystemExit, match="no proof is called rulers; choose from ruler"):
        main(["rulers"])
