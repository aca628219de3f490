"""A file that is read in pieces is what it is when read whole, whatever the pieces and whatever is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.profiles.trace import pieces
from reports.profiles.trace.reading import Trace, TraceError, read_trace
from tests.conftest import ROOT
from tests.traces.events import Events, memory, op, step, write

TRACES = ROOT / "tests" / "data" / "traces"
FEW: Events = [
    step(0, 0, 100), op("aten::mm", 1, 10, **{"Input Dims": [[2, 3], [3, 4]]}),
    op('a "},{" name \\', 12, 3, **{"External id": 7}), memory(20, 64, 4096), memory(30, -64, 4096), step(1, 100, 50),
]  # fmt: skip


def same(one: Trace, other: Trace) -> bool:
    """Whether two traces hold the same; of texts which there are, and not how they are kept."""
    for name in ("events", "memory"):
        first, second = (getattr(trace, name).astype({
            column: str for column, kind in getattr(trace, name).dtypes.items() if kind == "category"
        }) for trace in (one, other))  # fmt: skip
        if not first.equals(second):
            return False
    return (one.rank, one.devices, one.warnings) == (other.rank, other.devices, other.warnings)


@pytest.mark.parametrize("piece", [1, 97, 5000])
@pytest.mark.parametrize("name", ["h200_compiled", "rocm_minitoy_train", "cuda_sampled_rank0"])
def test_pieces_of_any_size_give_the_same_trace(monkeypatch: pytest.MonkeyPatch, name: str, piece: int) -> None:
    path = TRACES / f"{name}.json.gz"
    whole = read_trace(path)
    monkeypatch.setattr(pieces, "PIECE", max(piece, 1000) if name != "h200_compiled" else piece)
    assert len(list(pieces.pieces(path))) > 1
    assert same(whole, read_trace(path))


@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("piece", [1, 50, 10_000])
def test_what_looks_like_a_border_inside_of_a_name_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, bare: bool
) -> None:
    path = write(tmp_path / "t.json", FEW, distributedInfo={"rank": 3})
    if bare:
        path.write_text(json.dumps(FEW))
    whole = read_trace(path)
    assert len(whole.events) == 4
    assert whole.rank == (None if bare else 3)
    monkeypatch.setattr(pieces, "PIECE", piece)
    assert same(whole, read_trace(path))


@pytest.mark.parametrize("piece", [1, 10_000])
def test_what_is_put_right_in_a_whole_file_is_put_right_in_one_of_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(pieces, "PIECE", piece)
    whole = read_trace(write(tmp_path / "whole.json", FEW))
    text = json.dumps(FEW)
    for wrong in (text[:-1], text[:-1] + ",", text[:-1] + ",]", text.replace("aten::mm", "aten::mm\x01")):
        (tmp_path / "wrong.json").write_text(wrong)
        found = read_trace(tmp_path / "wrong.json")
        assert len(found.events) == len(whole.events)
        assert found.events["end_ns"].tolist() == whole.events["end_ns"].tolist()
    for bad in (text[:-9], text + "x"):
        (tmp_path / "bad.json").write_text(bad)
        with pytest.raises(TraceError):
            read_trace(tmp_path / "bad.json")
    with pytest.raises(TraceError, match="has no events with a duration"):
        read_trace(write(tmp_path / "none.json", []))
