"""Fencing with agents that are programs: good, dead, lying, slow, and chatty with secrets. Only proof counts (row 51)."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from clusterctl.errors import InputError
from clusterctl.model.fence import Action, AgentAnswer, FenceDevice
from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.model.step import OPERATOR, Fence, RunCommand
from clusterctl.operations.fencing import TRIES, Fencing
from clusterctl.operations.host_work import run_here
from clusterctl.remote.fence import agent_answer, agent_script

GOOD = """case $action in off) echo off >"$0.state" ;; on) rm -f "$0.state" ;; status)
[ -e "$0.state" ] && { echo "Status: OFF"; exit 2; }; echo "Status: ON" ;; esac"""
DEAD = "echo 'Connection timed out' >&2; exit 1"
LIAR = 'case $action in status) echo "Status: ON" ;; *) echo "Success: Powered OFF" ;; esac'
QUIET = "case $action in status) exit 2 ;; esac"
BAD_ARGUMENTS = 'case $action in status) echo "Unable to connect"; exit 2 ;; esac'
UNSURE = 'case $action in status) echo "Status: OFF"; exit 0 ;; esac'
LATE = "sleep 60"


@pytest.fixture
def agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder in PATH where agents are put."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def put(folder: Path, name: str, body: str) -> None:
    """Write an agent: what it is given on stdin is in its variables, and kept in a file."""
    path = folder / name
    path.write_text(
        f'#!/bin/sh\nwhile IFS= read -r line; do echo "$line" >>"$0.given"; export "$line"; done\n{body}\n'
    )
    path.chmod(0o755)


def fencing(*devices: FenceDevice, secret: str = "") -> Fencing:
    inventory = Inventory("test", (Host("h1", "h1.test", fence=devices),))
    return Fencing(inventory, lambda _: secret)


def test_off_counts_when_status_says_so(agents: Path) -> None:
    put(agents, "fence_good", GOOD)

    fenced = fencing(FenceDevice("fence_good", {"plug": "7"})).off("h1")

    assert (fenced.certain, fenced.words) == (True, "fence_good: off, and its status says so")
    assert (agents / "fence_good.given").read_text().split() == [
        "action=off",
        "plug=7",
        "action=status",
        "plug=7",
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (DEAD, "off failed (exit code 1: Connection timed out)"),
        (LIAR, "off was done, but status says on (exit code 0: Status: ON)"),
        (QUIET, "off was done, but status says unknown (exit code 2)"),
        (BAD_ARGUMENTS, "off was done, but status says unknown (exit code 2: Unable to connect)"),
        (UNSURE, "off was done, but status says unknown (exit code 0: Status: OFF)"),
    ],
)
def test_what_is_not_proven_is_not_off(agents: Path, body: str, words: str) -> None:
    put(agents, "fence_odd", body)

    fenced = fencing(FenceDevice("fence_odd")).off("h1")

    assert (fenced.certain, fenced.words) == (False, f"fence_odd: {words}")
    assert (agents / "fence_odd.given").read_text().count("action=off") == TRIES


def test_an_agent_that_is_late_is_ended_with_all_its_children(agents: Path) -> None:
    put(agents, "fence_late", LATE)
    began = time.monotonic()

    fenced = fencing(FenceDevice("fence_late", timeout_s=0.3)).off("h1")

    assert not fenced.certain
    assert fenced.words == "fence_late: off failed (no end within 0.3 s)"
    assert time.monotonic() - began < 10


def test_the_second_device_is_tried_when_the_first_proves_nothing(agents: Path) -> None:
    put(agents, "fence_dead", DEAD)
    put(agents, "fence_good", GOOD)

    assert fencing(FenceDevice("fence_dead"), FenceDevice("fence_good")).off("h1").certain
    put(agents, "fence_good", LIAR)
    both = fencing(FenceDevice("fence_dead"), FenceDevice("fence_good")).off("h1")
    assert not both.certain
    assert both.words.startswith("fence_dead: off failed")
    assert "; fence_good: off was done, but" in both.words


def test_an_agent_that_is_not_there_and_a_host_without_device_prove_nothing(agents: Path) -> None:
    del agents
    missing = fencing(FenceDevice("fence_nowhere")).off("h1")

    assert not missing.certain
    assert "fence_nowhere cannot be run here: No such file or directory" in missing.words
    assert fencing().off("h1").words == "has no fence device"


def test_secrets_go_by_stdin_and_come_back_hidden(agents: Path) -> None:
    put(agents, "fence_chatty", 'echo "login with $password failed"; ps -ww -o args= -p $$; exit 1')

    device = FenceDevice("fence_chatty", secrets={"password": "pw.file"})
    (answer,) = fencing(device, secret="hunter2").status("h1")

    assert "login with *** failed" in answer.words
    assert "hunter2" not in answer.words
    assert "password=hunter2\n" in (agents / "fence_chatty.given").read_text()


def test_a_secret_that_cannot_be_read_fences_nothing() -> None:
    def unreadable(path: str) -> str:
        raise InputError(f"cannot read {path}")

    inventory = Inventory(
        "test", (Host("h1", "h1.test", fence=(FenceDevice("fence_x", secrets={"p": "pw"}),)),)
    )

    fenced = Fencing(inventory, unreadable).off("h1")

    assert (fenced.certain, fenced.words) == (False, "fence_x: off failed (cannot read pw)")


@pytest.mark.parametrize(
    ("code", "words", "power"),
    [
        (0, "Status: ON", "on"),
        (2, "Status: OFF", "off"),
        (2, "Status: ON", "unknown"),
        (0, "Status: OFF", "unknown"),
        (1, "Status: OFF", "unknown"),
        (None, "Status: OFF", "unknown"),
        (2, "Failed: turn off the plug first", "unknown"),
        (0, "connected", "unknown"),
        (2, "Status: OFF; Status: ON", "unknown"),
    ],
)
def test_what_a_status_says(code: int | None, words: str, power: str) -> None:
    assert AgentAnswer("fence_x", "status", code, words).power == power


def test_the_operator_fences_in_a_batch_and_stops_where_it_failed(agents: Path) -> None:
    put(agents, "fence_dead", DEAD)
    steps = (Fence(OPERATOR, "h1", 60, "only once"), RunCommand(OPERATOR, "true", 5, "then", about="h1"))

    results = run_here(steps, fencing(FenceDevice("fence_dead")).off)

    assert [result.status for result in results] == ["failed", "skipped"]
    assert results[0].detail.startswith("h1: fence_dead: off failed")
    assert run_here(steps[:1])[0].status == "failed"


# --- agents that run on a host -------------------------------------------------------------------


def there(agents: Path, device: FenceDevice, action: Action, secrets: Mapping[str, str]) -> AgentAnswer:
    """Run the script for a host in a real shell, which finds agents in the folder."""
    script = agent_script(device, action, secrets).replace("PATH=/", f"PATH={agents}:/", 1)
    done = subprocess.run(
        ["/bin/sh", "-s"], input=script.encode(), capture_output=True, check=False, timeout=60
    )
    return agent_answer(
        device, action, secrets, CommandResult("mgmt", done.returncode, done.stdout, done.stderr)
    )


def test_an_agent_on_a_host_proves_as_one_here_does(agents: Path) -> None:
    put(agents, "fence_good", GOOD + "\necho password was $password >&2")
    device = FenceDevice("fence_good", {"plug": "it's $HOME `id`"}, {"password": "f"}, run_on="mgmt")
    inventory = Inventory("test", (Host("h1", "h1.test", fence=(device,)), Host("mgmt", "mgmt.test")))

    fenced = Fencing(inventory, lambda _: "hush", run_there=partial(there, agents)).off("h1")

    assert fenced.certain, fenced.words
    given = (agents / "fence_good.given").read_text()
    assert (
        given
        == "action=off\npassword=hush\nplug=it's $HOME `id`\naction=status\npassword=hush\nplug=it's $HOME `id`\n"
    )
    assert "hush" not in there(agents, device, "status", {"password": "hush"}).words


@pytest.mark.parametrize(
    ("body", "words"),
    [(LATE, "no end within 1 s"), (None, "fence_odd cannot be run on mgmt"), (DEAD, "Connection timed out")],
)
def test_an_agent_on_a_host_that_is_late_missing_or_fails_proves_nothing(
    agents: Path, body: str | None, words: str
) -> None:
    if body is not None:
        put(agents, "fence_odd", body)

    answer = there(agents, FenceDevice("fence_odd", timeout_s=1.0, run_on="mgmt"), "off", {})

    assert words in answer.words
    assert answer.code in {None, 1}


def test_a_host_that_is_to_run_an_agent_and_cannot_be_reached_proves_nothing() -> None:
    device = FenceDevice("fence_x", run_on="mgmt")

    answer = agent_answer(device, "off", {}, Unreachable("mgmt", "connect", "no answer in 10 s"))

    assert (answer.code, answer.words) == (None, "mgmt does not run it: connect: no answer in 10 s")


# --- hosts that come back ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "fenced"), [(b"SSH-2.0-OpenSSH_9.2\r\n", False), (b"", True), (b"HTTP", True)]
)
def test_a_host_that_answers_again_is_not_fenced(agents: Path, says: bytes, *, fenced: bool) -> None:
    """A frozen machine takes connections and says nothing: that one is."""
    put(agents, "fence_good", GOOD)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError), server.accept()[0] as connection:
                connection.sendall(says)
                connection.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        host = Host("h1", "127.0.0.1", server.getsockname()[1], fence=(FenceDevice("fence_good"),))
        found = Fencing(Inventory("test", (host,)), lambda _: "").off_if_silent("h1")

    assert found.certain is fenced
    assert (agents / "fence_good.given").exists() is fenced


def test_a_host_that_takes_no_connection_is_fenced(agents: Path) -> None:
    put(agents, "fence_good", GOOD)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    host = Host("h1", "127.0.0.1", port, fence=(FenceDevice("fence_good"),))

    assert Fencing(Inventory("test", (host,)), lambda _: "").off_if_silent("h1").certain
