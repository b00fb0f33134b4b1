"""The JSON Schema of an inventory says what the parser says: the same keys, and the mistakes that it can express."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft7Validator

from clusterctl.errors import InputError
from clusterctl.parsing.inventory import allow as inventory_allow
from clusterctl.parsing.inventory import fence as inventory_fence
from clusterctl.parsing.inventory import file as inventory
from clusterctl.parsing.inventory import hosts as inventory_hosts
from clusterctl.parsing.inventory import policy as inventory_policy
from clusterctl.parsing.inventory import sources
from clusterctl.parsing.inventory import ssh as inventory_ssh
from tests.parsing.schemas import ROOT, examples, is_refused
from tests.parsing.tools import merged

SCHEMA: dict[str, Any] = json.loads(
    (files("clusterctl") / "parsing/inventory.schema.json").read_text("utf-8")
)


def refused(text: str) -> bool:
    """Whether the schema refuses the inventory."""
    return is_refused(SCHEMA, text)


def keys(*path: str) -> set[str]:
    """Return the keys that the schema knows at a place."""
    place: Mapping[str, Any] = SCHEMA
    for name in path:
        place = place[name]
    return set(place["properties"])


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_it_has_every_key_of_the_parser_and_no_other() -> None:
    host = ("properties", "hosts", "additionalProperties")

    assert keys() == set(inventory.KEYS)
    assert keys("properties", "ssh") == {*inventory_ssh.FLEET_KEYS, *inventory_ssh.HOST_KEYS}
    assert keys("properties", "policy") == set(inventory_policy.KEYS)
    assert keys("properties", "policy", "properties", "allow") == set(inventory_allow.ALLOW_KEYS)
    assert keys("definitions", "hook", "anyOf", 1) == set(inventory_policy.HOOK_KEYS)  # type: ignore[arg-type]
    assert keys(*host) == set(inventory_hosts.KEYS)
    assert keys(*host, "properties", "ssh") == set(inventory_ssh.HOST_KEYS)
    assert keys("definitions", "device") == set(inventory_fence.KEYS)
    kinds = SCHEMA["properties"]["sources"]["items"]["anyOf"]
    assert [set(kind["properties"]) for kind in kinds] == [set(names) for names in sources.KEYS.values()]


def test_it_takes_every_inventory_of_the_documentation() -> None:
    pages = ["README.md", "docs/inventory.md", "docs/fencing.md", "docs/failover.md"]
    whole = examples((ROOT / page for page in pages), "cluster")
    whole.append((ROOT / "inventory.yaml").read_text("utf-8"))

    assert len(whole) >= 3
    assert [block for block in whole if refused(block)] == []


GOOD = [
    "{cluster: lab, hosts: {h1: }}",
    "{cluster: 1, hosts: {'web[01-20]': {address: '10.0.0.[1-20]', port: 22, user: ops}}}",
    "{cluster: lab, hosts: {a: {address: 'fe80::1%eth0', port: '2222', jump: 'x@y:1,[::1]:22'}, b: {jump: none}}}",
    "{cluster: lab, hosts: {a: {labels: {zone: a, rack: 1.10, old: no, on: true, none: }}}, x-note: 7}",
    "{cluster: lab, hosts: {a: {capacity: {cpus: 0.5, memory: 12g}, witness: true}}, groups: {g: a, h: [a, '@g'], i: []}}",
    "{cluster: lab, ssh: {identity_file: [a, b], connect_timeout: 1m30s, identities_only: true}, hosts: {a: {ssh: {known_hosts: k}}}}",
    "{cluster: lab, policy: {min_free_disk: [10%, 1g], max_unavailable: 20%, windows: [Sat 02:00 3h UTC]}, hosts: {a: }}",
    "{cluster: lab, policy: {allow: {privileged: true, host_network: [a/b], devices: [/dev/fuse]}}, hosts: {a: }}",
    "{cluster: lab, policy: {before: x, after: [y, {command: z, on: operator, timeout: 2m}], lock_hosts: [a]}, hosts: {a: }}",
    "{cluster: lab, hosts: {a: {fence: {agent: fence_ipmilan, parameters: {ip: '{host}', port: 7}, secrets: {password: f}}}}}",
    "{cluster: lab, sources: [{ssh_config: config}, {ssh_config: config, options_only: true}]}",
]


@pytest.mark.parametrize("text", GOOD)
def test_both_take_it(text: str) -> None:
    merged(text, files={"config": "Host s1\n"})

    assert not refused(text)


BAD = [
    "{}",
    "{cluster: lab}",
    "{cluster: -x, hosts: {a: }}",
    "{cluster: lab, hosts: [a]}",
    "{cluster: lab, hosts: {a: }, host: 1}",
    "{cluster: lab, hosts: {-a: }}",
    "{cluster: lab, hosts: {'a b': }}",
    "{cluster: lab, hosts: {a: {adress: x}}}",
    "{cluster: lab, hosts: {a: {address: -oProxyCommand=x}}}",
    "{cluster: lab, hosts: {a: {port: 0}}}",
    "{cluster: lab, hosts: {a: {port: 65536}}}",
    "{cluster: lab, hosts: {a: {port: 22a}}}",
    "{cluster: lab, hosts: {a: {user: -x}}}",
    "{cluster: lab, hosts: {a: {user: Root}}}",
    "{cluster: lab, hosts: {a: {labels: {a: b c}}}}",
    "{cluster: lab, hosts: {a: {labels: {-a: b}}}}",
    "{cluster: lab, hosts: {a: {labels: [a]}}}",
    "{cluster: lab, hosts: {a: {witness: yes}}}",
    "{cluster: lab, hosts: {a: {capacity: {cpus: 0}}}}",
    "{cluster: lab, hosts: {a: {fence: {}}}}",
    "{cluster: lab, hosts: {a: {fence: {agent: ipmi}}}}",
    "{cluster: lab, hosts: {a: {fence: {agent: fence_x, parameters: {action: off}}}}}",
    "{cluster: lab, ssh: {connect_timeout: 10}, hosts: {a: }}",
    "{cluster: lab, ssh: {jump: ''}, hosts: {a: }}",
    "{cluster: lab, policy: {max_unavailable: 0}, hosts: {a: }}",
    "{cluster: lab, policy: {windows: [Sat]}, hosts: {a: }}",
    "{cluster: lab, policy: {before: {on: host}}, hosts: {a: }}",
    "{cluster: lab, policy: {allow: {host_paths: [etc]}}, hosts: {a: }}",
    "{cluster: lab, groups: {-g: a}, hosts: {a: }}",
    "{cluster: lab, sources: [{ssh: x}], hosts: {a: }}",
    "{cluster: lab, sources: [{ansible: x, options_only: true}], hosts: {a: }}",
    "{cluster: lab, sources: {ansible: x}, hosts: {a: }}",
]


@pytest.mark.parametrize("text", BAD)
def test_both_refuse_it(text: str) -> None:
    with pytest.raises(InputError):
        merged(text, files={"config": "Host s1\n", "x": "h1\n"})

    assert refused(text)
