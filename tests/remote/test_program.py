"""Programs on this machine: what they are given, what is kept of them, and that they end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from clusterctl.remote.program import Ended, call


def test_it_is_given_words_and_an_environment_and_returns_what_it_printed() -> None:
    ended = call(["sh", "-c", 'cat; echo "$X"; echo no >&2; exit 3'], "in\n", timeout_s=10, env={"X": "1"})

    assert ended == Ended(3, "in\n1\n", "no")


def test_it_is_found_without_any_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH")

    assert call(["sh", "-c", "command -v cat >/dev/null"], timeout_s=10).code == 0


def test_one_that_does_not_read_its_stdin_may() -> None:
    assert call(["true"], "x" * 1_000_000, timeout_s=10).code == 0


def test_what_cannot_be_run_says_so() -> None:
    assert call(["/nowhere/x"], timeout_s=10) == Ended(
        None, "", "cannot be run here: No such file or directory"
    )


def test_one_that_does_not_end_is_ended_with_what_it_started() -> None:
    began = time.monotonic()

    ended = call(["sh", "-c", "sleep 60 & sleep 60"], timeout_s=0.3)

    assert ended == Ended(None, "", "no end within 0.3 s")
    assert time.monotonic() - began < 30


def test_what_it_says_is_made_safe() -> None:
    assert call(["printf", "%b", "x"], timeout_s=10).stdout == "x"
    assert call(["sh", "-c", "printf '\\033[2J' >&2; exit 1"], timeout_s=10).words == "\\x1b[2J"


def test_one_that_prints_without_end_is_ended() -> None:
    ended = call(["sh", "-c", "yes & yes"], timeout_s=60)

    assert ended == Ended(None, "", "printed more than 10 MiB")


def test_it_runs_in_the_folder_it_is_given(tmp_path: Path) -> None:
    assert call(["pwd"], timeout_s=10, folder=str(tmp_path)).stdout == f"{tmp_path}\n"
