"""A host that has lost its mark is not the machine that it was: nothing is started there unasked (faults row 54)."""

from __future__ import annotations

import pytest

from clusterctl.errors import RefusedError
from clusterctl.model.intent import ApplyIntent, ScaleIntent
from clusterctl.model.plan import Blocked
from clusterctl.operations.possible import demand_possible
from clusterctl.planning.deploy import Terms, plan_apply
from clusterctl.planning.drift import Complaint, find_drift
from clusterctl.planning.intents import plan_intent, request_of
from tests.builders import a_project, a_service, an_inventory
from tests.conduct import NOW_S, a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.fake_host import FakeHost
from tests.planning.worlds import look

SHOP = a_project(a_service(replicas=2))
GONE = (
    "holds no mark of this cluster, and shop-web-2 had their place there: it was replaced or wiped, and what they kept "
    "in volumes is gone"
)


@pytest.fixture
def cluster() -> FakeCluster:
    """Return two hosts with an instance each, of which h2 was then replaced by a new machine."""
    made = FakeCluster(an_inventory(["h1", "h2"]))
    assert carry_out(made, plan_apply(made.inventory, SHOP, look(made, SHOP))).ok
    made.hosts["h2"] = FakeHost()
    return made


def test_an_apply_is_refused(cluster: FakeCluster) -> None:
    plan = plan_apply(cluster.inventory, SHOP, look(cluster, SHOP))

    assert plan.blocked == (Blocked("replaced", "h2", GONE),)
    assert plan.batches == ()


def test_the_message_says_what_to_do(cluster: FakeCluster) -> None:
    with pytest.raises(RefusedError) as caught:
        demand_possible(plan_apply(cluster.inventory, SHOP, look(cluster, SHOP)))

    assert caught.value.message == "cannot apply shop: a host is not the machine that it was"
    assert caught.value.details == (f"h2  {GONE}",)
    assert caught.value.next_step == (
        "bring the old one back, or begin anew there: clusterctl apply --overwrite. Nothing was changed."
    )


@pytest.mark.parametrize("intent", [ScaleIntent("shop", "web", 3), ApplyIntent(SHOP)])
def test_no_verb_that_starts_something_begins_anew_unasked(
    cluster: FakeCluster, intent: ApplyIntent | ScaleIntent
) -> None:
    snapshot = cluster.look(cluster.inventory.hosts, request_of(intent))

    plan = plan_intent(
        intent,
        cluster.inventory,
        snapshot,
        ignored=frozenset(),
        run=a_summary("apply", "shop"),
        now_s=NOW_S,
    )

    assert [block.kind for block in plan.blocked] == ["replaced"]


def test_told_to_it_begins_anew_there(cluster: FakeCluster) -> None:
    plan = plan_apply(cluster.inventory, SHOP, look(cluster, SHOP), terms=Terms(overwrite=True))

    assert [(change.kind, change.instance.name, change.host) for change in plan.changes] == [
        ("create", "shop-web-2", "h2")
    ]
    assert carry_out(cluster, plan).ok
    assert plan_apply(cluster.inventory, SHOP, look(cluster, SHOP)).is_empty


def test_status_and_doctor_say_so(cluster: FakeCluster) -> None:
    found = find_drift(cluster.inventory, cluster.see())

    assert Complaint("replaced", "h2", GONE, "clusterctl apply <playbook of shop> --overwrite") in found


def test_a_host_that_is_new_and_has_no_place_of_anything_is_no_matter() -> None:
    fresh = FakeCluster(an_inventory(["h1", "h2"]))

    assert plan_apply(fresh.inventory, SHOP, look(fresh, SHOP)).blocked == ()
