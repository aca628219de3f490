"""Damaged files end no command in a traceback; `make proof` tries thousands more."""

from __future__ import annotations

from pathlib import Path

from tests.mutations import Kind, faults, kinds, outcome

INPUTS = 200


def test_no_damaged_input_ends_in_a_traceback() -> None:
    assert list(faults(INPUTS, seed=0)) == []


def test_good_inputs_are_read_by_every_command(tmp_path: Path) -> None:
    for kind in kinds():
        where = tmp_path / kind.name
        for name, text in kind.files.items():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            (where / name).write_text(text)
        given = str(where if kind.whole else where / next(iter(kind.files)))
        for command in kind.commands:
            filled = command.replace("-o out", f"-o {tmp_path}/out").replace("page.html", f"{tmp_path}/page.html")
            fault = outcome(filled.format(given, given).split(), [given, *kind.files, "--by mode", "the sources"])
            assert fault == "", f"{kind.name}: {command}"


def test_a_traceback_would_be_found() -> None:
    good = Kind("planted", {"in.jsonl": "{}"}, ())
    assert "Traceback" in outcome(["compare", good], ["in.jsonl"])  # type: ignore[list-item]
    assert outcome(["compare", "nowhere.jsonl"], ["in.jsonl"]).startswith("refused without naming the file")
