"""Nights in which hosts die, freeze, flap and come back, and the operator's own network fails: simulated round by round.

The truth is kept beside the cluster in memory; detection sees only what operator and peers would. Checked in every round
is what must never be (PROMISES, I2 without a fence, I6): a host that lives and is seen by anybody is evacuated, anything
moves without a majority, data runs twice. At the end of a night everything that is wanted runs once.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from clusterctl.model.health import Opinion, Rounds
from clusterctl.model.intent import FailoverIntent
from clusterctl.model.snapshot import Snapshot, Unreachable
from clusterctl.planning.detector import Hysteresis, count_round
from clusterctl.planning.evacuation import burdened, decide
from clusterctl.planning.failover import plan_failover
from clusterctl.planning.peers import peers_of
from clusterctl.planning.verdicts import judge, sight
from tests.builders import a_service
from tests.conduct import a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import DATA, a_fleet

HOSTS = 11
PERIOD_S = 60
MINUTES = 180
RULES = Hysteresis(period_s=PERIOD_S)


@dataclass
class Night:
    """A fleet, the truth about it, and the observer's rounds."""

    seed: int
    cluster: FakeCluster = field(init=False)
    dead: dict[str, int] = field(default_factory=dict)  # host -> minute since when
    hidden: set[str] = field(default_factory=set)  # cut off from the operator alone
    rounds: Rounds = field(default_factory=Rounds)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - no secret
        services = a_service(replicas=8), a_service("api", replicas=3), a_service("db", mounts=DATA)
        self.cluster = a_fleet(*services, hosts=HOSTS, zones=("a", "b", "c"))

    def happen(self, minute: int) -> None:
        """Let one minute's accidents happen."""
        comes_and_goes = {"h11"} if minute < 40 else set()
        for host in sorted(set(self.cluster.hosts) - comes_and_goes):
            if host in self.dead:
                if self.chance.random() < 0.03:
                    del self.dead[host]
            elif self.chance.random() < 0.002:
                self.dead[host] = minute
        if comes_and_goes and minute % 5 == 0:
            self.dead.pop("h11", None) if "h11" in self.dead else self.dead.update({"h11": minute})
        if self.chance.random() < 0.008:
            there = sorted(set(self.cluster.hosts) - {*self.dead, *comes_and_goes})
            self.dead |= dict.fromkeys(self.chance.sample(there, min(4, len(there))), minute)
        if self.hidden:
            self.hidden = set() if self.chance.random() < 0.2 else self.hidden
        elif self.chance.random() < 0.02:
            some = self.chance.choice([1, 2, HOSTS // 2 + 1, HOSTS])
            self.hidden = set(self.chance.sample(sorted(self.cluster.hosts), some))
        self.show()

    def show(self) -> None:
        """Have the cluster answer the operator as it would."""
        for host, fake in self.cluster.hosts.items():
            away = host in self.dead or host in self.hidden
            fake.unreachable = Unreachable(host, "connect", "no answer in 10 s") if away else None

    def look(self, minute: int) -> None:
        """One run of failover."""
        snapshot = self.cluster.see()
        sighting = sight(snapshot, "test")
        asked = peers_of(self.cluster.inventory, sighting.silent, sighting.able, minute)
        opinions = tuple(
            Opinion(peer, host, "nothing" if host in self.dead else "banner")
            for peer, hosts in asked.items()
            for host in hosts
        )
        sighting = replace(sighting, opinions=opinions)
        now_s = 1000.0 + minute * PERIOD_S
        self.rounds = count_round(self.rounds, sighting.alive, now_s, RULES)
        found = judge(sighting, self.rounds, now_s, RULES)
        choice = decide(found, burdened(snapshot, self.cluster.inventory))
        if choice.refused:
            self.counts["no majority" if "majority" in choice.refused else "too many at once"] += 1
            return
        for host in choice.hosts:
            assert host in self.dead, f"minute {minute}: {host} lives"
            assert minute - self.dead[host] >= 2, f"minute {minute}: {host} is dead since {self.dead[host]}"
            assert 2 * found.reached > HOSTS
        intent = FailoverIntent(choice.hosts, choice.off, choice.shunned)
        seen = Snapshot({facts.host: facts for facts in snapshot.seen})
        plan = plan_failover(intent, self.cluster.inventory, seen, a_summary("failover"))
        self.counts["held"] += any(note.startswith("held") for note in plan.notes)
        self.counts["later"] += bool(choice.later)
        self.counts["flapping"] += bool(found.of("flapping"))
        self.counts["moves"] += sum(change.kind == "move" for change in plan.changes)
        self.counts["surplus"] += sum(change.kind == "remove" for change in plan.changes)
        assert {change.host for change in plan.changes if change.kind == "move"}.isdisjoint(choice.shunned)
        if plan.batches and minute < MINUTES and self.chance.random() < 0.3:
            self.counts["killed"] += 1  # kill -9 between two batches
            plan = replace(plan, batches=plan.batches[: self.chance.randrange(len(plan.batches))])
        carry_out(self.cluster, plan)

    def check(self, minute: int) -> None:
        """See with eyes of its own that data runs nowhere twice, dead hosts included."""
        holders = [host for host, fake in self.cluster.hosts.items() if "shop-db-1" in fake.containers]
        assert len(holders) == 1, f"minute {minute}: the database is on {holders}"


def played(seed: int) -> Night:
    night = Night(seed)
    for minute in range(MINUTES):
        night.happen(minute)
        night.look(minute)
        night.check(minute)
    night.dead, night.hidden = {}, set()
    night.show()
    for minute in range(MINUTES, MINUTES + 5):
        night.look(minute)
    return night


@pytest.mark.parametrize("block", range(2))
def test_nights(block: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(block * 10, block * 10 + 10):
        night = played(seed)
        running = Counter(name for host in night.cluster.hosts.values() for name in host.containers)
        wanted = (
            [f"shop-web-{n}" for n in range(1, 9)] + [f"shop-api-{n}" for n in range(1, 4)] + ["shop-db-1"]
        )
        assert running == Counter(wanted), f"seed {seed}"
        counts += night.counts

    for what in ("no majority", "too many at once", "held", "moves", "surplus", "killed", "flapping"):
        assert counts[what] >= 5, counts
