"""The output of a command on many hosts: folded, and as differences to the majority."""

from __future__ import annotations

import pytest

from clusterctl.cli.console import choose_form
from clusterctl.cli.folded import print_diff, print_folded
from clusterctl.model.report import CommandResult


def answer(host: str, out: bytes, code: int = 0) -> CommandResult:
    return CommandResult(host, code, out, b"")


@pytest.fixture(autouse=True)
def _plain() -> None:
    choose_form("table", "never")


def test_the_same_output_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    print_folded(
        [answer("h1", b"6.1\n"), answer("h2", b"6.0\n", 3), answer("h3", b"6.1\n"), answer("h4", b"a\nb\n")]
    )

    assert capsys.readouterr().out == "h[1,3]: 6.1\nh2: 6.0 (exit 3)\nh4:\n  a\n  b\n"


def test_other_output_is_shown_against_the_majority(capsys: pytest.CaptureFixture[str]) -> None:
    print_diff(
        [
            answer("h1", b"ntp: off\nzone: UTC\n"),
            answer("h2", b"ntp: on\nzone: UTC\n"),
            answer("h3", b"ntp: on\nzone: UTC\n"),
        ]
    )

    assert capsys.readouterr().out == (
        "h[2-3]:\n  ntp: on\n  zone: UTC\n"
        "--- h[2-3]\n+++ h1\n@@ -1,2 +1,2 @@\n-ntp: on\n+ntp: off\n zone: UTC\n"
    )


def test_hosts_that_differ_only_in_how_it_ended_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    print_diff([answer("h1", b"x\n"), answer("h2", b"x\n"), answer("h3", b"x\n", 1)])

    assert capsys.readouterr().out == "h[1-2]: x\n--- h[1-2]\n+++ h3 (exit 1)\n"


def test_no_answers_have_no_majority(capsys: pytest.CaptureFixture[str]) -> None:
    print_diff([])

    assert capsys.readouterr().out == ""


def test_what_a_host_prints_does_not_reach_the_terminal_raw(capsys: pytest.CaptureFixture[str]) -> None:
    print_diff([answer("h1", b"a\n"), answer("h2", b"\x1b]0;title\x07\n"), answer("h3", b"a\n")])

    assert "\x1b" not in capsys.readouterr().out


def test_what_is_too_long_to_compare_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    long = b"x" * 300_000

    print_diff([answer("h1", b"a\n"), answer("h2", long), answer("h3", b"a\n")])

    shown = capsys.readouterr()
    assert shown.err == "note: h2: too long to compare (more than 256 KiB); shown whole\n"
    assert shown.out == f"h[1,3]: a\nh2:\n  {long.decode()}\n"


def test_a_character_at_the_end_of_a_piece_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    edge = "x" * (64 * 1024 - 1)

    print_folded([answer("h1", f"{edge}é\nmore".encode())])

    assert capsys.readouterr().out == f"h1:\n  {edge}é\n  more\n"
