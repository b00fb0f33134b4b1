"""`clusterctl lock` as it is typed and shown; what happens on hosts is tested in tests/remote and tests/e2e."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from clusterctl.cli import wiring
from clusterctl.errors import LockedError
from clusterctl.model.snapshot import Unreachable
from clusterctl.operations import lock_admin
from clusterctl.operations.rights import Claim, NoLock, Right
from clusterctl.remote.lock_holder import Holder
from clusterctl.remote.lock_look import HostLock
from tests.cli.conftest import Desk

DEV = Holder("20270115-080000-apply-0001", "dev@laptop", "clusterctl apply shop.yaml", 1_800_000_000, 7, 125)
AWAY = Unreachable("h3", "connect", "no answer within 10 s")


@dataclass
class Hosts:
    """What lock hosts say, and what `release` was asked to do."""

    answers: Mapping[str, HostLock | Unreachable]
    released: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def hosts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """Give lock hosts of which two are held by dev, and one is free."""
    del desk
    found = Hosts({"h1": HostLock("h1", DEV, 7), "h2": HostLock("h2", DEV, 7), "h3": HostLock("h3", None, 6)})

    def release(_fleet: Any, by: str, reason: str) -> lock_admin.Freed:
        found.released.append((by, reason))
        return lock_admin.Freed(found.answers, 8)

    monkeypatch.setattr(lock_admin, "look_at_locks", lambda _fleet, _hosts: found.answers)
    monkeypatch.setattr(lock_admin, "release_by_force", release)
    return found


@pytest.mark.usefixtures("hosts")
def test_status_shows_who_holds_it_on_each_host(desk: Desk) -> None:
    ran = desk.run("lock", "status")

    assert ran.code == 0
    lines = [[cell for cell in line.split("  ") if cell] for line in ran.out.splitlines()]
    assert [[cell.strip() for cell in line] for line in lines] == [
        ["HOST", "HELD BY", "COMMAND", "RUN", "SINCE", "EPOCH"],
        ["h1", "dev@laptop", "clusterctl apply shop.yaml", "20270115-080000-apply-0001", "2 min", "7"],
        ["h2", "dev@laptop", "clusterctl apply shop.yaml", "20270115-080000-apply-0001", "2 min", "7"],
        ["h3", "nobody", "6"],
    ]


@pytest.mark.usefixtures("hosts")
def test_status_in_json_has_its_published_fields(desk: Desk) -> None:
    found = json.loads(desk.run("lock", "status", "-o", "json").out)

    assert (found["kind"], found["held"], found["unreachable"]) == ("Lock", True, [])
    assert found["hosts"][0] == {
        "host": "h1",
        "held": True,
        "by": "dev@laptop",
        "command": "clusterctl apply shop.yaml",
        "run": "20270115-080000-apply-0001",
        "since": "2027-01-15T08:00:00Z",
        "age_s": 125,
        "epoch": 7,
    }
    assert found["hosts"][2]["held"] is False
    assert found["hosts"][2]["by"] is None


def test_a_host_that_does_not_answer_is_unknown_not_free(desk: Desk, hosts: Hosts) -> None:
    hosts.answers = {"h1": HostLock("h1", None, 7), "h2": HostLock("h2", None, 7), "h3": AWAY}

    ran = desk.run("lock", "status")

    assert ran.code == 1
    assert "unknown (connect)" in ran.out
    assert ran.err == "h3: connect: no answer within 10 s; who holds the lock there is unknown\n"


def test_a_refused_key_is_an_exit_code_of_its_own(desk: Desk, hosts: Hosts) -> None:
    hosts.answers = {"h1": Unreachable("h1", "host-key", "host key changed")}

    assert desk.run("lock", "status").code == 6


@pytest.mark.parametrize(
    "words",
    [(), ("--force",), ("--reason", "why"), ("--force", "--reason", ""), ("--force", "--reason", "  ")],
)
def test_release_needs_both_force_and_a_reason(words: tuple[str, ...], desk: Desk, hosts: Hosts) -> None:
    ran = desk.run("lock", "release", *words)

    assert ran.code == 2
    assert ran.err == (
        "error: the lock of a running operator is taken only with --force and --reason TEXT\n"
        "next: look who it is: clusterctl lock status. It goes by itself within 30 s when its operator is gone. "
        "Nothing was changed.\n"
    )
    assert hosts.released == []


def test_release_has_no_dry_run(desk: Desk, hosts: Hosts) -> None:
    ran = desk.run("lock", "release", "--force", "--reason", "why", "--dry-run")

    assert ran.code == 2
    assert hosts.released == []


def test_release_prints_what_it_did(desk: Desk, hosts: Hosts) -> None:
    hosts.answers = {**hosts.answers, "h3": AWAY}

    ran = desk.run("lock", "release", "--force", "--reason", "her laptop\nburnt")

    line = "ended dev@laptop: clusterctl apply shop.yaml, run 20270115-080000-apply-0001, since 2 min"
    assert ran.out == (f"h1: {line}\nh2: {line}\nepoch 8: whoever has a lower one is refused from now on\n")
    assert ran.err == "h3: connect: no answer within 10 s; what is held there goes by itself within 30 s\n"
    assert ran.code == 1
    assert [reason for _, reason in hosts.released] == ["her laptop burnt"]


def test_release_in_json(desk: Desk, hosts: Hosts) -> None:
    del hosts

    found = json.loads(desk.run("lock", "release", "--force", "--reason", "why", "-o", "json").out)

    assert (found["kind"], found["epoch"]) == ("LockReleased", 8)
    assert [host["held"] for host in found["hosts"]] == [True, True, False]


class Held(NoLock):
    """A lock that somebody else holds."""

    def acquire(self, claim: Claim) -> Right:
        """Refuse it."""
        del claim
        raise LockedError("locked: dev@laptop is at work (clusterctl apply shop.yaml), since 2 min")


@pytest.fixture
def held(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Somebody else is at work; nothing may be changed."""
    monkeypatch.setattr(wiring.Workspace, "lock", property(lambda _: Held()))
    monkeypatch.setattr(desk.cluster, "perform", lambda *_: pytest.fail("it changed something"))
    return desk


def test_a_verb_is_refused_while_another_is_at_work(held: Desk) -> None:
    ran = held.run("apply", "shop.yaml", "--yes")

    assert ran.code == 5
    assert "locked: dev@laptop is at work (clusterctl apply shop.yaml), since 2 min" in ran.err


def test_from_cron_that_is_no_error(held: Desk) -> None:
    ran = held.run("apply", "shop.yaml", "--yes", "--busy-ok", "-q")
    told = held.run("apply", "shop.yaml", "--yes", "--busy-ok", "-v")
    wrong = held.run("apply", "nowhere.yaml", "--yes", "--busy-ok")

    assert (ran.code, ran.err) == (0, "")
    assert (told.code, "dev@laptop is at work" in told.err) == (0, True)
    assert wrong.code == 2
