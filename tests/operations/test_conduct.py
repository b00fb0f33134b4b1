"""Before each batch: the right is proven, the journal is written, and the run's record lies on the lock hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from clusterctl.errors import JournalError
from clusterctl.model.intent import ApplyIntent
from clusterctl.model.plan import Batch
from clusterctl.model.report import StepResult
from clusterctl.operations.execute import execute
from clusterctl.operations.resume import RunBook
from clusterctl.operations.rights import NoJournal, NoLock
from tests.builders import a_project, a_service
from tests.conduct import a_pipeline_for, conduct_for
from tests.fake_host import KilledError
from tests.planning.fleets import a_fleet, plan_for, where

PROJECT = a_project(a_service(replicas=3))


@dataclass
class Losable(NoLock):
    """A right that is lost after so many proofs."""

    proofs: int = 10**6

    def prove(self) -> str:
        self.proofs -= 1
        return "" if self.proofs >= 0 else "the lock is lost: 2 of 3 lock hosts must hold it"


@dataclass
class Book(NoJournal):
    """A journal that keeps its lines in memory, and is full after so many."""

    lines: list[str] = field(default_factory=list)
    room: int = 10**6

    def before(self, number: int, batch: Batch) -> None:
        self._write(f"before {number} {batch.title}")

    def after(self, number: int, results: Sequence[StepResult]) -> None:
        self._write(f"after {number}: {len(results)}")

    def _write(self, line: str) -> None:
        if len(self.lines) == self.room:
            raise JournalError("cannot write run.jsonl: no space left on device")
        self.lines.append(line)


def test_a_right_that_is_lost_stops_before_the_next_batch() -> None:
    cluster = a_fleet(hosts=3)
    plan = plan_for(cluster, PROJECT)

    report = execute(cluster, plan, conduct_for(cluster, right=Losable(1)))

    assert report.stopped == "the lock is lost: 2 of 3 lock hosts must hold it"
    assert [batch.title for batch in cluster.performed] == ["pull images"]
    assert where(cluster) == {}


def test_a_batch_is_written_down_before_it_begins() -> None:
    cluster, book = a_fleet(hosts=3), Book()
    cluster.crash_after = 0

    with pytest.raises(KilledError):
        execute(cluster, plan_for(cluster, PROJECT), conduct_for(cluster, journal=book))

    assert book.lines == ["before 1 pull images"]


def test_how_a_batch_ended_is_written_down_before_the_next_begins() -> None:
    cluster, book = a_fleet(hosts=3), Book()

    execute(cluster, plan_for(cluster, PROJECT), conduct_for(cluster, journal=book))

    assert book.lines == [
        "before 1 pull images",
        "after 1: 3",
        "before 2 start",
        "after 2: 3",
        "before 3 record",
        "after 3: 3",
    ]


@pytest.mark.parametrize(("room", "done"), [(0, []), (1, ["pull images"]), (2, ["pull images"])])
def test_nothing_is_done_that_cannot_be_written_down(room: int, done: list[str]) -> None:
    cluster = a_fleet(hosts=3)

    report = execute(cluster, plan_for(cluster, PROJECT), conduct_for(cluster, journal=Book(room=room)))

    assert report.stopped == (
        "cannot write run.jsonl: no space left on device; nothing is done that cannot be written down"
    )
    assert [batch.title for batch in cluster.performed] == done


def test_the_record_lies_on_the_lock_hosts_before_anything_is_changed() -> None:
    cluster = a_fleet(hosts=5)
    cluster.crash_after = 3  # one record on each of the three lock hosts

    with pytest.raises(KilledError):
        a_pipeline_for(cluster, ApplyIntent(PROJECT)).carry_out(lambda _: True, lambda: "")

    cluster.crash_after = None
    record = RunBook(cluster, cluster.inventory).choose()
    assert not isinstance(record, str)
    assert record.intent == ApplyIntent(PROJECT)
    assert all(not host.images and not host.files for host in cluster.hosts.values())


def test_hosts_that_failed_are_left_out_only_where_the_plan_says_so() -> None:
    cluster = a_fleet(hosts=3)
    plan = plan_for(cluster, PROJECT)
    plan = replace(plan, batches=tuple(replace(batch, tolerated=9) for batch in plan.batches))
    cluster.hosts["h2"].locked_by = "apply by sre"

    usual = execute(cluster, plan, conduct_for(cluster))
    dropping = execute(cluster, replace(plan, drops_failed_hosts=True), conduct_for(cluster))

    assert [result.status for result in usual.results if result.step.host == "h2"] == ["failed"] * 3
    assert [result.status for result in dropping.results if result.step.host == "h2"] == ["failed"]
    assert dropping.stopped == "shop-web-2 was to be started on h2, which has failed"
