"""init: what it finds, what it asks, what it writes; and that what it writes can be used."""

from __future__ import annotations

import io
import sys

import pytest

from clusterctl.cli.globals import Settings
from tests.cli.conftest import Desk

CONFIG = """\
Host github.com
  User git
Host web1 web2 db1
  HostName %h.example.org
  User ops
"""


@pytest.fixture
def home(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Give a desk without an inventory, whose folder is also the home."""
    monkeypatch.setenv("HOME", str(desk.folder))
    (desk.folder / "inventory.yaml").unlink()
    (desk.folder / ".ssh").mkdir()
    return desk


def answers(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Have a person at the terminal who types these lines."""
    monkeypatch.setattr(Settings, "may_ask", property(lambda _: True))
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_hosts_of_an_ssh_config_are_offered_and_what_is_written_can_be_planned(
    home: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write(".ssh/config", CONFIG)
    answers(monkeypatch, "prod", "web*")

    ran = home.run("init")

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "wrote inventory.yaml",
        "wrote site.yaml",
        "prod: 2 hosts. Next:",
        "  clusterctl hosts trust",
        "  clusterctl hosts",
        "  clusterctl plan site.yaml",
        "  clusterctl apply site.yaml",
    ]
    assert ran.err.endswith(
        "~/.ssh/config names 4: db1, github.com, web[1-2]. Take hosts from it? y, n, or which (web*,db*) [n] "
    )
    assert (home.folder / "inventory.yaml").read_text().splitlines()[1:] == [
        "cluster: prod",
        "sources:",
        "  - ssh_config: ~/.ssh/config",
        '    hosts: "web*"',
    ]
    assert (
        home.run("validate", "site.yaml").out == "inventory.yaml: 2 hosts, 0 groups\nsite.yaml: 1 service\n"
    )
    assert home.run("plan", "site.yaml").code != 2


def test_with_yes_the_hosts_of_an_ssh_config_are_taken_but_for_forges(home: Desk) -> None:
    home.write(".ssh/config", CONFIG)

    assert home.run("init", "--yes", "--cluster", "prod").code == 0

    assert '    hosts: "all!github.com"\n' in (home.folder / "inventory.yaml").read_text()
    assert home.run("validate").out == "inventory.yaml: 3 hosts, 0 groups\n"


def test_what_lies_in_the_folder_comes_first(home: Desk) -> None:
    home.write(".ssh/config", CONFIG)
    home.write("hosts.ini", "[web]\nw1\nw2\n")

    ran = home.run("init", "--yes", "--cluster", "prod", "--only", "w1")

    assert ran.code == 0
    assert "  - ansible: hosts.ini\n    hosts: w1\n" in (home.folder / "inventory.yaml").read_text()


def test_a_program_is_not_run_before_somebody_wants_it(home: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write("hosts", '#!/bin/sh\ntouch was-run\necho \'{"web": ["w1"], "_meta": {}}\'\n')
    (home.folder / "hosts").chmod(0o755)
    answers(monkeypatch, "prod", "n", "h1")

    ran = home.run("init")

    assert ran.code == 0
    assert "hosts is there. Take hosts from it? y, n, or which (web*,db*) [y] " in ran.err
    assert not (home.folder / "was-run").exists()
    assert home.run("validate").out == "inventory.yaml: 1 host, 0 groups\n"


def test_hosts_may_be_named(home: Desk) -> None:
    ran = home.run(
        "init", "--host", "web[1-2]=192.0.2.[11-12]", "--host", "db1", "--cluster", "no", "--user", "ops"
    )

    assert ran.code == 0
    assert (home.folder / "inventory.yaml").read_text().splitlines()[1:] == [
        'cluster: "no"',
        "ssh:",
        "  user: ops",
        "hosts:",
        '  "web[1-2]": {address: "192.0.2.[11-12]"}',
        "  db1:",
    ]
    assert home.run("validate").code == 0


def test_with_dry_run_the_files_are_shown_and_not_written(home: Desk) -> None:
    ran = home.run("init", "--host", "h1", "--cluster", "prod", "--dry-run")

    assert ran.out.splitlines()[0] == "# inventory.yaml"
    assert "      replicas: 1" in ran.out.splitlines()
    assert not (home.folder / "inventory.yaml").exists()


def test_a_playbook_that_is_there_is_kept(home: Desk) -> None:
    home.write("site.yaml", "mine\n")

    ran = home.run("init", "--host", "h1")

    assert "kept site.yaml: it was there" in ran.out.splitlines()
    assert (home.folder / "site.yaml").read_text() == "mine\n"


def test_an_inventory_that_is_there_is_never_overwritten(desk: Desk) -> None:
    ran = desk.run("init", "--yes")

    assert (ran.code, ran.err) == (
        2,
        (
            "error: inventory.yaml is there already, and init overwrites nothing\n"
            "next: clusterctl -i inventory.yaml inventory show, or init with another -i FILE.\n"
        ),
    )


def test_without_a_person_and_without_yes_nothing_is_guessed(home: Desk) -> None:
    home.write(".ssh/config", CONFIG)

    ran = home.run("init")

    assert (ran.code, ran.err) == (
        2,
        (
            "error: there is nobody to ask what to take\n"
            "next: say --yes, or --host, --ssh-config, --ansible, --vagrant.\n"
        ),
    )


def test_with_nothing_there_it_says_how_to_name_hosts(home: Desk) -> None:
    ran = home.run("init", "--yes")

    assert (ran.code, ran.err) == (
        2,
        (
            "error: no hosts: there is no ssh_config that names any, no Ansible inventory and no Vagrantfile here\n"
            "next: name them: clusterctl init --host 'web[1-3]=192.0.2.[11-13]'\n"
        ),
    )


def test_who_names_no_hosts_is_told_how_to_name_them(home: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write(".ssh/config", CONFIG)
    answers(monkeypatch, "prod", "", "")

    ran = home.run("init")

    assert ran.code == 2
    assert ran.err.endswith(
        "error: no hosts were named\n"
        "next: name them: clusterctl init --host 'web[1-3]=192.0.2.[11-13]'. Nothing was written.\n"
    )
    assert not (home.folder / "inventory.yaml").exists()


def test_mistakes_of_a_source_are_shown_and_nothing_is_written(home: Desk) -> None:
    home.write(".ssh/config", f"{CONFIG}Host old\n  ProxyCommand ssh -W %h:%p gate\n")

    ran = home.run("init", "--ssh-config", "~/.ssh/config", "--cluster", "prod")

    assert (ran.code, ran.err) == (
        2,
        (
            "error: .ssh/config:7: old: ProxyCommand is not honoured; write: ProxyJump gate\n"
            "next: mend them, or take fewer hosts with --only. Nothing was written.\n"
        ),
    )
    assert not (home.folder / "inventory.yaml").exists()
