"""Row 30: a disk on which every fsync takes five seconds. The run waits for it, and says who was slow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.fleet import LabFleet, service, write_playbook

SYNC_S = 5
# The first folder of the PATH that every script sets for itself (remote/shell), before that of the real sync.
WRAPPER = "/usr/local/sbin/sync"
CALLS = "/run/slow-sync.calls"
SLOW_SYNC = f"""#!/bin/sh
printf '%s\\n' "$*" >>{CALLS}
sleep {SYNC_S}
exec /bin/sync "$@"
"""


@contextmanager
def slow_sync(fleet: LabFleet, host: str) -> Iterator[None]:
    """Let every `sync` of a host take five seconds more, and keep what it was asked for in CALLS."""
    place = 'rm -f "$3" && printf %s "$1" >"$2" && chmod 755 "$2"'
    try:
        fleet.inside(host, "sh", "-c", place, "sh", SLOW_SYNC, WRAPPER, CALLS)
        assert fleet.inside(host, "cat", WRAPPER) == SLOW_SYNC
        yield
    finally:
        fleet.inside(host, "rm", "-f", WRAPPER)


def synced(fleet: LabFleet, host: str) -> set[str]:
    """Return what a host was asked to have on its disk, since its sync was made slow."""
    return set(fleet.inside(host, "cat", CALLS).splitlines())


def written(path: str) -> set[str]:
    """Return what must be synced for a file: it while it is beside its place, and then the folder."""
    folder, _, name = path.rpartition("/")
    return {f"{folder}/.{name}.clusterctl-tmp", folder}


def test_a_slow_disk(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """h2 is a lock host too: its number comes late, the other two are enough. No fsync is left out for it."""
    playbook = write_playbook(tmp_path, project, web=service(replicas=5, env={"GREETING": "slow"}))

    with slow_sync(fleet, "h2"):
        answer = fleet.apply(playbook)
        calls = synced(fleet, "h2")

    found = fleet.all_containers(f"{project}-")
    names = {item["host"]: name for name, item in found.items()}
    assert sorted(names) == sorted(fleet.hosts)
    assert all("(healthy)" in item["status"] for item in found.values()), found
    assert calls >= (
        written(f"/etc/clusterctl/env/{names['h2']}.env")
        | written(f"/etc/systemd/system/clusterctl-{names['h2']}.service")
        | written(f"/etc/clusterctl/projects/{project}.json")
        | written(f"/etc/clusterctl/history/{project}@1.json")
    ), calls
    slowest = re.search(
        r"^5 of 5 hosts without a failure, .*; slowest: h2 ([0-9.]+) s, ", answer.stdout, re.MULTILINE
    )
    assert slowest, answer.stdout
    # Two files in the batch that starts, two in the one that records; each file and its folder, one after the other.
    assert float(slowest[1]) >= 8 * SYNC_S
    assert fleet.apply(playbook).stdout == f"{project}: nothing to change (5 instances)\n"
