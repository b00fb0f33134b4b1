"""Waiting for a rebooted host, with a server that goes away and comes back."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from clusterctl.remote.dialer import Dialer
from clusterctl.remote.reboot import NotBack, await_boot
from tests.remote.sshd import Sshd, read_all, write_key

OLD, NEW = "11111111-0000-0000-0000-000000000000", "22222222-0000-0000-0000-000000000000"


class Rebooting:
    """The host behind the server: its boot id and its manager's state are files."""

    def __init__(self, sshd: Sshd) -> None:
        self.sshd = sshd
        self.folder = sshd.folder
        self.boot(OLD)
        self.manager("running")
        sshd.talk = self.talk
        self.told: list[str] = []
        self.then: Callable[[], object] = lambda: None

    def boot(self, boot_id: str) -> None:
        (self.folder / "boot_id").write_text(f"{boot_id}\n")

    def manager(self, state: str) -> None:
        (self.folder / "manager").write_text(f"{state}\n")

    def down(self) -> None:
        self.sshd.raw = lambda _sock, _number: True

    def up(self, boot_id: str) -> None:
        self.boot(boot_id)
        self.sshd.raw = lambda _sock, _number: False

    def hear(self, text: str) -> None:
        """Take what is told; once it is that we are down, do what comes then."""
        self.told.append(text)
        if text.startswith("down"):
            self.then()

    def talk(self, channel: paramiko.Channel, _command: str) -> None:
        script = read_all(channel).decode()
        script = script.replace("/proc/sys/kernel/random/boot_id", f"{self.folder}/boot_id")
        script = script.replace("systemctl is-system-running", f"cat {self.folder}/manager")
        done = subprocess.run(["/bin/sh", "-s"], input=script.encode(), capture_output=True, check=False)
        channel.sendall(done.stdout)
        channel.send_exit_status(done.returncode)

    def wait(self, deadline_s: float) -> None:
        dialer = Dialer(self.sshd.credentials(), connect_timeout_s=10)
        await_boot(dialer, self.sshd.target(), OLD, deadline_s, self.hear).close()


class Clock:
    """What the wait takes for the time: nothing but its pauses takes any."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def host(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> Rebooting:
    monkeypatch.setattr("clusterctl.remote.dialer.BACK_OFF_S", 0.01)
    monkeypatch.setattr("clusterctl.remote.reboot.time", Clock())
    return Rebooting(sshd)


def test_a_host_is_back_with_another_boot_id(host: Rebooting) -> None:
    host.down()
    host.then = lambda: host.up(NEW)

    host.wait(20)

    assert [text.split()[0] for text in host.told] == ["down", "back"]


def test_a_host_that_never_goes_down_is_told_from_one_that_does_not_come_back(host: Rebooting) -> None:
    with pytest.raises(NotBack) as stayed:
        host.wait(6)
    host.down()
    with pytest.raises(NotBack) as gone:
        host.wait(6)

    assert stayed.value.reason.startswith("never went down: still the same boot within ")
    assert stayed.value.last is None
    assert gone.value.reason.startswith("did not come back within ")
    assert gone.value.reason.endswith("banner: the server hung up before its SSH banner")
    assert gone.value.last is not None


def test_the_same_boot_again_after_an_outage_never_went_down(host: Rebooting) -> None:
    host.down()
    host.then = lambda: host.up(OLD)

    with pytest.raises(NotBack, match="never went down"):
        host.wait(15)


def test_a_host_whose_systemd_does_not_answer_is_not_back(host: Rebooting) -> None:
    host.up(NEW)
    host.manager("")

    with pytest.raises(NotBack, match="came back with a new boot id, but systemd does not answer"):
        host.wait(5)


@pytest.mark.parametrize("state", ["running", "degraded", "starting", "initializing"])
def test_a_host_is_back_though_its_units_still_start_or_some_failed(host: Rebooting, state: str) -> None:
    host.up(NEW)
    host.manager(state)

    host.wait(5)


def test_a_changed_host_key_ends_the_wait_at_once(host: Rebooting, sshd: Sshd, tmp_path: Path) -> None:
    """A host that comes back as another one is not logged in to, and not waited for."""
    sshd.know(write_key(tmp_path / "other"))
    began = time.monotonic()

    with pytest.raises(NotBack) as caught:
        host.wait(30)

    assert caught.value.last is not None
    assert caught.value.last.is_identity
    assert "host key changed" in caught.value.reason
    assert sshd.logins == []
    assert time.monotonic() - began < 20


def test_a_login_that_is_refused_while_the_host_comes_up_is_tried_again(host: Rebooting, sshd: Sshd) -> None:
    """pam_nologin refuses keys until the host is up: no sign of a wrong key."""
    accepted, sshd.accepted = sshd.accepted, set()
    host.boot(NEW)
    host.then = lambda: setattr(sshd, "accepted", accepted)

    host.wait(10)

    assert [text.split()[0] for text in host.told] == ["down", "back"]


def test_each_try_is_a_connection_of_its_own_and_they_are_not_many(host: Rebooting, sshd: Sshd) -> None:
    with pytest.raises(NotBack):
        host.wait(10)

    assert sshd.connections == 7  # after pauses of 0.5, 0.75, 1.125, 1.69, 2 and 2 s
