"""Tables on a terminal are no wider than they should be, and lose nothing by it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reports.format.tables import WIDTH, broken, grid

NAMES = st.sampled_from(["data_loading.data_loader", "mnist_cnn.train_step", "batch=64, shuffle=False, workers=2", ""])
ROWS = st.lists(st.tuples(NAMES, NAMES, NAMES, st.just("144 k operation/s")), min_size=1, max_size=5)


def test_a_wide_table_has_its_widest_left_columns_broken_where_words_end() -> None:
    row = ["data_loading.data_loader", "batch=64, shuffle=False, workers=2, pinned=False", *["144 k operation/s"] * 4]
    lines = grid(["workload", "point", *"abcd"], [row], "table").splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[2].startswith("data_loading.")
    assert lines[2].count("144 k operation/s") == 4
    assert len(lines) > 3
    assert not any("144" in line for line in lines[3:])


def test_a_narrow_table_and_markdown_stay_as_they_are() -> None:
    row = ["modules.linear", "batch=64, features=256"]
    assert "batch=64, features=256" in grid(["workload", "point"], [row], "table")
    assert "| modules.linear | " + "x, " * 60 in grid(["a", "b"], [["modules.linear", "x, " * 60]], "markdown")


@given(ROWS)
def test_breaking_loses_no_word(rows: list[tuple[str, ...]]) -> None:
    headers = ["workload", "point", "answer", *["more than anybody wants to see"] * 3]
    cells = [[*row, row[3], row[3]] for row in rows]
    printed = grid(headers, cells, "table", 3)
    for row in rows:
        for cell in row[:3]:
            assert all(word in printed for word in cell.replace(".", ". ").split())


@given(NAMES, st.integers(1, 60))
def test_lines_are_as_short_as_words_allow(text: str, width: int) -> None:
    lines = broken(text, width).split("\n")
    assert "".join(lines) == text
    assert all(len(line.rstrip()) <= width or " " not in line.strip() for line in lines)
