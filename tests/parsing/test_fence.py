"""`fence:` of hosts: devices, ranges, and what is no fence."""

from __future__ import annotations

import pytest

from clusterctl.model.fence import FenceDevice
from tests.parsing.tools import inventory, inventory_mistakes

HOSTS = "cluster: c\nhosts:\n  web[1-2]:\n    fence:"


def test_devices_in_their_order_with_the_name_of_each_host() -> None:
    found = inventory(f"""{HOSTS}
      - agent: fence_ipmilan
        parameters: {{ip: "bmc-{{host}}.lan", username: admin, lanplus: 1}}
        secrets: {{password: "secrets/{{host}}"}}
        timeout: 20s
      - agent: fence_apc_snmp
        parameters: {{ip: 10.0.0.2, plug: "{{host}}"}}
""")

    assert found.host("web2").fence == (
        FenceDevice(
            "fence_ipmilan",
            {"ip": "bmc-web2.lan", "username": "admin", "lanplus": "1"},
            {"password": "secrets/web2"},
            20.0,
        ),
        FenceDevice("fence_apc_snmp", {"ip": "10.0.0.2", "plug": "web2"}),
    )


def test_one_device_needs_no_list_and_none_is_none() -> None:
    assert inventory(f"{HOSTS} {{agent: fence_virsh}}\n").host("web1").fence == (FenceDevice("fence_virsh"),)
    assert inventory("cluster: c\nhosts: {web1: }\n").host("web1").fence == ()


@pytest.mark.parametrize(
    ("device", "mistake"),
    [
        ("{}", '"agent" is missing: a fence agent, such as fence_ipmilan'),
        ("{agent: reboot}", "the name of a fence agent, such as fence_ipmilan"),
        ("{agent: ../fence_x}", "the name of a fence agent, such as fence_ipmilan"),
        ("{agent: fence_kdump}", "an agent that cuts power (fence_kdump tells that a kernel crashed"),
        ("{agent: fence_ack_manual}", "use clusterctl failover --confirm-host-off"),
        (
            "{agent: fence_x, parameters: {action: on}}",
            "is not the name of a parameter that an agent is given",
        ),
        ("{agent: fence_x, parameters: {a b: 1}}", "is not the name of a parameter that an agent is given"),
        ("{agent: fence_x, parameters: {p: 1}, secrets: {p: f}}", "p is a parameter already"),
        ('{agent: fence_x, parameters: {ip: "a\\nb"}}', "ip"),
        ("{agent: fence_x, plug: 7}", 'unknown key "plug"'),
        ("{agent: fence_x, timeout: soon}", "timeout"),
        (
            "[{agent: fence_a}, {agent: fence_a}, {agent: fence_a}, {agent: fence_a}, {agent: fence_a}]",
            "more than 4",
        ),
    ],
)
def test_mistakes(device: str, mistake: str) -> None:
    found = inventory_mistakes(f"{HOSTS} {device}\n")

    assert len(found) == 1
    assert mistake in str(found[0])


@pytest.mark.parametrize(
    ("run_on", "mistakes"),
    [
        (
            "web9",
            [
                'web1: fence_x is to run on "web9", which is no host here',
                'web2: fence_x is to run on "web9", which is no host here',
            ],
        ),
        ("web2", ["web2: fence_x cannot run on the host whose power it cuts"]),
    ],
)
def test_an_agent_runs_on_another_host_of_the_inventory(run_on: str, mistakes: list[str]) -> None:
    found = inventory_mistakes(f"{HOSTS} {{agent: fence_x, run_on: {run_on}}}\n")

    assert found == [f"inventory.yaml:4: hosts.web[1-2].fence: {one}" for one in mistakes]


def test_the_host_that_runs_an_agent_is_kept() -> None:
    found = inventory(f"{HOSTS} {{agent: fence_x, run_on: mgmt}}\n  mgmt:\n")

    assert found.host("web1").fence == (FenceDevice("fence_x", run_on="mgmt"),)
