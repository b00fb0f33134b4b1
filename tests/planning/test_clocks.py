"""Clocks that are off by more than five seconds are named; slow looks are no reason to doubt one (faults row 43)."""

from __future__ import annotations

import pytest

from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.clocks import clock_notes
from tests.builders import facts_of
from tests.planning.fleets import SILENT

BEGAN_S, ENDED_S = 1_800_000_000.4, 1_800_000_002.9
RIGHT_S = 1_800_000_001


def notes(**clocks: int) -> tuple[str, ...]:
    facts = {host: facts_of(host, clock_s=RIGHT_S + off_s) for host, off_s in clocks.items()}
    return clock_notes(Snapshot({**facts, "h9": SILENT}), BEGAN_S, ENDED_S)


@pytest.mark.parametrize("off_s", [0, 5, -5, 6, -6])
def test_what_may_be_five_seconds_or_less_is_right(off_s: int) -> None:
    assert notes(h1=0, h2=off_s) == ()


@pytest.mark.parametrize(
    ("off_s", "words"),
    [
        (8, "6 s ahead of"),
        (-8, "6 s behind"),
        (200, "3 min ahead of"),
        (-86_400, "24 h behind"),
        (10 * 86_400, "10 days ahead of"),
    ],
)
def test_a_host_that_is_off_is_named_with_how_far_at_least(off_s: int, words: str) -> None:
    assert notes(h1=0, h2=off_s) == (f"clock: h2 is {words} this machine",)


def test_where_all_hosts_are_off_alike_it_is_this_machine() -> None:
    assert notes(h1=90_000, h2=90_001, h3=89_999) == ("clock: this machine is 25 h behind all 3 hosts",)


def test_hosts_that_are_off_by_themselves_are_named_each() -> None:
    assert len(notes(h1=90_000, h2=-90_001)) == 2


def test_one_host_alone_is_not_believed_more_than_this_machine() -> None:
    assert notes(h1=600) == ("clock: h1 is 10 min ahead of this machine",)
