"""`clusterctl diff`: the units on the hosts against what would be written; no value of an environment is ever shown."""

from __future__ import annotations

import json

import pytest

from clusterctl.cli import console
from clusterctl.model.snapshot import Unreachable
from tests.cli.conftest import PLAYBOOK, Desk

UNIT = "clusterctl-shop-web-1.service"
PATH = f"h1:/etc/systemd/system/{UNIT}"


def edit(desk: Desk) -> None:
    host = desk.cluster.hosts["h1"]
    host.files[UNIT] = host.files[UNIT].replace("Restart=always", "Restart=no")


def test_a_fleet_as_it_was_applied_has_no_difference(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("diff", "--detailed-exitcode")

    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize("what", [(), ("shop",), ("shop-web-1",), ("shop.yaml",)])
def test_an_edit_is_shown_against_what_would_be_written(desk: Desk, what: tuple[str, ...]) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    edit(desk)

    ran = desk.run("diff", *what)

    assert ran.code == 0
    assert ran.out.splitlines()[:2] == [f"--- {PATH}", f"+++ {PATH}"]
    assert [line for line in ran.out.splitlines()[3:] if line[0] != " "] == ["-Restart=no", "+Restart=always"]


def test_an_instance_is_shown_alone(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    edit(desk)

    assert desk.run("diff", "shop-web-2", "--detailed-exitcode").code == 0
    assert desk.run("diff", "shop-web-1", "--detailed-exitcode").code == 3


def test_of_an_environment_only_names_are_shown(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.write("shop.yaml", PLAYBOOK.replace("TOKEN: s3cret", "TOKEN: chang3d, NEW: valu3"))

    ran = desk.run("diff", "shop.yaml")

    path = "h1:/etc/clusterctl/env/shop-web-1.env"
    head = f"--- {path}\n+++ {path}\n@@ names only: values are never shown @@\n"
    assert f"{head}+NEW\n!TOKEN changed\n" in ran.out
    assert not [word for word in ("s3cret", "chang3d", "valu3") if word in ran.out + ran.err]


def test_a_name_that_goes_is_shown_too(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.write("shop.yaml", PLAYBOOK.replace("    environment: {TOKEN: s3cret}\n", ""))

    ran = desk.run("diff", "shop.yaml")

    head = "--- h1:/etc/clusterctl/env/shop-web-1.env\n+++ /dev/null\n"
    assert f"{head}@@ names only: values are never shown @@\n-TOKEN\n" in ran.out


def test_an_env_file_that_somebody_wrote_has_names_that_are_not_known(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.cluster.hosts["h1"].env["shop-web-1"] = "OTHER=hidden\n"

    ran = desk.run("diff")

    assert ran.out.splitlines()[-2:] == [
        "-(not as it was applied, or of an older generation: its names are not known)",
        "+TOKEN",
    ]


def test_a_new_and_a_removed_unit_are_whole(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.write("shop.yaml", PLAYBOOK.replace("  web:", "  api:"))

    lines = desk.run("diff", "shop.yaml").out.splitlines()

    assert lines[:2] == ["--- /dev/null", "+++ h1:/etc/systemd/system/clusterctl-shop-api-1.service"]
    assert f"--- {PATH}" in lines
    assert "-Restart=always" in lines


def test_json_has_its_published_fields(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    edit(desk)

    document = json.loads(desk.run("diff", "-o", "json").out)

    (one,) = document["diffs"]
    assert (document["kind"], one["host"], one["instance"], one["lines"][0]) == (
        "Diffs",
        "h1",
        "shop-web-1",
        f"--- {PATH}",
    )


def test_it_is_coloured_on_a_terminal_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    edit(desk)
    plain = desk.run("diff").out
    monkeypatch.setattr(console, "colour_wanted", lambda: True)

    coloured = desk.run("diff").out

    assert "\x1b" not in plain
    assert "\x1b[31m-Restart=no\x1b[0m\n\x1b[32m+Restart=always\x1b[0m\n" in coloured


def test_what_a_unit_holds_never_reaches_the_terminal_raw(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    host = desk.cluster.hosts["h1"]
    host.files[UNIT] = host.files[UNIT].replace("Restart=always", "Restart=\x1b]0;title\x07")

    assert not set("\x1b\x07") & set(desk.run("diff").out)


def test_a_host_that_does_not_answer_is_unknown_and_the_others_are_shown(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    edit(desk)
    desk.cluster.hosts["h2"].unreachable = Unreachable("h2", "connect", "no answer in 10 s")

    ran = desk.run("diff", "--detailed-exitcode")

    assert ran.code == 1
    assert ran.err == (
        "h2: connect: no answer in 10 s; what lies there is unknown\n"
        "next: h2: is it up? look at its console, and at the way to it from here\n"
    )
    assert ran.out.splitlines()[0] == f"--- {PATH}"


def test_a_name_that_nobody_applied(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("diff", "shop-web-9")

    assert ran.code == 2
    assert ran.err.splitlines() == [
        "error: shop-web-9: no project and no instance of that name was applied; projects: shop",
        "next: clusterctl status lists projects, clusterctl ps instances; a playbook is named by its file.",
    ]


def test_what_cannot_be_placed_is_said(desk: Desk) -> None:
    desk.write(
        "shop.yaml", PLAYBOOK.replace("replicas: 2", "placement: {constraints: [node.labels.zone == z]}")
    )

    ran = desk.run("diff", "shop.yaml")

    assert (ran.code, ran.out) == (4, "")
    assert ran.err.splitlines()[0] == "error: no host can take shop-web-1 (needs node.labels.zone == z)"
