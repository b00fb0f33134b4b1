from __future__ import annotations

import pytest

from clusterctl.planning.markers import Marker, parse_marker

WHOLE = "by=dev@laptop\nrun=20270115-080000-reboot-0001\nreason=new kernel\nsince=1800000000\n"


def test_a_marker_says_by_whom_of_which_run_why_and_since_when() -> None:
    marker = parse_marker(WHOLE)

    assert marker == Marker("dev@laptop", "20270115-080000-reboot-0001", "new kernel", 1_800_000_000)
    assert str(marker) == "since 2027-01-15 by dev@laptop (new kernel)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("since 2026-11-20 by ops\n", "since 2026-11-20 by ops"),
        ("disk is\tbeing   replaced\n\n", "disk is being replaced"),
        ("by=dev\n", "by=dev"),
    ],
)
def test_what_a_person_wrote_in_other_words_is_its_reason(text: str, words: str) -> None:
    marker = parse_marker(text)

    assert marker == Marker(reason=words)
    assert str(marker) == words


@pytest.mark.parametrize("since", ["", "soon", "-5", "1e9", "99999999999999999999"])
def test_a_time_that_is_none_is_left_out(since: str) -> None:
    marker = parse_marker(f"by=dev\nrun=r1\nreason=\nsince={since}\n")

    assert marker == Marker("dev", "r1")
    assert str(marker) == "by dev"


def test_a_reason_may_hold_an_equals_sign() -> None:
    marker = parse_marker("by=dev\nrun=r1\nreason=set a=b\nsince=0\n")

    assert marker.reason == "set a=b"
