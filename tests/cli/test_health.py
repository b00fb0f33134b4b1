"""`clusterctl health` as a person and a cron job read it."""

from __future__ import annotations

import json
from pathlib import Path

from clusterctl.model.snapshot import Unreachable
from tests.cli.conftest import Desk


def kill(desk: Desk, *hosts: str, rung: str = "connect") -> None:
    for host in hosts:
        desk.cluster.hosts[host].unreachable = Unreachable(host, rung, "no answer")  # type: ignore[arg-type]


def rows(text: str) -> list[list[str]]:
    return [line.split(maxsplit=2) for line in text.splitlines()]


def test_all_is_well(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    answer = desk.run("health")

    assert answer.code == 0
    assert rows(answer.out) == [
        ["HOST", "VERDICT", "BROKE AT  WHY"],
        *([f"h{n}", "healthy"] for n in (1, 2, 3)),
    ]
    assert answer.err == ""


def test_a_silent_host_is_suspect_and_its_services_are_named(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    kill(desk, "h2")

    answer = desk.run("health")

    assert answer.code == 1
    host, service = rows(answer.out)[2], rows(answer.out)[-1]
    assert host[:2] == ["h2", "suspect"]
    assert host[2].startswith("connect   no answer; h1 gets no answer from it either; h3 gets no answer")
    assert service[0] == "shop/web"


def test_three_recorded_rounds_make_it_lost(desk: Desk) -> None:
    kill(desk, "h2")

    codes = [desk.run("health", "--record", "--period", "1h").code for _ in range(3)]

    document = json.loads(desk.run("health", "-o", "json").out)
    assert codes == [1, 1, 1]
    assert document["kind"] == "Health"
    assert [host["rounds_silent"] for host in document["hosts"]] == [0, 3, 0]
    assert document["hosts"][1]["verdict"] == "suspect"  # three rounds, but not yet over 90 s
    assert document["hosts"][1]["opinions"] == [
        {"peer": "h1", "sign": "nothing"},
        {"peer": "h3", "sign": "nothing"},
    ]


def test_most_hosts_silent_is_a_fault_of_the_network_here(desk: Desk) -> None:
    kill(desk, "h1", "h2")

    answer = desk.run("health")

    assert answer.code == 4
    assert answer.err.splitlines() == [
        "only 1 of 3 hosts answer: the network here is more likely at fault than so many hosts; nothing may be moved",
        "next: h[1-2]: is it up? look at its console, and at the way to it from here",
    ]


def test_a_refused_key_has_its_own_exit_code(desk: Desk) -> None:
    kill(desk, "h3", rung="auth")

    assert desk.run("health").code == 6


def test_one_host_is_explained(desk: Desk) -> None:
    kill(desk, "h2")

    answer = desk.run("health", "h2")

    assert answer.out.splitlines()[:4] == [
        "h2 is suspect",
        "  ladder    broke at connect: no answer",
        "  h1        nothing",
        "  h3        nothing",
    ]
    assert desk.run("health", "h1").out.splitlines()[:2] == [
        "h1 is healthy",
        "  ladder    up to its services: well",
    ]
    assert desk.run("health", "h9").code == 2


def test_chosen_hosts_do_not_make_the_inventory_smaller(desk: Desk) -> None:
    kill(desk, "h1", "h2")

    answer = desk.run("health", "-H", "h3")

    assert answer.code == 4
    assert [row[0] for row in rows(answer.out)] == ["HOST", "h3"]


def test_metrics_are_written_for_node_exporter(desk: Desk, tmp_path: Path) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    kill(desk, "h2")
    file = tmp_path / "clusterctl.prom"

    desk.run("health", "--textfile", str(file))

    lines = file.read_text().splitlines()
    assert 'clusterctl_host_verdict{cluster="test",host="h2",verdict="suspect"} 1.0' in lines
    assert 'clusterctl_host_verdict{cluster="test",host="h2",verdict="lost"} 0.0' in lines
    assert 'clusterctl_service_wanted{cluster="test",project="shop",service="web"} 2.0' in lines
    assert 'clusterctl_hosts_reached{cluster="test"} 2.0' in lines
    assert [path.name for path in tmp_path.glob("clusterctl.prom*")] == ["clusterctl.prom"]


def test_metrics_that_cannot_be_written_say_so(desk: Desk, tmp_path: Path) -> None:
    answer = desk.run("health", "--textfile", str(tmp_path / "nowhere" / "x.prom"))

    assert answer.code == 1
    assert "cannot write the metrics to" in answer.err


def test_a_period_that_is_none_is_a_mistake(desk: Desk) -> None:
    assert desk.run("health", "--period", "soon").code == 2
