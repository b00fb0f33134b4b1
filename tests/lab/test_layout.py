from __future__ import annotations

from pathlib import Path

import pytest

from clusterctl.errors import InputError, LabError
from clusterctl.lab import layout
from clusterctl.lab.layout import HostInfo, LabInfo


def a_host(number: int, state: str = "running") -> HostInfo:
    return HostInfo(
        f"h{number}", f"10.77.0.{10 + number}", 22, state, layout.zone_of(number), "ssh-ed25519 KEY"
    )


def test_the_first_lab_takes_the_first_subnet() -> None:
    subnet = layout.choose_subnet(["172.17.0.0/16"])

    assert subnet == "10.77.0.0/24"


def test_a_second_lab_takes_the_next_free_subnet() -> None:
    subnet = layout.choose_subnet(["10.77.0.0/24", "10.77.2.0/24"])

    assert subnet == "10.77.1.0/24"


def test_a_wider_network_takes_all_the_subnets_in_it() -> None:
    subnet = layout.choose_subnet(["10.77.0.0/22", "fd00::/64"])

    assert subnet == "10.77.4.0/24"


def test_without_a_free_subnet_the_taken_ones_are_listed() -> None:
    with pytest.raises(LabError) as caught:
        layout.choose_subnet(["10.0.0.0/8"])

    assert caught.value.message == "no subnet of 10.77.0.0/16 is free for a lab"
    assert caught.value.details == ("10.0.0.0/8",)
    assert caught.value.next_step == "remove docker networks that are not needed: docker network prune"


def test_addresses_are_counted_from_the_subnet() -> None:
    assert layout.gateway_address("10.77.3.0/24") == "10.77.3.1"
    assert layout.registry_address("10.77.3.0/24") == "10.77.3.2"
    assert layout.host_address("10.77.3.0/24", 1) == "10.77.3.11"
    assert layout.host_address("10.77.3.0/24", layout.MAX_HOSTS) == "10.77.3.210"


def test_zones_go_round() -> None:
    assert [layout.zone_of(number) for number in (1, 2, 3, 4, 5)] == ["a", "b", "c", "a", "b"]


def test_hosts_are_ordered_by_number_not_by_letter() -> None:
    ordered = layout.in_order([a_host(10), a_host(2), a_host(1)])

    assert [each.host for each in ordered] == ["h1", "h2", "h10"]


@pytest.mark.parametrize("name", ["lab", "a", "dev-2", "x" * 20])
def test_a_plain_name_is_taken(name: str) -> None:
    assert layout.check_name(name) == name


@pytest.mark.parametrize("name", ["", "Lab", "a_b", "-a", "a-", "a/b", "../a", "x" * 21, "a\n"])
def test_a_name_that_no_container_can_have_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        layout.check_name(name)

    assert caught.value.message == f"{name!r} cannot be the name of a lab"


@pytest.mark.parametrize("count", [0, -1, 201])
def test_a_number_of_hosts_that_does_not_fit_is_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"a lab has 1 to 200 hosts, not {count}"):
        layout.check_count(count)


def test_an_unknown_host_is_answered_with_those_there_are() -> None:
    info = LabInfo("dev", Path("/x/inventory.yaml"), (a_host(1), a_host(2)), "127.0.0.1:4000")

    with pytest.raises(LabError) as caught:
        layout.find_host(info, "h22")

    assert caught.value.message == "lab dev has no host h22"
    assert caught.value.details == ("its hosts: h1, h2",)
    assert caught.value.next_step == "did you mean h2?"


def test_a_lab_is_described_as_documented() -> None:
    info = LabInfo("dev", Path("/x/inventory.yaml"), (a_host(2, "cut"),), "127.0.0.1:4000")

    assert layout.describe(info) == {
        "apiVersion": "clusterctl/v1",
        "kind": "Lab",
        "name": "dev",
        "inventory": "/x/inventory.yaml",
        "registry": {"push": "127.0.0.1:4000", "pull": "registry.lab:5000"},
        "hosts": [
            {"host": "h2", "address": "10.77.0.12", "port": 22, "state": "cut", "labels": {"zone": "b"}}
        ],
    }
