"""`clusterctl doctor` on the cluster in memory."""

from __future__ import annotations

import json

from clusterctl.model.snapshot import Unreachable
from tests.cli.conftest import Desk


def test_a_fleet_that_is_well(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    answer = desk.run("doctor")

    assert (answer.code, answer.out) == (0, "3 hosts: nothing is wrong\n")


def test_each_trouble_has_its_remedy_and_exit_1(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.cluster.hosts["h2"].docker = False

    answer = desk.run("doctor")
    document = json.loads(desk.run("doctor", "-o", "json").out)

    assert answer.code == 1
    assert "clusterctl exec h2 --sudo -- systemctl restart docker" in answer.out
    assert [one["kind"] for one in document["complaints"]] == ["docker"]


def test_a_host_that_refuses_us_is_exit_6(desk: Desk) -> None:
    desk.cluster.hosts["h3"].unreachable = Unreachable("h3", "host-key", "the host key has changed")

    answer = desk.run("doctor")

    assert answer.code == 6
    assert "the host key has changed" in answer.out
