"""Verbs that look: hosts, facts, ps, status, exec, logs, as a person or cron calls them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import HostFacts, LookRequest
from clusterctl.remote.facts import build_look, parse_look
from tests.e2e.fleet import CLUSTERCTL, LabFleet, service, wait_until, write_playbook


def test_exec_folds_what_is_the_same(fleet: LabFleet) -> None:
    """The same output is shown once under a folded name; a failing command is exit 1."""
    same = fleet.cli("exec", "all", "--", "echo", "one")
    zone = fleet.cli("exec", "zone=a", "--", "hostname")
    failing = fleet.cli("exec", "h1", "--", "exit 3")

    assert (same.code, same.stdout) == (0, "h[1-5]: one\n")
    assert zone.stdout == "h1: h1\nh4: h4\n"
    assert (failing.code, failing.stdout) == (1, "h1: (exit 3)\n")


def test_exec_shows_nothing_raw(fleet: LabFleet) -> None:
    """Bad-input row 35: escape sequences of a host never reach the terminal."""
    answer = fleet.cli("exec", "h1", "--", r"printf '\033]0;title\007 \033[31mred \302\233 \b\r x\n'")

    assert answer.code == 0
    assert not {"\x1b", "\x07", "\x9b", "\r", "\b"} & set(answer.stdout)


def test_exec_cuts_a_flood(fleet: LabFleet) -> None:
    """Bad-input row 36: output is cut at 10 MiB and says so; the run goes on."""
    answer = fleet.cli(
        "exec",
        "h[1-2]",
        "--timeout",
        "60",
        "--",
        "if [ $(hostname) = h1 ]; then head -c 20000000 /dev/zero; else echo ok; fi",
    )

    assert "(cut at 10 MiB)" in answer.stdout
    assert "h2: ok\n" in answer.stdout


def test_exec_ends_at_its_deadline(fleet: LabFleet) -> None:
    """I11: a command that hangs is given up at its deadline, and the others are shown."""
    answer = fleet.cli("exec", "h[1-2]", "--timeout", "3", "--", "[ $(hostname) = h1 ] && sleep 40; echo ok")

    assert answer.code == 1
    assert "h2: ok\n" in answer.stdout
    assert "h1: exec: the command did not end within 3 s" in answer.stderr


def test_a_noisy_login_shell(fleet: LabFleet) -> None:
    """What a login shell prints before our script is not taken for an answer."""
    fleet.inside(
        "h3",
        "sh",
        "-c",
        "cp /home/ops/.bashrc /root/bashrc; sed -i '1i echo welcome; echo noise >&2' /home/ops/.bashrc",
    )

    answer = fleet.cli("facts", "h3", "-o", "json")

    fleet.inside("h3", "cp", "/root/bashrc", "/home/ops/.bashrc")
    assert answer.code == 0, answer.stderr
    assert answer.document["hosts"][0]["host"] == "h3"


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
def test_any_shell_reads_the_script_of_a_look(fleet: LabFleet, shell: str) -> None:
    """The one script of a look gives the same facts whichever POSIX shell a host has as /bin/sh."""
    nonce = "a" * 32
    script = build_look(LookRequest(("registry.lab:5000/hello:1.0",)), nonce)

    answer = fleet.ssh("h1", f"{shell} -s", stdin=script)

    facts = parse_look("h1", "", CommandResult("h1", 0, answer.encode(), b""), nonce)
    assert isinstance(facts, HostFacts), facts
    assert facts.systemd_state == "running"
    assert facts.resolved["registry.lab:5000/hello:1.0"].digest.startswith("sha256:")


def test_documents(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """The JSON of ps, facts, hosts, status and lab status has the documented fields."""
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=1)))

    instances = [i for i in fleet.cli("-o", "json", "ps").document["instances"] if i["project"] == project]
    facts = fleet.cli("facts", "h1", "-o", "json").document
    lab = fleet.cli("lab", "status", "--name", fleet.name, "-o", "json").document

    assert {"name", "project", "service", "slot", "host", "state", "health", "image", "since"} <= set(
        instances[0]
    )
    assert instances[0]["name"] == f"{project}-web-1"
    assert (facts["apiVersion"], facts["hosts"][0]["address"]) == ("clusterctl/v1", fleet.addresses["h1"])
    assert facts["hosts"][0]["boot_id"] == fleet.ssh("h1", "cat /proc/sys/kernel/random/boot_id").strip()
    assert (lab["name"], lab["inventory"]) == (fleet.name, fleet.inventory)
    assert [host["host"] for host in lab["hosts"]] == ["h1", "h2", "h3", "h4", "h5"]
    services = fleet.cli("status", "-o", "json").document["services"]
    assert [s["healthy"] for s in services if s["project"] == project] == [1]


def test_logs(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Logs merges the journals of all instances; -f shows what comes, until it is ended."""
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=2)))

    shown = fleet.cli("logs", project)

    assert shown.code == 0
    assert sorted(shown.stdout.splitlines()) == [
        f"{project}-web-{slot} | hello: version 1.0 listening on 8080" for slot in (1, 2)
    ]
    process = fleet.start("logs", project, "-f", "-n", "0")
    assert process.stdout
    host = fleet.all_containers(f"{project}-")[f"{project}-web-1"]["host"]
    os.set_blocking(process.stdout.fileno(), False)
    came = bytearray()

    def follow() -> bool:
        fleet.inside(host, "systemd-cat", "-t", "x", "true")
        fleet.inside(host, "docker", "exec", f"{project}-web-1", "sh", "-c", "echo spoken >/proc/1/fd/1")
        came.extend(process.stdout.read() or b"" if process.stdout else b"")
        return b"| spoken" in came

    wait_until(follow, 30, "a line that was spoken is shown")
    process.terminate()
    process.communicate(timeout=20)


def test_cron(fleet: LabFleet) -> None:
    """Bad-input row 31: an empty environment, no stdin, a closed stdout: no trace, a right exit code."""
    bare = {"PATH": os.environ["PATH"], "LANG": "C", "TERM": "dumb", "CLUSTERCTL_INVENTORY": fleet.inventory}
    command = [*CLUSTERCTL, "ps"]

    empty = subprocess.run(command, env=bare, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command], env=bare, stderr=subprocess.PIPE, check=False
    )
    piped = subprocess.run(
        ["sh", "-c", '"$@" | true', "sh", *command], env=bare, stderr=subprocess.PIPE, check=False
    )

    assert empty.returncode == 0, empty.stderr
    assert b"Traceback" not in empty.stderr + closed.stderr + piped.stderr
    assert closed.returncode != 0
