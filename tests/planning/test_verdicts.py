"""The verdict on each host: what it takes to be lost, and everything that is less."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from clusterctl.model import snapshot
from clusterctl.model.health import HostHealth, Opinion, Rounds, Rung, Sign, Track
from clusterctl.model.snapshot import HostFacts, Snapshot, Unreachable
from clusterctl.planning.detector import Hysteresis
from clusterctl.planning.ladder import climb
from clusterctl.planning.peers import ASKED, peers_of, service_ports
from clusterctl.planning.verdicts import Sighting, judge, sight
from tests.builders import a_host, a_service, an_inventory, facts_of
from tests.planning.fleets import a_fleet

RULES = Hysteresis()
NOW_S = 1000.0
DOWN = Track(is_down=True, failed=3, first_failed_s=NOW_S - 120, last_s=NOW_S, changes=(NOW_S,))
NO_ANSWER = Unreachable("h5", "connect", "no answer from h5.test:22 in 10 s")


def verdict_on(
    answer: HostFacts | Unreachable,
    *signs: Sign,
    track: Track = DOWN,
    hosts: int = 5,
    others_silent: int = 0,
) -> HostHealth:
    """Return the verdict on h5, of which h1, h2, ... say these signs."""
    names = [f"h{number}" for number in range(1, hosts)]
    seen: dict[str, HostFacts | Unreachable] = {name: facts_of(name) for name in names}
    for name in names[len(names) - others_silent :]:
        seen[name] = replace(NO_ANSWER, host=name)
    found = sight(Snapshot({**seen, "h5": answer}), "test")
    opinions = tuple(Opinion(f"h{number}", "h5", sign) for number, sign in enumerate(signs, 1))
    health = judge(replace(found, opinions=opinions), Rounds(tracks={"h5": track}), NOW_S, RULES)
    return health.hosts[-1]


def test_lost_is_what_nobody_reaches_for_long_enough() -> None:
    found = verdict_on(NO_ANSWER, "nothing", "nothing", "nothing")

    assert found.verdict == "lost"
    assert found.why == (
        "no answer from h5.test:22 in 10 s; h1 gets no answer from it either; h2 gets no answer from it either; "
        "h3 gets no answer from it either; 3 silent rounds over 120 s"
    )


@pytest.mark.parametrize(
    ("signs", "verdict"),
    [
        (("nothing", "banner", "nothing"), "operator-blind"),
        (("nothing", "nothing", "service"), "unmanaged"),
        (("refused", "nothing", "nothing"), "unmanaged"),
        (("nothing", "unknown", "unknown"), "suspect"),
        (("unknown", "unknown", "unknown"), "suspect"),
        ((), "suspect"),
        (("nothing", "nothing", "unknown"), "lost"),
    ],
)
def test_one_sign_of_life_or_too_few_that_could_look_is_not_lost(
    signs: tuple[Sign, ...], verdict: str
) -> None:
    assert verdict_on(NO_ANSWER, *signs).verdict == verdict


@pytest.mark.parametrize("rung", ["host-key", "auth", "sudo", "identity"])
def test_a_refused_key_is_no_sign_of_a_dead_host(rung: snapshot.Rung) -> None:
    answer = Unreachable("h5", rung, "no")

    assert verdict_on(answer, "nothing", "nothing").verdict == "refused"


@pytest.mark.parametrize("rung", ["exec", "answer"])
def test_a_host_that_lets_us_in_and_does_nothing_is_degraded(rung: snapshot.Rung) -> None:
    answer = Unreachable("h5", rung, "given up after 45 s")

    assert verdict_on(answer, track=Track()).verdict == "degraded"


def test_behind_a_dead_jump_host_nothing_is_known() -> None:
    answer = Unreachable("h5", "connect", "refused", via="bastion")

    assert verdict_on(answer, "nothing", "nothing").verdict == "unknown"


def test_too_early_is_suspect_and_says_what_is_missing() -> None:
    early = Track(failed=2, first_failed_s=NOW_S - 60, last_s=NOW_S)

    found = verdict_on(NO_ANSWER, "nothing", "nothing", track=early)

    assert found.verdict == "suspect"
    assert found.why.endswith("2 silent rounds over 60 s (lost after 3 over 90 s)")


def test_down_of_long_ago_is_not_lost_on_the_first_silent_round_of_today() -> None:
    stale = Track(is_down=True, failed=1, first_failed_s=NOW_S, last_s=NOW_S)

    assert verdict_on(NO_ANSWER, "nothing", "nothing", track=stale).verdict == "suspect"


def test_without_a_majority_nobody_is_lost() -> None:
    found = verdict_on(NO_ANSWER, "nothing", "nothing", others_silent=2)

    assert found.verdict == "suspect"
    assert found.why.endswith("it is more likely the network here")
    assert verdict_on(NO_ANSWER, "nothing", "nothing", others_silent=1).verdict == "lost"


def test_a_host_that_is_back_is_returning_until_it_stayed() -> None:
    found = verdict_on(facts_of("h5"), track=replace(DOWN, failed=0, passed=1, first_passed_s=NOW_S))

    assert (found.verdict, found.why) == ("returning", "was lost; 1 good round (back after 3 over 120 s)")


@pytest.mark.parametrize("answer", [facts_of("h5"), NO_ANSWER])
def test_a_host_that_changes_too_often_is_left_alone(answer: HostFacts | Unreachable) -> None:
    track = replace(DOWN, changes=(1.0, 2.0, 3.0), quarantined_until_s=NOW_S + 1800)

    found = verdict_on(answer, "nothing", "nothing", track=track)

    assert found.verdict == "flapping"
    assert found.why.endswith("changed 3 times of late, left alone for another 30 min")


def test_the_ladder_above_the_login() -> None:
    cluster = a_fleet(a_service(replicas=2), hosts=2)
    name = next(iter(cluster.hosts["h1"].containers))
    well = cluster.see().hosts["h1"]
    cluster.hosts["h1"].active = dict.fromkeys(cluster.hosts["h1"].active, "failed")
    failed = cluster.see().hosts["h1"]

    assert climb(well, "test") == Rung()
    assert climb(failed, "test").name == "services"
    assert climb(failed, "test").reason.startswith(f"{name} is failed")
    assert climb(facts_of("h1", containers=None, docker_error="timeout"), "test") == Rung("docker", "timeout")
    assert climb(facts_of("h1", systemd_state="unknown", containers=None), "test").name == "systemd"


def test_a_sighting_is_silent_only_where_enough_could_look() -> None:
    """All combinations of three opinions: alive with any sign, silent with two that found nothing, else unknown."""
    rungs = {"h1": Rung(), "h2": Rung(), "h3": Rung(), "h5": Rung("connect", "no", alive=False)}
    signs: tuple[Sign, ...] = ("banner", "service", "refused", "nothing", "unknown")
    for three in product(signs, repeat=3):
        opinions = tuple(Opinion(f"h{number}", "h5", sign) for number, sign in enumerate(three, 1))

        alive = Sighting(rungs, ("h1", "h2", "h3"), opinions).alive["h5"]

        living = bool({"banner", "service", "refused"} & set(three))
        assert alive is (True if living else False if three.count("nothing") >= 2 else None)


def test_two_hosts_have_one_that_can_look() -> None:
    rungs = {"h1": Rung(), "h5": Rung("banner", "no", alive=False)}

    assert Sighting(rungs, ("h1",), (Opinion("h1", "h5", "nothing"),)).alive["h5"] is False
    assert Sighting(rungs, (), ()).alive["h5"] is None


def test_peers_are_of_other_failure_domains_and_take_turns() -> None:
    hosts = [a_host(f"h{number}", zone="ab"[number % 2]) for number in range(1, 9)]
    inventory = an_inventory(hosts)
    able = [host.name for host in hosts[:7]]
    asked = [peers_of(inventory, ["h8"], able, number) for number in range(20)]

    assert all(len(peers) == ASKED and set(peers.values()) == {("h8",)} for peers in asked)
    assert {peer for peers in asked for peer in peers} == {"h1", "h3", "h5", "h7"}
    assert peers_of(inventory, ["h8"], ["h2", "h8", "h3"], 1).keys() == {"h2", "h3"}
    assert peers_of(inventory, ["h8"], able, 3) == peers_of(inventory, ["h8"], able[::-1], 3)


def test_services_of_a_silent_host_are_known_from_the_others() -> None:
    cluster = a_fleet(a_service(port=8080, replicas=3), a_service("db", replicas=1))

    ports = service_ports(cluster.see(), "test")

    assert set(ports.values()) == {(8080,)}
    assert len(ports) == 3
