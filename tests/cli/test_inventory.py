"""What is written, shown and checked: inventory show and validate. No host is contacted."""

from __future__ import annotations

import json
import os

import pytest

from tests.cli.conftest import Desk

SOURCED = """\
cluster: test
sources:
  - ssh_config: config
    hosts: all!gate
  - ansible: ./hosts
hosts:
  db1: {labels: {role: db}}
groups:
  front: web[1-2]
"""


def with_sources(desk: Desk) -> Desk:
    desk.write("inventory.yaml", SOURCED)
    desk.write(
        "config",
        "Include more\nHost gate\n  HostName 192.0.2.1\nHost *\n  User ops\n  GSSAPIAuthentication no\n"
        "  IdentityFile ~/.ssh/id\n  IdentitiesOnly yes\n",
    )
    desk.write("hosts", '#!/bin/sh\necho \'{"web": ["web1"], "_meta": {"hostvars": {}}}\'\n')
    (desk.folder / "hosts").chmod(0o755)
    (desk.folder / ".ssh").mkdir()
    desk.write(".ssh/more", "Host web1 web2\n  HostName %h.example.org\n  Port 2222\n  ProxyJump gate\n")
    return desk


def test_the_merged_inventory_is_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(desk.folder))

    ran = with_sources(desk).run("inventory", "show")

    assert ran.out.splitlines() == [
        "HOST  ADDRESS           PORT  USER  VIA               LABELS   GROUPS",
        "db1   db1               22                            role=db",
        "web1  web1.example.org  2222  ops   ops@192.0.2.1:22           front,web",
        "web2  web2.example.org  2222  ops   ops@192.0.2.1:22           front",
        "",
        "GROUP  HOSTS",
        "front  2      web[1-2]",
        "web    1      web1",
    ]
    assert ran.err == "note: config:6: GSSAPIAuthentication has no effect here\n"
    assert ran.code == 0


def test_each_value_is_shown_with_its_source(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(desk.folder))

    ran = with_sources(desk).run("inventory", "show", "db1,web1", "--source")

    assert [line.rstrip() for line in ran.out.splitlines()] == [
        "HOST  KEY                  VALUE             SOURCE",
        "db1   name                 db1               inventory.yaml:7",
        "      address              db1               the name",
        "      port                 22                ssh: of the inventory, or the default",
        "      labels.role          db                inventory.yaml:7",
        "web1  name                 web1              .ssh/more:1",
        "      address              web1.example.org  .ssh/more:2",
        "      port                 2222              .ssh/more:3",
        "      user                 ops               config:5",
        "      jump                 ops@192.0.2.1:22  .ssh/more:4",
        "      ssh.identity_file    ~/.ssh/id         config:7",
        "      ssh.identities_only  true              config:8",
    ]


def test_in_json_a_host_has_its_groups_and_sources(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(desk.folder))

    found = json.loads(with_sources(desk).run("inventory", "show", "web1", "--source", "-o", "json").out)

    assert found == {
        "apiVersion": "clusterctl/v1",
        "kind": "Inventory",
        "cluster": "test",
        "hosts": [
            {
                "host": "web1",
                "address": "web1.example.org",
                "port": 2222,
                "user": "ops",
                "jump": ["ops@192.0.2.1:22"],
                "labels": {},
                "groups": ["front", "web"],
                "witness": False,
                "ssh": {"identity_file": ["~/.ssh/id"], "identities_only": True},
                "sources": {
                    "name": ".ssh/more:1",
                    "address": ".ssh/more:2",
                    "port": ".ssh/more:3",
                    "user": "config:5",
                    "jump": ".ssh/more:4",
                    "ssh.identity_file": "config:7",
                    "ssh.identities_only": "config:8",
                },
            }
        ],
        "groups": {"front": ["web1"], "web": ["web1"]},
    }


def test_notes_are_said_by_other_verbs_with_v_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(desk.folder))
    with_sources(desk)

    assert "GSSAPI" not in desk.run("plan", "shop.yaml").err
    assert desk.run("validate", "-v").err.count("GSSAPIAuthentication") == 1


def test_validate_says_how_much_is_there(desk: Desk) -> None:
    desk.write("ops.yaml", "steps:\n  - cordon:\n  - uncordon:\n")

    ran = desk.run("validate", "shop.yaml", "ops.yaml")

    assert (ran.code, ran.out) == (
        0,
        "inventory.yaml: 3 hosts, 0 groups\nshop.yaml: 1 service\nops.yaml: 2 steps\n",
    )


def test_validate_in_json_has_its_published_fields(desk: Desk) -> None:
    found = json.loads(desk.run("validate", "shop.yaml", "-o", "json").out)

    assert found == {
        "apiVersion": "clusterctl/v1",
        "kind": "Validation",
        "files": [{"file": "inventory.yaml", "hosts": 3, "groups": 0}, {"file": "shop.yaml", "services": 1}],
        "notes": [],
    }


