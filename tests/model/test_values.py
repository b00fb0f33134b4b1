from __future__ import annotations

import pytest

from clusterctl import errors
from clusterctl.errors import ClusterctlError, InputError, Mistake
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Batch, Blocked, Plan
from clusterctl.model.report import Report, StepResult
from clusterctl.model.service import Port
from clusterctl.model.snapshot import Rung, Unreachable
from clusterctl.model.step import PullImage
from tests.builders import a_project, a_service, a_snapshot, an_inventory, facts_of

PULL = PullImage("h1", "image", "not there")


def test_an_instance_is_named_as_compose_names_containers() -> None:
    instance = Instance("shop", "web", 2)

    assert (instance.name, instance.unit, str(instance)) == (
        "shop-web-2",
        "clusterctl-shop-web-2.service",
        "shop-web-2",
    )


def test_a_plan_is_empty_when_nothing_is_to_do_and_nothing_in_the_way() -> None:
    assert Plan("apply", "shop").is_empty
    assert Plan("apply", "shop", notes=("a note",)).is_empty
    assert not Plan("apply", "shop", batches=(Batch("pull", (PULL,)),)).is_empty
    assert not Plan("apply", "shop", blocked=(Blocked("guard", "h1", "full"),)).is_empty


def test_a_batch_names_each_host_once_in_order() -> None:
    steps = tuple(PullImage(host, "image", "") for host in ("h2", "h1", "h2"))

    assert Batch("pull", steps).hosts == ("h2", "h1")


def test_a_report_is_well_when_nothing_failed_and_nothing_stopped_it() -> None:
    plan = Plan("apply", "shop")

    assert Report(plan, (StepResult(PULL, "changed"),)).ok
    assert not Report(plan, (StepResult(PULL, "failed"),)).ok
    assert not Report(plan, stopped="interrupted").ok


def test_a_look_parts_who_answered_from_who_did_not() -> None:
    lost = Unreachable("h2", "connect", "refused")
    snapshot = a_snapshot(facts_of("h1"), lost, facts_of("h3", containers=None))

    assert [facts.host for facts in snapshot.seen] == ["h1", "h3"]
    assert snapshot.unreachable == (lost,)
    assert [facts.docker_answers for facts in snapshot.seen] == [True, False]


@pytest.mark.parametrize(
    ("rung", "identity"),
    [
        ("resolve", False),
        ("connect", False),
        ("banner", False),
        ("host-key", True),
        ("auth", True),
        ("sudo", True),
        ("exec", False),
        ("answer", False),
        ("identity", True),
    ],
)
def test_a_refused_key_is_no_sign_of_a_dead_host(rung: Rung, identity: bool) -> None:  # noqa: FBT001
    assert Unreachable("h1", rung, "no").is_identity is identity


def test_hosts_services_and_ports_are_found_by_what_they_are() -> None:
    service = a_service(ports=(Port(80, 8080), Port(9000)))

    assert service.host_ports == (Port(80, 8080),)
    assert a_project(service).service("web") == service
    assert a_project(service).service("api") is None
    assert an_inventory(["h1", "h2"]).host("h2").name == "h2"
    with pytest.raises(KeyError):
        an_inventory(["h1"]).host("h9")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ClusterctlError", 1),
        ("RemoteError", 1),
        ("LabError", 1),
        ("InputError", 2),
        ("RefusedError", 4),
        ("LockedError", 5),
        ("IdentityError", 6),
    ],
)
def test_each_error_ends_in_the_code_its_docstring_draws(name: str, code: int) -> None:
    drawn = next(line for line in (errors.__doc__ or "").splitlines() if f"{name} " in line)

    assert getattr(errors, name).exit_code == code
    assert f"{name} " in drawn
    assert str(code) in drawn.split()


def test_the_tree_is_complete() -> None:
    assert {cls.__name__ for cls in ClusterctlError.__subclasses__()} >= {
        "RemoteError",
        "LabError",
        "InputError",
        "RefusedError",
        "LockedError",
        "IdentityError",
    }


def test_mistakes_are_listed_by_file_and_line() -> None:
    error = InputError(
        "2 mistakes", mistakes=[Mistake("b", 3, "z"), Mistake("a", 0, "y"), Mistake("b", 1, "x")]
    )

    assert [str(mistake) for mistake in error.mistakes] == ["a: y", "b:1: x", "b:3: z"]
