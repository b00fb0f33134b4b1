"""The shipped playbooks, each run as it is on the lab's hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.apt_repository import AptRepository, restore_sources, use_only
from tests.e2e.fleet import LabFleet, service, wait_until, write_playbook
from tests.e2e.load import boot_ids
from tests.e2e.test_maintenance import markers
from tests.e2e.test_update import daemon, policy

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"


def test_rolling_reboot(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Two of five hosts, chosen by -H, are rebooted one after the other and let back."""
    fleet.apply(write_playbook(tmp_path, project, web=service(port=8096, replicas=3)))
    before = boot_ids(fleet)

    answer = fleet.cli("run", str(PLAYBOOKS / "rolling-reboot.yaml"), "-H", "h4,h5", "--yes", timeout=600)

    assert answer.code == 0, answer.stdout + answer.stderr
    after = boot_ids(fleet)
    assert [host for host in fleet.hosts if before[host] != after[host]] == ["h4", "h5"]
    assert all(markers(fleet, host) == [] for host in fleet.hosts)
    assert len(fleet.all_containers(f"{project}-")) == 3


@pytest.fixture
def pending_update(fleet: LabFleet) -> Iterator[None]:
    """Give one host a package that has an update."""
    repository = AptRepository(fleet.name)
    repository.offer(daemon("1.0"), policy("1.0"))
    fleet.ssh("h1", f"{use_only()}; apt-get install -y -q lab-daemon >/dev/null 2>&1")
    repository.offer(daemon("1.1"), policy("1.0"))
    yield
    fleet.ssh("h1", f"apt-get purge -y -q lab-daemon >/dev/null 2>&1; {restore_sources()}")
    repository.close()


@pytest.mark.usefixtures("pending_update")
def test_rolling_update(fleet: LabFleet) -> None:
    """A host is drained, updated, verified, committed and let back by steps."""
    answer = fleet.cli("run", str(PLAYBOOKS / "rolling-update.yaml"), "-H", "h1", "--yes", timeout=600)

    assert answer.code == 0, answer.stdout + answer.stderr
    assert fleet.ssh("h1", "dpkg-query -W -f='${Version}' lab-daemon") == "1.1"
    assert markers(fleet, "h1") == []
    assert "clusterctl.undo" not in fleet.ssh("h1", "ls /etc/systemd/system")


def test_drain(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """What ran on the host runs elsewhere, and the host stays cordoned until a person lets it back."""
    fleet.apply(write_playbook(tmp_path, project, web=service(port=8097, replicas=2)))
    home = fleet.all_containers(f"{project}-")[f"{project}-web-1"]["host"]

    answer = fleet.cli("run", str(PLAYBOOKS / "drain.yaml"), "-H", home, "--yes")

    assert answer.code == 0, answer.stdout + answer.stderr
    assert not [name for name in fleet.containers(home) if name.startswith(f"{project}-")]
    assert "cordoned" in markers(fleet, home)
    assert fleet.cli("uncordon", home, "--yes").code == 0


def test_hello(fleet: LabFleet) -> None:
    """Three copies of the small web server answer."""
    try:
        fleet.apply(PLAYBOOKS / "hello.yaml")
        homes = [item["host"] for item in fleet.all_containers("hello-").values()]
        assert len(homes) == 3
        assert ["hello" in fleet.get(host, 8080) for host in homes] == [True] * 3
    finally:
        fleet.cli("delete", "hello", "--yes")


def test_shop(fleet: LabFleet, tmp_path: Path) -> None:
    """Web, cache and balancer: the balancer hands requests to the web servers; a second apply changes nothing."""
    text = (PLAYBOOKS / "shop.yaml").read_text()
    servers = " ".join(f"{address}:8080" for address in fleet.addresses.values())
    playbook = tmp_path / "shop.yaml"
    lines = [f'      BACKENDS: "{servers}"' if "BACKENDS:" in line else line for line in text.splitlines()]
    playbook.write_text("\n".join(lines).replace("    # environment:\n", "    environment:\n") + "\n")
    try:
        fleet.apply(playbook)
        found = fleet.all_containers("shop-")
        assert len(found) == 6
        (balancer,) = [item["host"] for name, item in found.items() if "balancer" in name]
        wait_until(lambda: "hello" in _ask(fleet, balancer), 30, "the balancer has a server")
        assert "nothing to change (6 instances)" in fleet.apply(playbook).stdout
    finally:
        fleet.cli("delete", "shop", "--yes")


def _ask(fleet: LabFleet, host: str) -> str:
    try:
        return fleet.get(host, 8088)
    except OSError:
        return ""