def test_validate_lists_the_mistakes_of_all_playbooks_at_once(desk: Desk) -> None:
    desk.write("a.yaml", "services: {web: {image: 'x y'}}\n")
    desk.write("b.yaml", "steps: [{nothing: }]\n")

    ran = desk.run("validate", "a.yaml", "gone.yaml", "b.yaml", "shop.yaml")

    assert ran.code == 2
    files = [line.partition(": ")[2].partition(":")[0] for line in ran.err.splitlines()]
    assert list(dict.fromkeys(files)) == ["a.yaml", "b.yaml", "gone.yaml"]
    assert ran.out == ""


def test_playbooks_are_not_checked_with_an_inventory_that_has_mistakes(desk: Desk) -> None:
    desk.write("inventory.yaml", "cluster: test\nhosts: {h1: {port: 0}}\n")

    ran = desk.run("validate", "shop.yaml")

    assert ran.code == 2
    assert ran.err.splitlines() == [
        "error: inventory.yaml:2: hosts.h1.port: expected a port (1-65535), got 0",
        "error: shop.yaml: not checked: the inventory has mistakes",
    ]


def test_a_mistake_of_a_source_ends_every_verb_before_anything_is_contacted(desk: Desk) -> None:
    desk.write("inventory.yaml", "cluster: test\nsources: [{ansible: ./hosts}]\nhosts: {h1: }\n")
    desk.write("hosts", "#!/bin/sh\necho broken >&2\nexit 3\n")
    (desk.folder / "hosts").chmod(0o755)

    ran = desk.run("hosts")

    assert (ran.code, ran.err) == (
        2,
        "error: inventory.yaml:2: sources[0].ansible: ./hosts: exit code 3: broken\n",
    )


def test_the_schema_is_printed_as_it_is_shipped(desk: Desk) -> None:
    ran = desk.run("inventory", "schema")

    assert (ran.code, json.loads(ran.out)["title"]) == (0, "clusterctl inventory")


def test_the_schema_of_playbooks_is_printed(desk: Desk) -> None:
    ran = desk.run("playbook", "schema")

    schema = json.loads(ran.out)
    web = schema["properties"]["services"]["additionalProperties"]["properties"]
    assert (ran.code, ran.err, schema["title"]) == (0, "", "clusterctl playbook")
    assert web["container_name"]["description"] == (
        "not supported: containers are named PROJECT-SERVICE-NUMBER: leave it out, or lay !reset over it with -f"
    )


def test_vagrant_is_run_in_its_folder(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("bin", "boxes"):
        (desk.folder / folder).mkdir()
    desk.write("bin/vagrant", '#!/bin/sh\necho "Host box"\necho "  HostName $(basename "$PWD").$1"\n')
    (desk.folder / "bin/vagrant").chmod(0o755)
    monkeypatch.setenv("PATH", f"{desk.folder}/bin:/usr/bin:/bin")
    desk.write("inventory.yaml", "{cluster: test, sources: [{vagrant: boxes}]}\n")

    ran = desk.run("inventory", "show")

    assert ran.out.splitlines()[1].split() == ["box", "boxes.ssh-config", "22"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{vagrant: gone}", "sources[0].vagrant: vagrant ssh-config in gone: there is no such folder"),
        ("{ssh_config: large}", "sources[0].ssh_config: large cannot be read: larger than 10 MiB"),
        ("{ssh_config: .}", "sources[0].ssh_config: . cannot be read: Is a directory"),
        ("{ansible: ./endless}", "sources[0].ansible: ./endless: printed more than 10 MiB"),
    ],
)
def test_what_cannot_be_read_is_a_mistake_of_the_inventory(desk: Desk, source: str, expected: str) -> None:
    with (desk.folder / "large").open("wb") as file:
        file.truncate(10 * 1024**2 + 1)
    desk.write("endless", "#!/bin/sh\nexec yes\n")
    (desk.folder / "endless").chmod(0o755)
    desk.write("inventory.yaml", f"cluster: test\nsources: [{source}]\nhosts: {{h1: }}\n")

    ran = desk.run("ps")

    assert (ran.code, ran.err) == (2, f"error: inventory.yaml:2: {expected}\n")


def test_a_layer_that_is_a_pipe_is_read_once_for_all_playbooks(desk: Desk) -> None:
    desk.write("other.yaml", "services: {api: {image: a}}\n")
    reader, writer = os.pipe()
    os.write(writer, b"x-note: a layer\n")
    os.close(writer)

    ran = desk.run("validate", "shop.yaml", "other.yaml", "-f", f"/dev/fd/{reader}")

    os.close(reader)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[1:] == ["shop.yaml: 1 service", "other.yaml: 1 service"]
