"""Looks that are counted: the rounds in the state folder, and verdicts that come of them."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clusterctl.errors import JournalError
from clusterctl.model.health import Rounds, Track
from clusterctl.model.snapshot import Unreachable
from clusterctl.operations.health import HealthLook
from clusterctl.operations.rounds import RoundsFile, observer
from clusterctl.planning.detector import Hysteresis
from tests.builders import a_service
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import a_fleet


class Observer:
    """A machine with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s, self.boot = 5000.0, "boot"

    def __call__(self) -> tuple[str, str, float]:
        return "me", self.boot, self.now_s


def a_check(cluster: FakeCluster, root: Path, clock: Observer) -> HealthLook:
    return HealthLook(cluster.inventory, cluster, RoundsFile(root, "test"), Hysteresis(), clock)


def kill(cluster: FakeCluster, *hosts: str) -> None:
    for host in hosts:
        cluster.hosts[host].unreachable = Unreachable(host, "connect", "no answer in 10 s")


def verdicts(check: HealthLook, clock: Observer, rounds: int, *, record: bool = True) -> list[str]:
    """Return the verdicts on h5 in rounds a minute apart."""
    found: list[str] = []
    for _ in range(rounds):
        clock.now_s += 60
        found.append(check.look(record=record).health.hosts[-1].verdict)
    return found


def test_a_dead_host_is_lost_after_three_recorded_rounds_and_back_after_three(tmp_path: Path) -> None:
    cluster, clock = a_fleet(a_service(replicas=5)), Observer()
    check = a_check(cluster, tmp_path, clock)
    kill(cluster, "h5")

    assert verdicts(check, clock, 4) == ["suspect", "suspect", "lost", "lost"]
    cluster.hosts["h5"].unreachable = None
    assert verdicts(check, clock, 4) == ["returning", "returning", "healthy", "healthy"]


def test_looks_that_are_not_recorded_count_for_nothing(tmp_path: Path) -> None:
    cluster, clock = a_fleet(a_service(replicas=5)), Observer()
    check = a_check(cluster, tmp_path, clock)
    kill(cluster, "h5")

    assert verdicts(check, clock, 5, record=False) == ["suspect"] * 5
    assert not list(tmp_path.glob("health/*"))


def test_each_process_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    cluster, clock = a_fleet(a_service(replicas=5)), Observer()
    kill(cluster, "h5")

    found = [verdicts(a_check(cluster, tmp_path, clock), clock, 1) for _ in range(3)]

    assert found == [["suspect"], ["suspect"], ["lost"]]


def test_a_reboot_of_the_observer_begins_anew(tmp_path: Path) -> None:
    cluster, clock = a_fleet(a_service(replicas=5)), Observer()
    check = a_check(cluster, tmp_path, clock)
    kill(cluster, "h5")
    verdicts(check, clock, 2)
    clock.boot, clock.now_s = "another", 30.0

    assert verdicts(check, clock, 3) == ["suspect", "suspect", "lost"]


def test_what_only_the_operator_cannot_reach_never_counts(tmp_path: Path) -> None:
    cluster, clock = a_fleet(a_service(replicas=5)), Observer()
    kill(cluster, "h5")
    cluster.hosts["h5"].sign = "banner"

    assert verdicts(a_check(cluster, tmp_path, clock), clock, 6) == ["operator-blind"] * 6


def test_where_nothing_is_reached_nothing_is_lost(tmp_path: Path) -> None:
    cluster, clock = a_fleet(a_service(replicas=5)), Observer()
    kill(cluster, *cluster.hosts)
    check = a_check(cluster, tmp_path, clock)

    assert verdicts(check, clock, 6) == ["suspect"] * 6
    assert not check.look(record=False).health.has_majority


@pytest.mark.parametrize("cut", [2, 3])
def test_an_operator_on_the_side_of_the_few_loses_nobody(tmp_path: Path, cut: int) -> None:
    cluster, clock = a_fleet(a_service(replicas=5)), Observer()
    kill(cluster, *[f"h{number}" for number in range(6 - cut, 6)])

    assert verdicts(a_check(cluster, tmp_path, clock), clock, 3)[-1] == ("lost" if cut == 2 else "suspect")


def test_two_looks_at_once_are_two_rounds(tmp_path: Path) -> None:
    cluster, clock = a_fleet(a_service(replicas=5)), Observer()
    kill(cluster, "h5")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: a_check(cluster, tmp_path, clock).look(record=True), range(16)))

    assert RoundsFile(tmp_path, "test").read().tracks["h5"].failed == 16


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 2}', '{"format": 1, "tracks": {"h5": {}}}', "[" * 100_000, "\x00"]
)
def test_a_damaged_file_is_begun_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "health").mkdir()
    (tmp_path / "health" / "test.json").write_text(text)

    assert RoundsFile(tmp_path, "test").read() == Rounds()


def test_the_file_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    rounds = Rounds("me", "boot", {"h1": Track(True, 3, 1.5, 0, 0.0, 7.25, (1.0, 2.0), 9.0)})
    file = RoundsFile(tmp_path, "test")
    with file.counting() as counting:
        counting.write(rounds)

    path = tmp_path / "health" / "test.json"
    assert file.read() == rounds
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["observer"] == "me"
    assert [each.name for each in path.parent.iterdir()] == ["test.json"]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "health").mkdir()
    target = tmp_path / "precious"
    target.write_text("keep")
    (tmp_path / "health" / ".test.json.new").symlink_to(target)
    with RoundsFile(tmp_path, "test").counting() as counting:
        counting.write(Rounds("me", "boot"))

    assert target.read_text() == "keep"
    assert RoundsFile(tmp_path, "test").read().observer == "me"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "health").write_text("a file")

    with pytest.raises(JournalError, match="cannot use the folder"), RoundsFile(tmp_path, "test").counting():
        pass


def test_this_machine_knows_itself() -> None:
    who, boot, first_s = observer()

    assert observer()[:2] == (who, boot)
    assert observer()[2] >= first_s > 0
