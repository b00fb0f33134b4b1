"""Files that are no files, beside and in place of inventories and playbooks: one clear line, and nobody is contacted."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from tests.cli.conftest import PLAYBOOK, Desk

INVENTORY_HINT = "next: give one with -i FILE or CLUSTERCTL_INVENTORY.\n"
PATH_HINT = "next: check the path.\n"
STDIN_HINT = "next: to read it from stdin, give /dev/stdin.\n"
LONG = "a" * 5000


def prepare(desk: Desk) -> None:
    """Put a folder, a pipe, a circle of links, something endless and something large on the desk."""
    (desk.folder / "folder").mkdir()
    os.mkfifo(desk.folder / "pipe")
    (desk.folder / "loop").symlink_to("loop")
    (desk.folder / "endless").symlink_to("/dev/zero")
    with (desk.folder / "large").open("wb") as file:
        file.truncate(10 * 1024**2 + 1)


@pytest.mark.parametrize(
    ("path", "shown", "why", "hint"),
    [
        ("folder", "folder", "Is a directory", INVENTORY_HINT),
        ("loop", "loop", "Too many levels of symbolic links", INVENTORY_HINT),
        ("none", "none", "No such file or directory", INVENTORY_HINT),
        ("endless", "endless", "larger than 10 MiB", INVENTORY_HINT),
        ("large", "large", "larger than 10 MiB", INVENTORY_HINT),
        ("", '""', "No such file or directory", INVENTORY_HINT),
        ("-", "-", "No such file or directory", STDIN_HINT),
        ("a\nb\x1b[31m", "a\\nb\\x1b[31m", "No such file or directory", INVENTORY_HINT),
        ("\udcff", "\\udcff", "No such file or directory", INVENTORY_HINT),
        (LONG, f"{LONG[:100]}...{LONG[:100]}", "File name too long", INVENTORY_HINT),
        ("pipe", "pipe", "it is a pipe, and what writes to it does not end", INVENTORY_HINT),
    ],
)
def test_an_inventory_that_is_no_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, path: str, shown: str, why: str, hint: str
) -> None:
    prepare(desk)
    monkeypatch.setattr("clusterctl.remote.named_file.MOST_SECONDS", 0.1)

    ran = desk.run("ps", "-i", path)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: {shown}: cannot read the inventory: {why}\n{hint}"
    assert desk.cluster.looks == []


@pytest.mark.parametrize("verb", ["plan", "apply", "run", "validate"])
def test_a_playbook_that_is_no_file(desk: Desk, verb: str) -> None:
    prepare(desk)

    ran = desk.run(verb, "folder")

    assert ran.code == 2
    assert ran.err == f"error: folder: cannot read the playbook: Is a directory\n{PATH_HINT}"
    assert desk.cluster.looks == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("folder", 'cannot read "folder": Is a directory'),
        ("loop", 'cannot read "loop": Too many levels of symbolic links'),
        ("endless", 'cannot read "endless": it lies outside the playbook\'s folder'),
        ("large", 'cannot read "large": larger than 10 MiB'),
        ("pipe", 'cannot read "pipe": it is a pipe, and what writes to it does not end'),
        ("none", 'no file "none"'),
        ("/dev/zero", "it must lie in the playbook's folder or below"),
        ("../inventory.yaml", "it must lie in the playbook's folder or below"),
    ],
)
def test_an_env_file_that_is_no_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> None:
    prepare(desk)
    monkeypatch.setattr("clusterctl.remote.named_file.MOST_SECONDS", 0.1)
    desk.write("site.yaml", f"services:\n  web:\n    image: a\n    env_file: {name}\n")

    ran = desk.run("plan", "site.yaml")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: site.yaml:4: services.web.env_file: {why}\n"
    assert desk.cluster.looks == []


def test_a_default_env_file_that_is_no_file(desk: Desk) -> None:
    (desk.folder / ".env").symlink_to(".env")

    ran = desk.run("plan", "shop.yaml")

    assert (ran.code, ran.err) == (2, "error: .env: Too many levels of symbolic links\n")


def test_env_files_that_are_too_long_say_so_once(desk: Desk) -> None:
    desk.write("long.env", "#" * 1_000_001)
    desk.write("site.yaml", "services:\n  web:\n    image: a\n    env_file: long.env\n")

    beside, given = desk.run("plan", "site.yaml"), desk.run("plan", "shop.yaml", "--env-file", "long.env")

    assert (beside.code, beside.err) == (2, "error: long.env: longer than 1000000 characters\n")
    assert (given.code, given.err) == (2, "error: long.env: longer than 1000000 characters\n")


def test_a_password_file_that_nobody_writes_to(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusterctl.remote.named_file.MOST_SECONDS", 0.1)
    os.mkfifo(desk.folder / "secret", 0o600)

    from clusterctl.cli.passwords import password_of
    from clusterctl.errors import InputError

    with pytest.raises(InputError) as caught:
        password_of("secret", "password", {}, may_ask=False)

    assert str(caught.value) == (
        "secret: the password cannot be read: it is a pipe, and what writes to it does not end"
    )


@pytest.mark.parametrize("verb", ["validate", "plan", "apply"])
def test_a_playbook_may_come_from_a_pipe_which_is_read_once(desk: Desk, verb: str) -> None:
    os.mkfifo(desk.folder / "pipe")
    writer = threading.Thread(target=(desk.folder / "pipe").write_text, args=(PLAYBOOK,))
    writer.start()

    ran = desk.run(verb, "pipe", "--yes")

    writer.join(10)
    assert (ran.code, "error" in ran.err) == (0, False)


def test_a_playbook_that_changes_while_hosts_are_looked_at_changes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = desk.cluster.look

    def edited(hosts: Any, request: Any) -> Any:
        desk.write("shop.yaml", "services: {web: {image: no}}\n")
        return look(hosts, request)

    monkeypatch.setattr(desk.cluster, "look", edited)

    ran = desk.run("apply", "shop.yaml", "--yes")

    assert ran.code == 0
    assert "apply shop: done: 2 created" in ran.out


def test_no_replicas_are_a_stop_that_is_asked_for(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.write("shop.yaml", PLAYBOOK.replace("replicas: 2", "replicas: 0"))

    asked = desk.run("apply", "shop.yaml")
    ran = desk.run("apply", "shop.yaml", "--yes")

    assert (asked.code, ran.code) == (2, 0)
    assert asked.err.splitlines()[-2] == "error: apply shop changes hosts and there is nobody to ask"
    assert "2 removed" in ran.out.splitlines()[-1]


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_line_ends(desk: Desk, ends: str) -> None:
    text = "services:\n  web:\n    image: a\n    replica: 2\n".replace("\n", ends)
    (desk.folder / "site.yaml").write_bytes(text.encode())

    ran = desk.run("plan", "site.yaml")

    assert ran.err.startswith('error: site.yaml:4: services.web: unknown key "replica"')


def test_json_is_yaml_with_tabs_too(desk: Desk) -> None:
    (desk.folder / "inventory.yaml").write_text('{"cluster": "test",\n\t"hosts": {"h1": {}, "h2": {}}}\n')
    (desk.folder / "site.yaml").write_text('{"services":\n\t{"web": {"image": "registry:5000/web:1"}}}\n')

    ran = desk.run("validate", "site.yaml")

    assert (ran.code, ran.out) == (0, "inventory.yaml: 2 hosts, 0 groups\nsite.yaml: 1 service\n")


def test_a_line_of_ten_megabytes_is_answered_with_a_short_one(desk: Desk) -> None:
    desk.write("site.yaml", f"services: {{web: {{image: {'a' * 9_900_000}}}}}\n")

    ran = desk.run("plan", "site.yaml")

    assert ran.code == 2
    assert ran.err.startswith("error: site.yaml:1: services.web.image: expected an image such as ")
    assert len(ran.err) < 300


def test_a_file_whose_name_has_a_line_break_is_one_line(desk: Desk) -> None:
    desk.write("a\nb.yaml", "services: {web: {imag: 1}}\n")

    ran = desk.run("plan", "a\nb.yaml")

    assert [line.partition(": ")[2].partition(": ")[0] for line in ran.err.splitlines()[:2]] == [
        "a\\nb.yaml:1",
        "a\\nb.yaml:1",
    ]
