"""The real program, started as cron starts it: with nothing in its environment, and from another folder."""

from __future__ import annotations

import pwd
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from clusterctl.cli.globals import Settings
from clusterctl.cli.wiring import Workspace, state_root
from clusterctl.errors import IdentityError, InputError
from clusterctl.remote.keys import load_credentials
from tests.remote.sshd import write_key


def bare(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clusterctl", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd="/",
        env={},
    )


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    """Write an inventory of one host that is off, with a key beside it."""
    write_key(tmp_path / "key")
    (tmp_path / "known").write_text("")
    path = tmp_path / "inventory.yaml"
    path.write_text(
        "cluster: bare\nssh: {identity_file: key, known_hosts: known, user: root}\n"
        f"hosts:\n  h1: {{address: 127.0.0.1, port: {closed_port()}}}\n"
    )
    return str(path)


@pytest.mark.parametrize("word", ["--help", "--version", "failover --help", "timer --help"])
def test_help_and_version(word: str) -> None:
    ran = bare(*word.split())

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "clusterctl" in ran.stdout


def test_a_look_at_a_host_that_is_off(inventory: str) -> None:
    ran = bare("-i", inventory, "health", "--deadline", "30s")

    assert (ran.returncode, [line.split()[:3] for line in ran.stdout.splitlines()]) == (
        4,
        [["HOST", "VERDICT", "BROKE"], ["h1", "suspect", "connect"]],
    )
    assert "only 1 of 1" not in ran.stderr
    assert ran.stderr.startswith("only 0 of 1 hosts answer")


def test_failover_looks_before_it_refuses(inventory: str) -> None:
    ran = bare("-i", inventory, "--dry-run", "failover")

    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr.splitlines()[0] == "error: only 0 of 1 hosts answer: no majority"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a user whom this machine does not know, as in a container that runs under some number."""

    def unknown(number: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "CLUSTERCTL_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_folder_it_is_said_what_to_set() -> None:
    with pytest.raises(InputError, match="this user has no home folder here") as error:
        state_root()
    with pytest.raises(InputError, match="~/key: this user has no home folder here"):
        Workspace(Settings(), "x").path("~/key")

    assert "set CLUSTERCTL_STATE to a folder" in error.value.next_step


@pytest.mark.usefixtures("homeless")
def test_without_a_home_folder_a_key_that_is_named_serves(tmp_path: Path) -> None:
    write_key(tmp_path / "key")

    found = load_credentials([str(tmp_path / "key")], [])

    assert len(found.keys) == 1
    with pytest.raises(IdentityError):
        load_credentials(allow_agent=False)
