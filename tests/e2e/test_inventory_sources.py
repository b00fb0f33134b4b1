"""Hosts that others describe, for real: an ssh_config with Include and ProxyJump, and an executable of Ansible's kind."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.fleet import LabFleet, service, write_playbook

BEHIND = ("h4", "h5")
HEAD = "cluster: lab-{}\npolicy: {{min_free_disk: 1%}}\n"


def test_hosts_of_an_ssh_config(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """It is looked at, planned, applied and asked by what the ssh_config says alone; two hosts are behind h1."""
    since, lab = fleet.clock(), Path(fleet.inventory).parent
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(f"{HEAD.format(fleet.name)}sources: [{{ssh_config: config}}]\n")
    (tmp_path / "config").write_text(
        f"Include {tmp_path}/conf.d/*\n"
        f"Host {' '.join(BEHIND)}\n  ProxyJump h1\n"
        f"Host *\n  User ops\n  IdentityFile {lab}/id_ed25519\n  UserKnownHostsFile {lab}/known_hosts\n"
    )
    (tmp_path / "conf.d").mkdir()
    for host, address in fleet.addresses.items():
        (tmp_path / "conf.d" / host).write_text(f"Host {host}\n  HostName {address}\n")
    playbook = str(write_playbook(tmp_path, project, web=service(replicas=5)))

    checked = fleet.cli("validate", playbook, inventory=str(inventory))
    seen = fleet.cli("hosts", "-o", "json", inventory=str(inventory))
    applied = fleet.cli("apply", playbook, "--yes", inventory=str(inventory))
    again = fleet.cli("plan", playbook, inventory=str(inventory))
    asked = fleet.cli("exec", "h[4-5]", "--", "hostname", inventory=str(inventory))

    assert checked.stdout == f"{inventory}: 5 hosts, 0 groups\n{playbook}: 1 service\n"
    assert [host["reachable"] for host in seen.document["hosts"]] == [True] * 5
    assert applied.code == 0, applied.stdout + applied.stderr
    assert len(fleet.all_containers(f"{project}-")) == 5
    assert "nothing to change" in again.stdout
    assert asked.stdout.splitlines() == ["h4: h4", "h5: h5"]
    for host in BEHIND:
        lines = fleet.inside(host, "journalctl", "-q", "-o", "cat", "-t", "sshd", "--since", since)
        assert f"Accepted publickey for ops from {fleet.addresses['h1']} " in lines


def test_hosts_of_an_ansible_executable(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Its groups are selectors and its variables are labels, beneath what the file says itself."""
    lab = Path(fleet.inventory).parent
    variables = {
        host: {"ansible_host": address, "zone": f"z{host[1:]}"} for host, address in fleet.addresses.items()
    }
    for host in BEHIND:
        variables[host]["ansible_ssh_common_args"] = "-o ProxyJump=h1"
    common = {"ansible_user": "ops", "ansible_ssh_private_key_file": f"{lab}/id_ed25519"}
    listed = {
        "web": {"hosts": ["h1", "h2", "h3"]},
        "db": {"hosts": list(BEHIND)},
        "all": {"children": ["web", "db"], "vars": common},
        "_meta": {"hostvars": variables},
    }
    program = tmp_path / "hosts"
    program.write_text(f"#!/bin/sh\ntest \"$1\" = --list && cat <<'END'\n{json.dumps(listed)}\nEND\n")
    program.chmod(0o755)
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(
        f"{HEAD.format(fleet.name)}ssh: {{known_hosts: {lab}/known_hosts}}\n"
        "sources: [{ansible: ./hosts, labels_from: [zone]}]\nhosts: {h1: {labels: {zone: own}}}\n"
    )
    web = service(replicas=2)
    web["deploy"]["placement"] = {"constraints": ["node.labels.zone == z5"]}
    playbook = str(write_playbook(tmp_path, project, web=web))

    seen = fleet.cli("hosts", "-o", "json", inventory=str(inventory))
    asked = fleet.cli("exec", "db:!h4", "--", "hostname", inventory=str(inventory))
    applied = fleet.cli("apply", playbook, "--yes", inventory=str(inventory))

    assert {host["host"]: (host["reachable"], host["labels"]["zone"]) for host in seen.document["hosts"]} == {
        "h1": (True, "own"),
        "h2": (True, "z2"),
        "h3": (True, "z3"),
        "h4": (True, "z4"),
        "h5": (True, "z5"),
    }
    assert asked.stdout == "h5: h5\n"
    assert applied.code == 0, applied.stdout + applied.stderr
    assert {item["host"] for item in fleet.all_containers(f"{project}-").values()} == {"h5"}
