"""Ways between operator, hosts and registry that half work; each test names its row of the fault matrix."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import docker
import pytest

from clusterctl.lab.layout import object_name
from tests.e2e.fleet import LabFleet, service, write_playbook
from tests.e2e.test_host_faults import apply_until, changed, running, version

REGISTRY_PORT = 5000


@pytest.fixture
def new(fleet: LabFleet, project: str, tmp_path: Path) -> Iterator[Path]:
    """Apply a project of five, one on each host, and return its next version, which waits between two hosts."""
    fleet.apply(version(tmp_path, project, "old"))
    yield version(tmp_path, project, "new")
    fleet.heal_all()


# --- between operator and hosts ------------------------------------------------------------------


def operator_of(fleet: LabFleet) -> str:
    """Return this machine's address in the lab: that of its gateway."""
    return fleet.addresses["h1"].rpartition(".")[0] + ".1"


@contextmanager
def rules(fleet: LabFleet, host: str, *wanted: str) -> Iterator[None]:
    """Have rules of iptables on a host for a while; each as `TABLE CHAIN REST`."""
    split = [rule.split(" ", 2) for rule in wanted]
    for table, chain, rest in split:
        fleet.inside(host, "sh", "-c", f"iptables -w 5 -t {table} -I {chain} {rest}")
    try:
        yield
    finally:
        for table, chain, rest in split:
            fleet.inside(host, "sh", "-c", f"iptables -w 5 -t {table} -D {chain} {rest}")


def test_replies_are_lost(fleet: LabFleet, project: str, new: Path) -> None:
    """Row 7: what we say arrives, what the host says does not: unknown within the deadline, before a run and within one."""
    before, lost = running(fleet, project), f"filter OUTPUT -d {operator_of(fleet)} -j DROP"

    with rules(fleet, "h2", lost):
        refused = fleet.cli("apply", str(new), "--yes", timeout=60)
    assert refused.code == 1
    assert "  h2  " in refused.stderr
    assert "no answer within 10 s" in refused.stderr
    within = rules(fleet, "h2", lost)
    try:
        stopped = apply_until(fleet, new, within.__enter__)
    finally:
        within.__exit__(None, None, None)

    assert stopped.code == 1
    assert "stopped: batch “replace 2 of 5” failed on h2" in stopped.stderr
    assert changed(before, running(fleet, project)) <= {f"{project}-web-1", f"{project}-web-2"}
    assert fleet.cli("apply", str(new), "--yes").code == 0
    assert set(changed(before, running(fleet, project))) == set(before)


def test_every_fifth_packet_is_lost(fleet: LabFleet, project: str, new: Path) -> None:
    """Row 9, as far as this kernel goes (it has no netem): it ends well or says why not, and nothing is done twice."""
    before, operator = running(fleet, project), operator_of(fleet)
    dice = "-m statistic --mode random --probability 0.2 -j DROP"

    with rules(fleet, "h3", f"filter INPUT -s {operator} {dice}", f"filter OUTPUT -d {operator} {dice}"):
        answer = fleet.cli("apply", str(new), "--yes")
    between = running(fleet, project)
    again = fleet.cli("apply", str(new), "--yes")

    after = running(fleet, project)
    assert answer.code == 0 or "h3" in answer.stderr, answer.stderr
    assert again.code == 0, again.stderr
    assert changed(before, after) == set(before)
    assert changed(before, between).isdisjoint(changed(between, after))


# --- between hosts and their registry ------------------------------------------------------------


def test_a_registry_that_hangs(fleet: LabFleet, project: str, new: Path, tmp_path: Path) -> None:
    """Row 20: what the hosts have serves on; what they lack is missed before anything is stopped."""
    before = running(fleet, project)
    unknown = unheard_of(tmp_path, project)
    registry = docker.from_env().containers.get(object_name(fleet.name, "registry"))
    registry.pause()
    try:
        refused = fleet.cli("apply", str(unknown), "--yes", timeout=90)
        kept = running(fleet, project)
        changed_environment = fleet.cli("apply", str(new), "--yes")
    finally:
        registry.unpause()

    assert refused.code == 1
    assert "an image cannot be had" in refused.stderr
    assert "hello:1.1 of service web: the registry did not answer within 10 s" in refused.stderr
    assert kept == before
    assert changed_environment.code == 0, changed_environment.stderr
    assert "the digest known to the hosts is used" in changed_environment.stdout + changed_environment.stderr


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [(401, "UNAUTHORIZED", "unauthorized"), (429, "TOOMANYREQUESTS", "toomanyrequests")],
)
def test_a_registry_that_turns_us_away(
    fleet: LabFleet, project: str, new: Path, tmp_path: Path, status: int, code: str, words: str
) -> None:
    """Row 20: told before anything is stopped, asked a bounded number of times, and given no login it did not ask for."""
    before = running(fleet, project)
    unknown = unheard_of(tmp_path, project)
    del new

    with unkind_registry(fleet, status, code) as asked:
        refused = fleet.cli("apply", str(unknown), "--yes", timeout=90)

    assert refused.code == 1, refused.stderr
    assert words in refused.stderr.lower()
    assert running(fleet, project) == before
    assert 5 <= len(asked) <= 5 * 10
    assert not any("authorization" in headers for headers in asked)


def unheard_of(folder: Path, project: str) -> Path:
    """Return a version of the project whose image no host has."""
    (folder / "unheard-of").mkdir()
    return write_playbook(folder / "unheard-of", project, web=service("hello:1.1", replicas=5))


@contextmanager
def unkind_registry(fleet: LabFleet, status: int, code: str) -> Iterator[list[str]]:
    """Put a registry in the place of the lab's that answers every request so; give the headers it gets, in lower case."""
    asked: list[str] = []

    class Unkind(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(str(self.headers).lower())
            body = f'{{"errors":[{{"code":"{code}","message":"{code.lower()}: not now"}}]}}'.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if self.command == "GET" else b"")

        do_HEAD = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("0.0.0.0", 0), Unkind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    registry = fleet.inside("h1", "getent", "hosts", "registry.lab").split()[0]
    there = f"{operator_of(fleet)}:{server.server_port}"
    rule = f"nat OUTPUT -p tcp -d {registry} --dport {REGISTRY_PORT} -j DNAT --to-destination {there}"
    try:
        with (
            rules(fleet, "h1", rule),
            rules(fleet, "h2", rule),
            rules(fleet, "h3", rule),
            rules(fleet, "h4", rule),
            rules(fleet, "h5", rule),
        ):
            yield asked
    finally:
        server.shutdown()
        server.server_close()
