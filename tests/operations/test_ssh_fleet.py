"""The fleet behind SSH, with a server that answers scripts as hosts do; nothing is run here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory, SshSettings
from clusterctl.model.plan import Batch
from clusterctl.model.report import Event
from clusterctl.model.snapshot import HostFacts, LookRequest
from clusterctl.model.step import OPERATOR, ClearMarker, Reboot, RunCommand, Step, Verify
from clusterctl.operations.ssh_fleet import SshFleet
from tests.remote.sshd import Sshd, read_all

LOOK = (Path(__file__).parents[1] / "remote/looks/debian-12-fresh/answer.txt").read_bytes()
OLD, NEW = "11111111-0000-0000-0000-000000000000", "22222222-0000-0000-0000-000000000000"
VERIFY = Verify("h1", (), (), 1, 1, "test")
REBOOT = Reboot("h1", OLD, 20, "new kernel")


class ScriptedHost:
    """Says that every step changed something, and answers looks; `boot_id` is what it says after a reboot."""

    def __init__(self, sshd: Sshd) -> None:
        self.sshd = sshd
        self.scripts: list[str] = []
        self.boot_id = NEW
        self.status = "changed"
        sshd.talk = self.talk

    def talk(self, channel: paramiko.Channel, _command: str) -> None:
        script = read_all(channel).decode()
        self.scripts.append(script)
        channel.sendall(self.answer(script))
        channel.send_exit_status(0)

    def answer(self, script: str) -> bytes:
        nonce = re.findall(r"^NONCE=([0-9a-f]{32})$", script, re.MULTILINE)[0]
        if "\nSETTLE_S=" in script:
            return LOOK.replace(b"a" * 32, nonce.encode())
        if "section boot_id" in script:
            sections = {"boot_id": self.boot_id, "manager": "running"}
        else:
            numbers = re.findall(r"^(\d+)\) printf", script, re.MULTILINE)
            sections = {f"step-{number}": f"{self.status} 0\n" for number in numbers}
        body = "".join(
            f"\n{nonce} section {name}\n{text}\n{nonce} end-section 0\n" for name, text in sections.items()
        )
        return f"\n{nonce} begin\n{body}\n{nonce} end 0\n".encode()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedHost]:
    monkeypatch.setattr("clusterctl.remote.reboot.FIRST_PAUSE_S", 0.1)
    server = Sshd(tmp_path)
    yield ScriptedHost(server)
    server.close()


@pytest.fixture
def fleet(host: ScriptedHost) -> Iterator[SshFleet]:
    hosts = (Host("h1", "127.0.0.1", port=host.sshd.port, user="ops"),)
    inventory = Inventory("test", hosts, ssh=SshSettings(connect_timeout_s=10))
    with SshFleet(inventory, host.sshd.credentials(), "ops") as made:
        yield made


def perform(fleet: SshFleet, *steps: Step) -> tuple[list[tuple[str, str]], list[Event]]:
    events: list[Event] = []
    results = fleet.perform(Batch("test", steps), events.append, 7)
    assert tuple(result.step for result in results) == steps
    return [(result.status, result.detail) for result in results], events


def test_a_run_costs_one_login(fleet: SshFleet, host: ScriptedHost) -> None:
    for _ in range(2):
        snapshot = fleet.look(fleet.inventory.hosts, LookRequest(claim_epoch=7))
        perform(fleet, VERIFY)

    assert isinstance(snapshot.hosts["h1"], HostFacts)
    assert (len(host.sshd.logins), len(host.sshd.commands)) == (1, 4)
    assert "\nCLAIM=7\nCLUSTER=test\n" in host.scripts[0]
    assert "\nEPOCH=7\n" in host.scripts[1]


def test_a_closed_fleet_logs_in_anew(fleet: SshFleet, host: ScriptedHost) -> None:
    perform(fleet, VERIFY)
    fleet.close()
    perform(fleet, VERIFY)

    assert len(host.sshd.logins) == 2


def test_a_reboot_is_waited_for_and_told(fleet: SshFleet) -> None:
    found, events = perform(fleet, VERIFY, REBOOT)

    assert found == [("changed", ""), ("changed", "rebooted")]
    assert [event.text.split(" after ")[0] for event in events] == ["reboot ordered", "back", "2 done"]
    assert [event.kind for event in events] == ["host-phase", "host-phase", "host-end"]


def test_the_connection_after_a_reboot_is_kept(fleet: SshFleet, host: ScriptedHost) -> None:
    perform(fleet, REBOOT)
    perform(fleet, VERIFY)

    assert len(host.sshd.logins) == 2


def test_a_host_that_was_rebooted_already_is_not_waited_for(fleet: SshFleet, host: ScriptedHost) -> None:
    host.status = "unchanged"

    found, events = perform(fleet, REBOOT)

    assert found == [("unchanged", "")]
    assert [event.text for event in events] == ["already so"]
    assert len(host.sshd.commands) == 1


def test_a_host_that_stays_up_has_failed(fleet: SshFleet, host: ScriptedHost) -> None:
    host.boot_id = OLD

    found, _ = perform(fleet, Reboot("h1", OLD, 1, ""))

    assert found[0][0] == "failed"
    assert found[0][1].startswith("never went down: still the same boot within ")


def test_nothing_comes_after_a_reboot_in_its_batch(fleet: SshFleet, host: ScriptedHost) -> None:
    with pytest.raises(ValueError, match="a reboot is the last step of its host in a batch"):
        perform(fleet, REBOOT, ClearMarker("h1", "rebooting", "", "done"))

    assert host.scripts == []


def test_commands_of_the_operator_run_here_and_a_failure_concerns_its_own_host(
    fleet: SshFleet, host: ScriptedHost
) -> None:
    about = [
        RunCommand(OPERATOR, command, 5, "hook", about=name)
        for command, name in (("exit 3", "h1"), ("true", "h1"), ("true", "h2"))
    ]

    found, _ = perform(fleet, VERIFY, *about)

    assert found == [
        ("changed", ""),
        ("failed", "the command ended with exit code 3"),
        ("skipped", "not begun, because a step before it failed"),
        ("changed", ""),
    ]
    assert len(host.scripts) == 1
