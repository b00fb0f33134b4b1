"""Tables in terminals of any width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.cli.table import cells, lay_out

ROWS = [
    ["HOST", "IMAGE", "NOTES"],
    ["web01", "registry.example.org/team/shop-frontend:2026.11.28", "edited by hand, runs an older unit"],
    ["web02", "redis:7", ""],
]


def shown(width: int | None) -> list[str]:
    return ["  ".join(line).rstrip() for lines in lay_out(ROWS, width) for line in lines]


def test_a_table_without_a_limit_cuts_and_wraps_nothing() -> None:
    assert shown(None) == [
        "HOST   IMAGE                                               NOTES",
        "web01  registry.example.org/team/shop-frontend:2026.11.28  edited by hand, runs an older unit",
        "web02  redis:7",
    ]


def test_the_widest_column_gives_way_first_and_words_stay_whole_or_are_seen_to_be_cut() -> None:
    assert shown(60) == [
        "HOST   IMAGE                      NOTES",
        "web01  registry.example.org/tea…  edited by hand, runs an",
        "                                  older unit",
        "web02  redis:7",
    ]


def test_the_first_column_is_never_cut_and_no_column_becomes_useless() -> None:
    assert shown(5) == [
        "HOST   IMAGE       NOTES",
        "web01  registry.…  edited by",
        "                   hand, runs",
        "                   an older",
        "                   unit",
        "web02  redis:7",
    ]


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("日本", 4), ("é", 1), ("e\u0301", 1), ("🚢", 2)])
def test_wide_and_combining_characters_are_counted_as_a_terminal_does(text: str, width: int) -> None:
    assert cells(text) == width


def test_columns_after_wide_characters_stay_in_line() -> None:
    lines = ["  ".join(line) for row in lay_out([["A", "B"], ["日本", "x"]], 40) for line in row]

    assert lines == ["A     B", "日本  x"]


@given(
    st.integers(1, 200),
    st.lists(st.lists(st.text("ab 日,-", max_size=60), min_size=3, max_size=3), min_size=1, max_size=4),
)
def test_every_line_fits_unless_the_terminal_is_smaller_than_the_least(
    width: int, rows: list[list[str]]
) -> None:
    laid = list(lay_out(rows, width))

    least = max(cells(row[0]) for row in rows) + 2 * (10 + 2)
    for line in (line for lines in laid for line in lines):
        assert sum(map(cells, line)) + 2 * 2 <= max(width, least)
