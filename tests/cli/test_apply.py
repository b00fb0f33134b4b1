"""plan, apply and delete as they are typed, and every message they end in, whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterctl.cli import carry
from clusterctl.cli.globals import Settings
from clusterctl.model.snapshot import Unreachable
from tests.cli.conftest import PLAYBOOK, Desk


def test_apply_says_what_it_did(desk: Desk) -> None:
    ran = desk.run("apply", "shop.yaml", "--yes")

    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "apply shop: done: 2 created, 0 unchanged"
    assert sorted(c for host in desk.cluster.hosts.values() for c in host.containers) == [
        "shop-web-1",
        "shop-web-2",
    ]


def test_a_second_apply_has_nothing_to_change_and_asks_nobody(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("apply", "shop.yaml")

    assert (ran.code, ran.out) == (0, "shop: nothing to change (2 instances)\n")


def test_apply_without_anybody_to_ask_is_refused(desk: Desk) -> None:
    ran = desk.run("apply", "shop.yaml")

    assert ran.code == 2
    assert ran.err.splitlines()[-2:] == [
        "error: apply shop changes hosts and there is nobody to ask",
        "next: run it with --yes, or look first with --dry-run. Nothing was changed.",
    ]
    assert desk.cluster.effects == 0


def test_apply_that_is_not_approved_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def say_no(question: str) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr(Settings, "may_ask", property(lambda _: True))
    monkeypatch.setattr(carry, "confirm", say_no)

    ran = desk.run("apply", "shop.yaml")

    assert asked == ["apply shop?"]
    assert ran.code == 1
    assert ran.err.splitlines()[-1] == "not approved; nothing was changed."
    assert desk.cluster.effects == 0


@pytest.mark.parametrize("verb", [("apply", "shop.yaml"), ("delete", "shop")])
def test_a_dry_run_changes_nothing(desk: Desk, verb: tuple[str, str]) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.write("shop.yaml", PLAYBOOK.replace("replicas: 2", "replicas: 3"))
    effects = desk.cluster.effects

    ran = desk.run(*verb, "--dry-run")

    assert ran.code == 0
    assert "plan: " in ran.out
    assert desk.cluster.effects == effects


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("plan", "shop.yaml"), 0),
        (("plan", "shop.yaml", "--detailed-exitcode"), 3),
        (("apply", "shop.yaml", "--dry-run", "--detailed-exitcode"), 3),
        (("apply", "shop.yaml", "--yes", "--detailed-exitcode"), 0),
    ],
)
def test_changes_pending_is_told_only_to_who_asks(desk: Desk, words: tuple[str, ...], code: int) -> None:
    assert desk.run(*words).code == code


def test_no_changes_pending_is_0(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    assert desk.run("plan", "shop.yaml", "--detailed-exitcode").code == 0


def test_no_value_of_the_environment_is_shown(desk: Desk) -> None:
    first = desk.run("apply", "shop.yaml", "--yes", "-v")
    desk.write("shop.yaml", PLAYBOOK.replace("s3cret", "other-s3cret"))
    second = desk.run("plan", "shop.yaml")
    third = desk.run("apply", "shop.yaml", "--yes", "-o", "json")

    assert "~TOKEN" in second.out
    for ran in (first, second, third):
        assert "s3cret" not in ran.out + ran.err


def test_an_instance_without_a_host_is_told_whole(desk: Desk) -> None:
    desk.cluster.hosts["h1"].markers["cordoned"] = "since 2026-11-20 by ops"
    desk.cluster.hosts["h2"].listeners.add(8080)
    web = PLAYBOOK.replace("deploy:", "ports: ['8080:80']\n    deploy:")

    ran = desk.run("apply", desk.write("shop.yaml", web), "--yes")

    assert ran.code == 4
    assert ran.err.splitlines()[-5:] == [
        "error: no host can take shop-web-2 (needs port 8080/tcp)",
        "  h1  cordoned since 2026-11-20 by ops",
        "  h2  port 8080/tcp is taken by something that is not ours",
        "  h3  port 8080/tcp is taken by shop-web-1",
        "next: make room on a host, or ask for less. Nothing was changed.",
    ]


def test_a_batch_that_fails_is_told_whole(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.cluster.broken_images = {"registry:5000/web:2"}
    desk.write("shop.yaml", PLAYBOOK.replace("web:1", "web:2"))

    ran = desk.run("apply", "shop.yaml", "--yes")

    report = ran.out.splitlines()
    run = report[-1].removeprefix("run ")
    assert ran.code == 1
    assert "-apply-" in run
    assert report[-4:-2] == [
        "                    DONE  FAILED  NOT TOUCHED",
        "instances replaced  0     1       1",
    ]
    assert ran.err[ran.err.index("error:") :].splitlines() == [
        "error: h1: shop-web-1: clusterctl-shop-web-1.service did not become healthy",
        "  the last words of the container",
        "  the previous version of shop-web-1 runs again on h1",
        "error: apply shop: stopped: batch “replace 1 of 2” failed on h1",
        "  done: nothing",
        "  not touched: shop-web-2",
        "next: mend the cause, then",
        f"  clusterctl resume {run}  goes on from here, or",
        f"  clusterctl abort {run}  takes back what it began.",
        "  After a change of the playbook type the command again: resume goes on with what it was.",
    ]


def test_a_batch_that_fails_is_told_in_json_too(desk: Desk) -> None:
    desk.cluster.broken_images = {"registry:5000/web:1"}

    ran = desk.run("apply", "shop.yaml", "--yes", "-o", "json")

    report = json.loads(ran.out)
    assert ran.code == 1
    assert (report["ok"], report["batches_done"]) == (False, 1)
    assert report["stopped"] == "batch “start” failed on h1, h2"
    assert {(r["host"], r["step"], r["instance"], r["status"]) for r in report["results"][2:]} == {
        ("h1", "ApplyUnit", "shop-web-1", "failed"),
        ("h2", "ApplyUnit", "shop-web-2", "failed"),
    }


def test_an_unreachable_host_stops_everything(desk: Desk) -> None:
    desk.cluster.hosts["h2"].unreachable = Unreachable("h2", "connect", "connection refused")

    ran = desk.run("apply", "shop.yaml", "--yes")

    assert ran.code == 1
    assert ran.err[ran.err.index("error:") :].splitlines() == [
        "error: cannot apply shop: what runs on some hosts is unknown",
        "  h2  connection refused",
        "next: bring the hosts back, or go on without them: --ignore-host h2. Nothing was changed.",
        "next: h2: is it up? look at its console, and at the way to it from here",
    ]
    assert desk.cluster.effects == 0


def test_unless_it_is_ignored(desk: Desk) -> None:
    desk.cluster.hosts["h2"].unreachable = Unreachable("h2", "connect", "connection refused")

    ran = desk.run("apply", "shop.yaml", "--yes", "--ignore-host", "h2")

    assert ran.code == 0
    assert list(desk.cluster.hosts["h3"].containers) == ["shop-web-2"]


def test_an_ignored_host_must_be_one(desk: Desk) -> None:
    assert desk.run("apply", "shop.yaml", "--yes", "--ignore-host", "nowhere").code == 2


def test_a_host_that_refuses_us_is_6(desk: Desk) -> None:
    desk.cluster.hosts["h2"].unreachable = Unreachable("h2", "host-key", "the host key has changed")

    ran = desk.run("apply", "shop.yaml", "--yes")

    assert ran.code == 6
    assert ran.err[ran.err.index("error:") :].splitlines() == [
        "error: cannot apply shop: a host was not let in, or did not let us in",
        "  h2  the host key has changed",
        "next: check the keys, known_hosts or sudo there. Nothing was changed.",
        "next: h2: clusterctl hosts trust h2",
    ]


def test_a_host_locked_by_another_is_5(desk: Desk) -> None:
    for host in desk.cluster.hosts.values():
        host.locked_by = "apply by dev@laptop pid 7"

    ran = desk.run("apply", "shop.yaml", "--yes")

    assert ran.code == 5
    assert "locked: apply by dev@laptop pid 7" in ran.err


def test_a_host_of_another_cluster_is_4(desk: Desk) -> None:
    desk.cluster.hosts["h2"].cluster = "prod"

    ran = desk.run("apply", "shop.yaml", "--yes")

    assert ran.code == 4
    assert ran.err[ran.err.index("error:") :].splitlines() == [
        "error: cannot apply shop",
        "  h2  belongs to cluster prod, not test",
        "next: mend what is named above, then run the same command again. Nothing was changed.",
    ]


def test_an_image_that_is_not_there_is_told(desk: Desk) -> None:
    desk.write("shop.yaml", PLAYBOOK.replace("web:1", "web:9"))

    ran = desk.run("apply", "shop.yaml", "--yes")

    assert ran.code == 1
    assert ran.err[ran.err.index("error:") :].splitlines() == [
        "error: cannot apply shop: an image cannot be had",
        "  image registry:5000/web:9 of service web: manifest unknown: registry:5000/web:9",
        (
            "next: check the image's name and tag, and that the registry answers the hosts. "
            "Nothing was changed."
        ),
    ]


def test_delete_removes_the_project(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("delete", "shop", "--yes")

    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "delete shop: done: 2 removed, 0 unchanged"
    assert not [unit for host in desk.cluster.hosts.values() for unit in host.files]


def test_delete_takes_the_playbook_too(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    assert desk.run("delete", "shop.yaml", "--yes").code == 0
    assert not [unit for host in desk.cluster.hosts.values() for unit in host.files]


@pytest.mark.parametrize("name", ["../etc", "a b", "$(id)", "-x"])
def test_delete_of_what_is_no_name_contacts_nobody(desk: Desk, name: str) -> None:
    assert desk.run("delete", "--yes", "--", name).code == 2
    assert desk.cluster.looks == []


def test_hosts_do_not_go_with_apply(desk: Desk) -> None:
    ran = desk.run("apply", "shop.yaml", "--yes", "-H", "h1")

    assert ran.code == 2
    assert ran.err.splitlines() == [
        "error: --hosts does not go with plan and apply: a project is placed on the whole cluster",
        "next: leave a host out with --ignore-host NAME, or choose hosts with placement.constraints.",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "none.yaml"), "cannot read the playbook: No such file or directory"),
        (("plan", "shop.yaml", "-i", "none.yaml"), "cannot read the inventory: No such file or directory"),
        (("plan", "bad\0name.yaml"), "cannot read the playbook: not a path"),
        (("fly",), "clusterctl has no verb 'fly'"),
        (("plan",), "PLAYBOOK is missing"),
        (("ps", "-o", "xml"), "--output: expected table, wide, json, jsonl, yaml or name, got 'xml'"),
    ],
)
def test_wrong_usage_is_2_and_contacts_nobody(desk: Desk, words: tuple[str, ...], said: str) -> None:
    ran = desk.run(*words)

    assert ran.code == 2
    assert said in ran.err
    assert desk.cluster.looks == []


def test_a_plan_in_json_has_its_published_fields(desk: Desk) -> None:
    ran = desk.run("plan", "shop.yaml", "-o", "json")

    found: dict[str, Any] = json.loads(ran.out)
    assert set(found) >= {
        "apiVersion",
        "kind",
        "verb",
        "subject",
        "generation",
        "empty",
        "unchanged",
        "changes",
        "batches",
        "unplaced",
        "blocked",
        "notes",
    }
    assert (found["apiVersion"], found["kind"], found["verb"], found["subject"]) == (
        "clusterctl/v1",
        "Plan",
        "apply",
        "shop",
    )
    assert found["changes"][0] == {
        "kind": "create",
        "instance": "shop-web-1",
        "host": "h1",
        "reason": "not there yet",
        "fields": [],
    }


def test_a_report_in_json_has_its_published_fields(desk: Desk) -> None:
    ran = desk.run("apply", "shop.yaml", "--yes", "-o", "json")

    found: dict[str, Any] = json.loads(ran.out)
    assert (ran.code, found["kind"], found["ok"], found["stopped"], found["batches_done"]) == (
        0,
        "Report",
        True,
        None,
        3,
    )
    assert set(found["results"][0]) >= {
        "host",
        "step",
        "instance",
        "status",
        "detail",
        "log",
        "restored",
    }
