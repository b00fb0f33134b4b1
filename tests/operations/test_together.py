"""Asking at the same time: some answers are enough, nobody is waited for beyond the deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import pytest

from clusterctl.operations.together import ask_together


def everything(_: Mapping[str, int]) -> bool:
    return False


def test_answers_come_in_the_order_asked() -> None:
    found = ask_together(["h2", "h1"], len, everything, deadline_s=5)

    assert list(found.items()) == [("h2", 2), ("h1", 2)]


def test_once_decided_the_others_are_not_waited_for_and_what_they_say_is_late() -> None:
    go = threading.Event()
    late: list[str] = []

    def ask(host: str) -> str:
        if host == "slow":
            go.wait(60)
        return host

    began = time.monotonic()
    found = ask_together(
        ["slow", "h1"], ask, lambda answers: "h1" in answers, deadline_s=30, late=late.append
    )

    assert found == {"h1": "h1"}
    assert time.monotonic() - began < 20
    go.set()
    end = time.monotonic() + 20
    while late != ["slow"]:
        assert time.monotonic() < end


def test_a_host_that_raises_has_no_answer() -> None:
    def ask(host: str) -> str:
        if host == "h1":
            raise OSError("broken")
        return host

    assert ask_together(["h1", "h2"], ask, lambda _: False, deadline_s=5) == {"h2": "h2"}


def test_interrupted_all_answers_are_late() -> None:
    late: list[str] = []

    def interrupted(_: Mapping[str, str]) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask_together(["h1"], str, interrupted, deadline_s=5, late=late.append)

    assert late == ["h1"]
