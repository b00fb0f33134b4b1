"""rollback, scale, restart and move as they are typed, and how they end."""

from __future__ import annotations

import pytest

from tests.cli.conftest import PLAYBOOK, Desk


def running(desk: Desk) -> dict[str, str]:
    tags = {digest: tag for tag, digest in desk.cluster.registry.items()}
    return {
        f"{container}@{name}": tags[made.image.partition("@")[2]]
        for name, host in desk.cluster.hosts.items()
        for container, made in host.containers.items()
    }


def test_rollback_needs_no_playbook_and_no_registry(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    before = running(desk)
    desk.write("shop.yaml", PLAYBOOK.replace("web:1", "web:2"))
    desk.run("apply", "shop.yaml", "--yes")
    (desk.folder / "shop.yaml").unlink()
    desk.cluster.registry_answers = False

    ran = desk.run("rollback", "shop", "--yes")

    assert ran.code == 0
    assert ran.out.splitlines()[0] == "note: back to what generation 1 was"
    assert running(desk) == before


def test_rollback_to_what_is_not_kept_is_refused(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("rollback", "shop", "--to", "9", "--yes")

    assert ran.code == 4
    assert ran.err.splitlines()[-3:] == [
        "error: cannot rollback shop",
        "  generation 9 of shop is not kept (kept: 1)",
        "next: mend what is named above, then run the same command again. Nothing was changed.",
    ]


@pytest.mark.parametrize("name", ["web", "shop-web", "shop/web"])
def test_scale_takes_a_service_by_any_of_its_names(desk: Desk, name: str) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("scale", f"{name}=3", "--yes")

    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "scale shop/web: done: 1 created, 2 unchanged"


def test_restart_and_move(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    restarted = desk.run("restart", "web", "--yes")
    moved = desk.run("move", "shop-web-2", "h3", "--yes")

    assert restarted.out.splitlines()[-1] == "restart shop/web: done: 2 restarted, 0 unchanged"
    assert moved.out.splitlines()[-1] == "move shop-web-2 to h3: done: 1 moved, 1 removed, 1 unchanged"
    assert sorted(running(desk)) == ["shop-web-1@h1", "shop-web-2@h3"]


def test_scale_takes_several_services_and_makes_one_plan(desk: Desk) -> None:
    desk.write("shop.yaml", PLAYBOOK + "  db:\n    image: registry:5000/web:1\n")
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("scale", "web=3", "shop/db=2", "--yes")

    assert ran.out.splitlines()[-1] == "scale shop/web shop/db: done: 2 created, 3 unchanged"
    assert desk.run("scale", "web=3", "db=2", "--dry-run", "--detailed-exitcode").code == 0


def test_scale_to_0_says_so_before_it_asks(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    asked = desk.run("scale", "web=0")
    ran = desk.run("scale", "web=0", "--yes")

    assert asked.code == 2
    assert asked.out.splitlines()[0] == "note: 0 replicas: nothing of web will run"
    assert asked.err.splitlines()[-2] == "error: scale shop/web changes hosts and there is nobody to ask"
    assert ran.out.splitlines()[-1] == "scale shop/web: done: 2 removed, 0 unchanged"
    assert running(desk) == {}


@pytest.mark.parametrize("number", ["-1", "1000000000", "2.5", "'3'", "three", "", "+1", "\u0663"])
def test_a_number_of_replicas_that_is_none_is_refused_before_any_connection(desk: Desk, number: str) -> None:
    ran = desk.run("scale", "--", f"shop/web={number}")

    assert ran.code == 2
    assert ran.err.splitlines()[0] == f"error: not SERVICE=NUMBER, 0 to 9999: {f'shop/web={number}'!r}"
    assert desk.cluster.looks == []


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (
            ("scale", "shop/web=1", "blog/web=1"),
            "error: services of one project at a time: blog, shop",
            "next: scale them one after the other. Nothing was changed.",
        ),
        (
            ("scale", "shop/web=1", "web=2"),
            "error: web is given twice: 1 and 2",
            "next: give it once.",
        ),
        (
            ("scale", "web"),
            "error: not SERVICE=NUMBER, 0 to 9999: 'web'",
            "next: for example: clusterctl scale shop/web=3.",
        ),
        (
            ("scale", "api=2"),
            "error: no service is called 'api': shop/web",
            "next: name it as PROJECT/SERVICE. Nothing was changed.",
        ),
        (("move", "shop-web-1", "all"), "error: 'all' is 3 hosts, and one is needed", "next: name one host."),
        (
            ("restart", "web", "-H", "h1"),
            "error: --hosts does not go with restart: it goes by service, on the whole cluster",
            "next: leave a host out with --ignore-host NAME.",
        ),
    ],
)
def test_a_mistake_is_told_and_changes_nothing(
    desk: Desk, words: tuple[str, ...], error: str, hint: str
) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    effects = desk.cluster.effects

    ran = desk.run(*words)

    assert ran.code == 2
    assert ran.err.splitlines()[-2:] == [error, hint]
    assert desk.cluster.effects == effects


def test_a_service_that_two_projects_have_must_be_named_in_full(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.run("apply", desk.write("blog.yaml", PLAYBOOK.replace("name: shop", "name: blog")), "--yes")

    ran = desk.run("restart", "web", "--yes")

    assert ran.code == 2
    assert ran.err.splitlines()[-2] == "error: more than one service is called 'web': blog/web, shop/web"
