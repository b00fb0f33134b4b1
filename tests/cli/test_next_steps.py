"""Whatever the verb: where a host did not answer, its last line says what to do about that."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from clusterctl.cli.next_steps import next_steps
from clusterctl.cli.verbs import VERBS
from clusterctl.model.snapshot import Unreachable
from clusterctl.operations.failures import Failures, note
from tests.cli.conftest import Desk

STEP = "start sshd there by its console, or set the right port in the inventory"
REFUSED = Unreachable("h2", "connect", "10.0.0.2 port 22: connection refused", next_step=STEP, kind="refused")
LOOKING = [
    "apply shop.yaml --yes", "plan shop.yaml", "delete shop --yes", "rollback shop --yes", "scale shop/web=3 --yes",
    "restart shop/web --yes", "move shop-web-1 h3 --yes", "cordon h1 --yes", "uncordon h1 --yes", "drain h1 --yes",
    "reboot h1 --yes", "update h1 --yes", "update h1 --check", "run steps.yaml --yes", "diff", "explain shop/web",
    "doctor", "audit", "health", "failover", "rebalance", "history", "show nothing-1", "abort", "resume",
    "hosts", "facts", "ps", "status",
]  # fmt: skip
"""Verbs that ask hosts by a look; they meet a fleet in memory here."""
REACHING = [
    "exec web1 -- true", "logs shop", "events", "lock status", "lock release --force --reason x",
    "cp inventory.yaml web1:/root/", "hosts trust web1",
]  # fmt: skip
"""Verbs that ask in another way; they meet a closed port."""
ELSEWHERE = {"ssh", "fence", "init", "inventory", "playbook", "validate", "timer", "completion", "lab"}
"""Verbs that ask no host of the inventory, or by programs that speak for themselves."""


@pytest.mark.parametrize("line", LOOKING)
def test_a_verb_that_looks_ends_with_what_to_do(desk: Desk, line: str) -> None:
    desk.write("steps.yaml", "steps: [{exec: {on: host, command: id}}]\n")
    desk.run("apply", "shop.yaml", "--yes")
    for name, host in desk.cluster.hosts.items():
        host.unreachable = replace(REFUSED, host=name)

    ran = desk.run(*line.split())

    assert ran.code in {1, 2, 4}
    asked = "h1" if line == "update h1 --check" else "h[1-3]"
    assert ran.err.splitlines()[-1] == f"next: {asked}: {STEP}"
    assert ran.err.count(STEP) == 1


@pytest.mark.parametrize("line", REACHING)
def test_a_verb_that_asks_in_another_way_does_so_too(tmp_path: Path, line: str) -> None:
    (tmp_path / "known").write_text("")
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    (tmp_path / "inventory.yaml").write_text(
        "cluster: test\nssh: {user: ops, identity_file: key, known_hosts: known}\n"
        "hosts:\n  web1: {address: 127.0.0.1, port: 1}\n"
    )

    ran = subprocess.run(
        [sys.executable, "-m", "clusterctl", *line.split()],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "CLUSTERCTL_STATE": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode in {1, 2}, ran.stderr
    assert ran.stderr.splitlines()[-1] == f"next: web1: {STEP}"
    assert ran.stderr.count(STEP) == 1


def test_no_verb_is_forgotten() -> None:
    tried = {line.split()[0] for line in (*LOOKING, *REACHING)}

    assert tried | ELSEWHERE == set(VERBS)


def test_hosts_are_contacted_only_where_it_is_noted() -> None:
    rooms = [path for room in ("operations", "cli") for path in Path("clusterctl", room).glob("*.py")]
    calling = {path.name for path in rooms if re.search(r"\bfan_out\(|\.dial\(|\.peek\(", path.read_text())}

    assert calling == {"ssh_fleet.py", "lock.py"}


def test_a_verb_that_ends_well_says_nothing(desk: Desk) -> None:
    desk.cluster.hosts["h2"].unreachable = REFUSED

    ran = desk.run("apply", "shop.yaml", "--yes", "--ignore-host", "h2")

    assert ran.code == 0
    assert "next:" not in ran.err


def test_a_host_that_answers_later_is_no_failure_any_more() -> None:
    failures: Failures = {}
    note(failures, {"h1": REFUSED, "h2": REFUSED})

    note(failures, {"h1": "an answer"})

    assert failures == {"h2": REFUSED}


def test_hosts_of_one_kind_are_one_line() -> None:
    def key(host: str, number: int) -> Unreachable:
        step = f"ssh-copy-id -p 22 ops@10.0.0.{number}, or name another user or key"
        return Unreachable(host, "auth", "refused", next_step=step, kind="user key")

    behind = [Unreachable(f"db{n}", "connect", "jump host: no", "jump", STEP, "refused") for n in (1, 2)]
    same = [Unreachable(f"h{n}", "connect", "no", "", STEP, "refused") for n in (1, 2, 3)]

    lines = next_steps([key("web1", 1), *same, key("web2", 2), *behind, Unreachable("h9", "answer", "torn")])

    assert lines == [
        "web1: ssh-copy-id -p 22 ops@10.0.0.1, or name another user or key; likewise web2",
        f"h[1-3]: {STEP}",
        f"jump host jump (to db[1-2]): {STEP}",
        "h9: log in by hand and see why: clusterctl ssh h9",
    ]


def test_what_is_known_of_a_rung_only_is_said_once_too() -> None:
    late = [Unreachable(f"h{n}", "exec", "the command did not end within 2 s") for n in (1, 2, 3)]

    assert next_steps(late) == ["h1: log in by hand and see why: clusterctl ssh h1; likewise h[2-3]"]


@pytest.mark.parametrize(
    ("rung", "step"),
    [
        ("resolve", "check the address in the inventory, or DNS"),
        ("connect", "is it up? look at its console, and at the way to it from here"),
        (
            "banner",
            "try again in a while; sshd there is overloaded (MaxStartups), or something else answers at that port",
        ),
        ("host-key", "clusterctl hosts trust h1"),
        ("auth", "log in by hand and see why: clusterctl ssh h1"),
        ("sudo", "see what it may do there: sudo -l"),
        ("exec", "log in by hand and see why: clusterctl ssh h1"),
        ("answer", "log in by hand and see why: clusterctl ssh h1"),
        (
            "identity",
            "let the inventory name each machine once; a cloned one needs its own id: systemd-machine-id-setup",
        ),
    ],
)
def test_a_failure_of_any_rung_has_a_next_step(rung: str, step: str) -> None:
    assert next_steps([Unreachable("h1", rung, "no")]) == [f"h1: {step}"]  # type: ignore[arg-type]
