"""`clusterctl explain` as it is typed: instances, services, hosts, playbooks; a thousand hosts fit on a screen."""

from __future__ import annotations

import json

import pytest

from clusterctl.cli.reasons import folded, gist
from clusterctl.model.snapshot import Unreachable
from clusterctl.planning.explain import HostAnswer
from tests.cli.conftest import PLAYBOOK, Desk

STAYS = "it runs there, and nothing forces it away: what is well placed is not moved"


def test_an_instance_is_told_whole(desk: Desk) -> None:
    desk.write("shop.yaml", PLAYBOOK.replace("environment: {TOKEN: s3cret}", 'ports: ["80:80"]'))
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("explain", "shop-web-1")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"shop-web-1  on h1  ({STAYS})",
        "needs: port 80/tcp",
        "could be on 2 hosts, best first:",
        (
            "    1. h1  1 of shop/web in zone a, 0 on the host, 0 % reserved with it, cpus 0 %, memory 0 %, 0 instances of all"
            "  (before the next by its name)  <- here"
        ),
        "    2. h3  1 of shop/web in zone a, 0 on the host, 0 % reserved with it, cpus 0 %, memory 0 %, 0 instances of all",
        "could not be on 1 host:",
        "  h2  port 80/tcp is taken by shop-web-2",
    ]


@pytest.mark.parametrize("name", ["web", "shop-web", "shop/web"])
def test_a_service_is_told_with_one_more(desk: Desk, name: str) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    lines = desk.run("explain", name).out.splitlines()

    assert lines[:3] == [
        f"shop-web-1  on h1  ({STAYS})",
        f"shop-web-2  on h2  ({STAYS})",
        "one more (shop-web-3), with all of these in their places:",
    ]
    assert lines[5].startswith("    1. h3  ")


def test_a_host_is_told(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.run("cordon", "h1", "--reason", "disk", "--yes")

    ran = desk.run("explain", "h1")

    lines = ran.out.splitlines()
    assert ran.code == 0
    assert lines[0].startswith("h1: cordoned since 2027-01-15 by ")
    assert lines[1] == "reserved: 0 of 4 cpus, 0 of 4096 MiB of memory; disk: 51200 of 102400 MiB free"
    assert " ".join(lines[4].split()) == f"shop-web-1 running, none {STAYS}"
    assert " ".join(lines[7].split()).startswith("shop/web no cordoned since 2027-01-15 by ")
    assert lines[-2:] == ["a drain:", "  shop-web-1 moves to h3"]


def test_a_playbook_that_is_not_applied_yet(desk: Desk) -> None:
    unknown = desk.run("explain", "web")
    ran = desk.run("explain", "web", "--playbook", "shop.yaml")

    assert unknown.code == 2
    assert unknown.err.splitlines() == [
        "error: no host, instance or service is called 'web'; services: none",
        "next: name it as PROJECT/SERVICE; --playbook FILE explains what is not applied yet. Nothing was changed.",
    ]
    assert ran.out.splitlines()[0] == (
        "shop-web-1  would go to h1  (runs nowhere yet; of the hosts that may have it this is the best)"
    )


def test_json_has_its_published_fields(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    instance = json.loads(desk.run("explain", "shop-web-1", "-o", "json").out)
    service = json.loads(desk.run("explain", "web", "-o", "json").out)
    host = json.loads(desk.run("explain", "h1", "-o", "json").out)

    assert (instance["kind"], instance["one_more"], instance["unknown"]) == ("Explanation", None, [])
    assert set(instance["instances"][0]) == {"instance", "needs", "host", "runs", "why", "hosts"}
    assert set(instance["instances"][0]["hosts"][0]) == {
        "host",
        "may",
        "reasons",
        "rank",
        "terms",
        "ahead_by",
    }
    assert service["one_more"]["instance"] == "shop-web-3"
    assert host["kind"] == "HostExplanation"
    assert set(host) >= {
        "host",
        "markers",
        "wrong",
        "cpus",
        "cpus_reserved",
        "memory_bytes",
        "memory_reserved",
    }
    assert host["runs"] == [{"instance": "shop-web-1", "state": "running, none", "why": STAYS}]
    assert host["drain"] == ["shop-web-1 moves to h3"]


def test_the_names_of_a_host_are_those_of_its_instances(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("explain", "h1", "-o", "name")

    assert (ran.code, ran.out) == (0, "shop-web-1\n")


def test_a_host_that_does_not_answer_is_unknown(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.cluster.hosts["h2"].unreachable = Unreachable("h2", "connect", "no answer in 10 s")

    service, host = desk.run("explain", "web"), desk.run("explain", "h2", "-o", "json")

    assert (service.code, host.code) == (1, 1)
    assert json.loads(host.out)["kind"] == "Error"
    assert host.err == (
        "error: what is on h2 is unknown: connect: no answer in 10 s\n"
        "next: h2: is it up? look at its console, and at the way to it from here\n"
    )
    assert "shop-web-2  would go to h2  (its place is there, and that host was not seen" in service.out


def test_hosts_with_the_same_reason_are_one_line() -> None:
    answers = [HostAnswer(f"h{n}", (f"{n} MiB left to reserve",)) for n in range(1, 1000)]
    answers += [HostAnswer("z1", ("port 80/tcp is taken by shop-web-7", "cordoned"))]

    found = folded(answers)

    assert [(len(hosts), reasons) for hosts, reasons in found] == [
        (999, ("too little memory left to reserve",)),
        (1, ("port 80/tcp is taken by shop-web-7", "cordoned")),
    ]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("512 MiB left to reserve", "too little memory left to reserve"),
        ("0.5 cpus left to reserve", "too few cpus left to reserve"),
        ("port 80/tcp is taken by shop-web-17", "port 80/tcp is taken by shop-web-*"),
        ("volume data is in use by shop-db-2", "volume data is in use by shop-db-*"),
        (
            "port 80/tcp is taken by something that is not ours",
            "port 80/tcp is taken by something that is not ours",
        ),
    ],
)
def test_a_reason_without_its_figure(reason: str, expected: str) -> None:
    assert gist(reason) == expected


def test_it_changes_nothing_and_asks_no_registry(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    effects = desk.cluster.effects

    desk.run("explain", "web")

    assert desk.cluster.effects == effects
    assert desk.cluster.looks[-1].images == ()
