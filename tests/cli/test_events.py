"""events: what the journals of the hosts say, and beside it what only this machine knows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from clusterctl.cli import wiring
from clusterctl.model.host import Host
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.operations.audit import Audit
from tests.cli.conftest import Desk
from tests.cli.hostile_fleet import HostileFleet

WORDS = "epoch 7, apply shop.yaml by dev@laptop pid 9: "
LINE = json.dumps(
    {"__REALTIME_TIMESTAMP": "1800000000000000", "MESSAGE": f"{WORDS}create shop-web-1: changed"}
)


class Journals(HostileFleet):
    """h1 has a journal, that of h2 cannot be read, and whoever else there is does not answer."""

    def run(
        self, hosts: Sequence[Host], _work: Callable[[Any], CommandResult], _deadline_s: float
    ) -> dict[str, CommandResult | Unreachable]:
        del self
        known: dict[str, CommandResult | Unreachable] = {
            "h1": CommandResult("h1", 0, LINE.encode(), b""),
            "h2": CommandResult("h2", 1, b"", b"No journal files were found.\n"),
        }
        return {
            host.name: known.get(host.name, Unreachable(host.name, "connect", "refused")) for host in hosts
        }


@pytest.fixture
def journals(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Give a desk whose audit knows of a failure on h2 that no host has written down."""
    entry = {"who": "dev@laptop", "when": "2027-01-15T08:00:01Z", "cluster": "test", "host": "h2", "epoch": 7}
    monkeypatch.setattr(wiring.Workspace, "fleet", property(Journals(desk.cluster, "steps").of))
    monkeypatch.setattr("time.time", lambda: 1_800_000_100.0)
    Audit(wiring.state_root()).append(
        [{**entry, "step": "ApplyUnit", "instance": "shop-web-2", "result": "failed"}]
    )
    return desk


def test_what_hosts_and_this_machine_know_stands_in_one_table(journals: Desk) -> None:
    ran = journals.run("events")

    assert ran.code == 1
    assert ran.out.splitlines() == [
        "TIME                  HOST  WHO         DURING           WHAT",
        "2027-01-15T08:00:00Z  h1    dev@laptop  apply shop.yaml  create shop-web-1: changed",
        "2027-01-15T08:00:01Z  h2    dev@laptop  -                apply shop-web-2: failed",
    ]
    assert ran.err.splitlines() == [
        "h2: journalctl: No journal files were found.",
        "h3: connect: refused; of it only what this machine has written down is shown",
    ]


def test_each_event_is_a_record(journals: Desk) -> None:
    ran = journals.run("events", "-o", "json")

    assert json.loads(ran.out)["events"][0] == {
        "time": "2027-01-15T08:00:00Z",
        "host": "h1",
        "who": "dev@laptop",
        "during": "apply shop.yaml",
        "what": "create shop-web-1: changed",
    }


def test_nothing_happened(journals: Desk) -> None:
    ran = journals.run("events", "--since", "10s", "--hosts", "h2")

    assert ran.out == "nothing since 2027-01-15T08:01:30Z\n"
