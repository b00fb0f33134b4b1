"""Jump hosts of an inventory: whole ways, defaults, loops."""

from __future__ import annotations

import pytest

from clusterctl.errors import InputError
from clusterctl.model.host import Hop
from clusterctl.model.inventory import Inventory
from clusterctl.parsing.inventory.file import parse_inventory

EDGE = Hop("edge.example", "edge.example", 2222, "me")


def ways(hosts: str, ssh: str = "{}") -> dict[str, tuple[Hop, ...]]:
    return {host.name: host.jumps for host in read(hosts, ssh).hosts}


def read(hosts: str, ssh: str = "{}") -> Inventory:
    return parse_inventory(f"cluster: test\nssh: {ssh}\nhosts: {hosts}\n", "inventory.yaml")


def test_a_server_outside_the_inventory_is_reached_as_written() -> None:
    assert ways('{h1: {jump: "me@edge.example:2222"}}') == {"h1": (EDGE,)}


def test_a_chain_is_gone_through_in_its_order() -> None:
    found = ways('{h1: {jump: "me@edge.example:2222, 10.0.0.1"}}')

    assert found == {"h1": (EDGE, Hop("10.0.0.1", "10.0.0.1"))}


def test_a_host_of_the_inventory_is_reached_as_itself_through_its_own_jumps() -> None:
    hosts = '{b1: {address: 192.0.2.1, port: 2200, user: hop, jump: "me@edge.example:2222"}, h1: {jump: b1}}'

    assert ways(hosts) == {"b1": (EDGE,), "h1": (EDGE, Hop("b1", "192.0.2.1", 2200, "hop"))}


def test_the_default_is_for_all_but_itself_and_those_that_want_none() -> None:
    found = ways("{b1: {}, h1: {}, h2: {jump: none}}", "{jump: b1, port: 2200}")

    assert found == {"b1": (), "h1": (Hop("b1", "b1", 2200),), "h2": ()}


def test_ipv6_with_a_port_stands_in_brackets() -> None:
    assert ways('{h1: {jump: "[2001:db8::1]:23"}}') == {"h1": (Hop("2001:db8::1", "2001:db8::1", 23),)}


def test_hosts_on_the_way_are_known() -> None:
    inventory = read('{b1: {}, b2: {jump: b1}, "h[1-9]": {jump: b2}}')

    assert inventory.jump_hosts == {"b1", "b2"}
    assert inventory.path_hosts == {"b1", "b2", "h1"}


@pytest.mark.parametrize(
    "hosts",
    [
        "{a: {jump: a}}",
        "{a: {jump: b}, b: {jump: a}}",
        '{a: {jump: "edge,a"}}',
        "{a: {jump: b}, b: {jump: c}, c: {jump: b}}",
    ],
)
def test_nobody_is_on_the_way_to_itself(hosts: str) -> None:
    with pytest.raises(InputError) as caught:
        read(hosts)

    assert "is on the way to itself" in caught.value.mistakes[0].message


@pytest.mark.parametrize(
    "jump", ["", "-oProxyCommand=x", "a:0", "a:70000", "A B", "a,,b", "[::1", "Ro ot@a", ",".join("a" * 9)]
)
def test_what_is_no_jump_host_is_refused_with_its_line(jump: str) -> None:
    with pytest.raises(InputError) as caught:
        read(f'{{h1: {{jump: "{jump}"}}}}')

    assert caught.value.mistakes[0].message.startswith("hosts.h1.jump: ")
