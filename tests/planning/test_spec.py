from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from clusterctl.model.network import Network, NetworkUse
from clusterctl.model.runtime import Runtime
from clusterctl.model.service import (
    Canary,
    Constraint,
    Dependency,
    File,
    HealthCheck,
    Mount,
    Port,
    Resources,
    RestartPolicy,
    Service,
    ServiceHook,
    UpdateConfig,
)
from clusterctl.planning.spec import canonical, environment_digest, render_environment, spec_digest
from tests.builders import PINNED, a_service

# Every field of a service, with a value other than the default: what restarts a container, and what does not.
RESTARTS: dict[str, Any] = {
    "command": ("serve",),
    "entrypoint": ("/bin/app",),
    "environment": {"A": "1"},
    "ports": (Port(80, 8080),),
    "mounts": (Mount("volume", "data", "/data"),),
    "healthcheck": HealthCheck(("CMD", "true")),
    "labels": {"team": "shop"},
    "user": "1000",
    "init": True,
    "tmpfs": ("/tmp",),
    "read_only": True,
    "cap_add": ("NET_ADMIN",),
    "cap_drop": ("ALL",),
    "stop_signal": "SIGINT",
    "stop_grace_period_s": 11.0,
    "limits": Resources(1.0, None),
    "reservations": Resources(None, 1),
    "restart": RestartPolicy("none"),
    "singleton": True,
    "runtime": Runtime(privileged=True),
    "network_mode": "host",
    "networks": (NetworkUse(Network("back")),),
    "post_start": (ServiceHook(("true",)),),
    "pre_stop": (ServiceHook(("true",)),),
    "files": (File("secret", "token", "/run/secrets/token", "s3cret"),),
}
DOES_NOT_RESTART: dict[str, Any] = {
    "mode": "global",
    "replicas": 5,
    "constraints": (Constraint("node.hostname", "==", "h1"),),
    "update": UpdateConfig(2, "start-first"),
    "rollback": UpdateConfig(0, failure_action="continue"),
    "canary": Canary(2, 60.0, ("true",)),
    "drain": "refuse",
    "quorum": "etcd",
    "depends_on": (Dependency("db", "service_healthy"),),
    "priority": 9,
    "pull_policy": "never",
    "deploy_labels": {"team": "shop"},
    "preferences": ("rack",),
    "max_per_host": 1,
    "strategy": "pack",
}
# The name is in the instance's name; of the image only the pinned digest counts.
IDENTITY = {"name", "image"}


def test_every_field_of_a_service_was_thought_of() -> None:
    """A new field belongs into one of the tables above, and what is said there must be true."""
    assert {field.name for field in dataclasses.fields(Service)} == {*RESTARTS, *DOES_NOT_RESTART, *IDENTITY}


@pytest.mark.parametrize("name", RESTARTS)
def test_a_field_of_the_container_changes_the_digest(name: str) -> None:
    changed = dataclasses.replace(a_service(), **{name: RESTARTS[name]})

    assert spec_digest("shop", changed, PINNED) != spec_digest("shop", a_service(), PINNED)


@pytest.mark.parametrize("name", DOES_NOT_RESTART)
def test_a_field_of_placement_does_not(name: str) -> None:
    changed = dataclasses.replace(a_service(), **{name: DOES_NOT_RESTART[name]})

    assert spec_digest("shop", changed, PINNED) == spec_digest("shop", a_service(), PINNED)


FULL = {name: value for name, value in RESTARTS.items() if name != "network_mode"}


@pytest.mark.parametrize(
    ("fields", "digest"),
    [
        ({}, "sha256:12b41a5bdd0cb128cf10061cb5b3346da8aa7a5e15f431610974c25e0129c3de"),
        (FULL, "sha256:5b03805d968092b429b0bf56e2f985276dd6ec4374674904676ab692b1100b43"),
    ],
    ids=["plain", "full"],
)
def test_a_digest_stays_what_it_is_also_when_a_service_gets_a_field_with_a_default(
    fields: dict[str, Any], digest: str
) -> None:
    """Literal: units on hosts bear these digests, and another one restarts them all (ADR 0030)."""
    later = dataclasses.make_dataclass("Later", [("teleport", bool, False)], bases=(Service,), frozen=True)

    now = spec_digest("shop", a_service(**fields), PINNED)

    assert now == digest
    assert spec_digest("shop", later(name="web", image="a:1", **fields), PINNED) == digest
    assert spec_digest("shop", later(name="web", image="a:1", teleport=True, **fields), PINNED) != digest


def test_a_tag_that_means_the_same_digest_restarts_nothing() -> None:
    latest = a_service(image="registry:5000/web:latest")

    assert spec_digest("shop", latest, PINNED) == spec_digest("shop", a_service(), PINNED)
    assert spec_digest("shop", a_service(), PINNED[:-1] + "2") != spec_digest("shop", a_service(), PINNED)


def test_the_order_of_names_does_not_matter() -> None:
    one = a_service(environment={"A": "1", "B": "2"}, labels={"x": "1", "y": "2"})
    other = a_service(environment={"B": "2", "A": "1"}, labels={"y": "2", "x": "1"})

    assert spec_digest("shop", one, PINNED) == spec_digest("shop", other, PINNED)


def test_the_same_secret_in_two_services_cannot_be_told_from_their_digests() -> None:
    web = a_service("web", environment={"PIN": "1234"})
    api = a_service("api", environment={"PIN": "1234"})

    assert spec_digest("shop", web, PINNED) != spec_digest("shop", api, PINNED)


def test_the_environment_is_a_line_a_name_in_order() -> None:
    service = a_service(environment={"B": "two words = x", "A": "ü$%'\""})

    assert render_environment(service) == "A=ü$%'\"\nB=two words = x\n"
    assert render_environment(a_service()) == ""


def test_the_digest_of_the_environment_is_that_of_its_file() -> None:
    assert environment_digest(a_service(environment={"A": "1"})) == (
        "91d6a3d55e9fea7911c537afae6607c77fa8bc0f3a76c375e104ac5a8cfa84db"
    )


def test_canonical_is_the_same_for_the_same() -> None:
    assert canonical({"b": (1, 2), "a": "ü"}) == '{"a":"ü","b":[1,2]}'
