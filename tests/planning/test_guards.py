from __future__ import annotations

import pytest

from clusterctl.model.plan import Blocked
from clusterctl.model.snapshot import Rung, UnitFact, Unreachable
from clusterctl.planning.deploy import plan_apply, plan_delete
from clusterctl.planning.guards import find_blocks, find_degraded, find_foreign
from tests.builders import a_project, a_snapshot, an_inventory, facts_of

TWO = an_inventory(["h1", "h2"])


def test_hosts_that_answer_block_nothing() -> None:
    assert find_blocks(TWO, a_snapshot("h1", facts_of("h2", cluster="test")), frozenset()) == []


def test_an_unreachable_host_blocks() -> None:
    snapshot = a_snapshot("h1", Unreachable("h2", "connect", "connection refused"))

    assert find_blocks(TWO, snapshot, frozenset()) == [Blocked("unreachable", "h2", "connection refused")]


def test_an_ignored_host_does_not() -> None:
    snapshot = a_snapshot("h1", Unreachable("h2", "connect", "connection refused"))

    assert find_blocks(TWO, snapshot, frozenset({"h2"})) == []


@pytest.mark.parametrize("rung", ["host-key", "auth", "sudo", "identity"])
def test_a_host_that_refuses_us_blocks_as_identity(rung: Rung) -> None:
    snapshot = a_snapshot("h1", Unreachable("h2", rung, "refused"))

    assert find_blocks(TWO, snapshot, frozenset()) == [Blocked("identity", "h2", "refused")]


def test_a_host_that_can_start_nothing_is_told() -> None:
    snapshot = a_snapshot(
        "h1",
        facts_of("h2", containers=None, docker_error="no answer within 20 s"),
        facts_of("h3", systemd_state="unknown"),
    )

    assert find_degraded(snapshot) == [
        "h2: docker does not answer: no answer within 20 s; nothing new is placed there",
        "h3: systemd does not answer; nothing new is placed there",
    ]
    assert find_degraded(snapshot, {"h2", "h3"}) == []


def test_a_host_of_another_cluster_blocks() -> None:
    snapshot = a_snapshot("h1", facts_of("h2", cluster="prod"))

    assert find_blocks(TWO, snapshot, frozenset()) == [
        Blocked("guard", "h2", "belongs to cluster prod, not test")
    ]


def test_a_host_that_is_being_changed_blocks() -> None:
    snapshot = a_snapshot("h1", facts_of("h2", markers={"busy": "apply by dev"}))

    assert find_blocks(TWO, snapshot, frozenset()) == [
        Blocked("busy", "h2", "is being changed: apply by dev")
    ]


def test_a_blocked_plan_does_nothing_at_all() -> None:
    snapshot = a_snapshot("h1", Unreachable("h2", "connect", "connection refused"))

    for plan in (plan_apply(TWO, a_project(), snapshot), plan_delete(TWO, "shop", snapshot)):
        assert (plan.batches, plan.changes, len(plan.blocked)) == ((), (), 1)


def test_foreign_units_with_our_prefix_are_told() -> None:
    foreign = UnitFact("clusterctl-backup.service", "[Service]\n")

    assert find_foreign(a_snapshot(facts_of("h1", units=(foreign,))), "test") == [
        "h1: clusterctl-backup.service is not ours"
    ]
