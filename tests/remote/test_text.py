from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.remote.text import first_line, printable


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain text, ünïcode, 漢字, ✓", "plain text, ünïcode, 漢字, ✓"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b]52;c;Y2xpcGJvYXJk\x1b\\", r"\x1b]52;c;Y2xpcGJvYXJk\x1b" + "\\"),
        ("\x9b31m", r"\x9b31m"),
        ("over\rwritten", r"over\x0dwritten"),
        ("back\x08space\x7f", r"back\x08space\x7f"),
        ("nul\x00", r"nul\x00"),
        ("abc\u202efdp.exe", r"abc\u202efdp.exe"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("line\u2028separator", r"line\u2028separator"),
        ("tag\U000e0041", r"tag\U000e0041"),
    ],
)
def test_what_a_terminal_obeys_is_shown(raw: str, shown: str) -> None:
    assert printable(raw) == shown


def test_bytes_that_are_no_text_are_shown() -> None:
    assert printable(b"caf\xe9 \xff") == r"caf\xe9 \xff"


def test_the_first_line_that_says_something_is_cut() -> None:
    assert (
        first_line(b"\n\n  sudo: a password\x07 is required  \nmore") == r"sudo: a password\x07 is required"
    )
    assert first_line("x" * 1000, 10) == "xxxxxxxxx…"
    assert first_line("") == ""


@given(st.text() | st.binary())
def test_nothing_shown_is_obeyed(raw: str | bytes) -> None:
    assert all(
        char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"} for char in printable(raw)
    )


@given(st.text())
def test_what_is_shown_once_stays_so(raw: str) -> None:
    assert printable(printable(raw)) == printable(raw)
