"""The observer of end-to-end tests sees what must never be: otherwise its silence would mean nothing."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import cast

from tests.e2e.fleet import LabFleet
from tests.e2e.observer import Observer

JOB = "shop-job-1"


def an_observer() -> Observer:
    fleet = cast("LabFleet", SimpleNamespace(name="x", hosts=("h1", "h2")))
    return Observer(fleet, "shop-", once=(JOB,))


def runs(*names: str) -> str:
    return json.dumps([{"Names": [f"/{name}"], "Status": "Up 3 seconds (healthy)"} for name in names])


def test_two_at_once_are_seen() -> None:
    observer = an_observer()
    for host in ("h1", "h2", "h1"):
        observer.hear(host, runs(JOB))

    assert len(observer.twice) == 1
    assert observer.twice[0].endswith(f"{JOB} on h1 and h2")


def test_one_after_the_other_is_no_two_although_the_old_one_was_heard_last() -> None:
    observer = an_observer()
    observer.hear("h1", runs(JOB))
    observer.hear("h2", runs(JOB))
    observer.hear("h1", runs())
    observer.hear("h2", runs(JOB))

    assert observer.twice == []


def test_what_nobody_can_say_counts_as_it_was() -> None:
    observer = an_observer()
    observer.hear("h1", runs(JOB))
    observer.hear("h2", runs(JOB, "other-1"))
    observer.hear("h1", "unknown")

    assert len(observer.twice) == 1


def test_what_may_run_twice_may() -> None:
    observer = an_observer()
    for host in ("h1", "h2", "h1"):
        observer.hear(host, runs("shop-web-1"))

    assert observer.twice == []
