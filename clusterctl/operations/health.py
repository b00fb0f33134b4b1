"""One look at the health of the fleet: the hosts, then what their peers say of the silent ones, then the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from clusterctl.model.health import FleetHealth, Opinion
from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.snapshot import LookRequest, Snapshot
from clusterctl.operations.rounds import RoundsFile
from clusterctl.planning.detector import Hysteresis, begin, count_round, note_moves, resting
from clusterctl.planning.peers import peers_of, service_ports
from clusterctl.planning.verdicts import Sighting, judge, sight


class Lookout(Protocol):
    """What is needed of a fleet to judge it."""

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        """Return what each host answered."""
        ...

    def ask_peers(
        self, asked: Mapping[str, Sequence[str]], services: Mapping[str, Sequence[int]]
    ) -> tuple[Opinion, ...]:
        """Return what each peer finds of the hosts it is asked about."""
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """What one look found, and what it means; `resting` instances were moved a short while ago."""

    snapshot: Snapshot
    health: FleetHealth
    resting: tuple[str, ...] = ()


@dataclass(frozen=True)
class HealthLook:
    """Looks at all hosts of an inventory; `clock` tells who observes, in which boot, and its seconds (`rounds.observer`)."""

    inventory: Inventory
    lookout: Lookout
    rounds: RoundsFile
    rules: Hysteresis
    clock: Callable[[], tuple[str, str, float]]

    def look(self, *, record: bool) -> Checked:
        """Look once, and judge; with `record` the look counts as a round. Raises JournalError."""
        snapshot = self.lookout.look(self.inventory.hosts, LookRequest())
        sighting = self._ask_peers(
            sight(snapshot, self.inventory.cluster, self.inventory.witnesses), snapshot
        )
        who, boot, now_s = self.clock()
        if not record:
            rounds = begin(self.rounds.read(), who, boot)
        else:
            with self.rounds.counting() as counting:
                before = begin(counting.rounds, who, boot)
                counting.write(count_round(before, sighting.alive, now_s, self.rules))
                rounds = counting.rounds
        return Checked(snapshot, judge(sighting, rounds, now_s, self.rules), resting(rounds, now_s))

    def note_moves(self, names: Sequence[str]) -> None:
        """Remember that failover moved instances now. Raises JournalError."""
        who, boot, now_s = self.clock()
        with self.rounds.counting() as counting:
            counting.write(note_moves(begin(counting.rounds, who, boot), names, now_s))

    def _ask_peers(self, sighting: Sighting, snapshot: Snapshot) -> Sighting:
        number = int(self.clock()[2] / self.rules.period_s)
        asked = peers_of(self.inventory, sighting.silent, sighting.able, number)
        if not asked:
            return sighting
        services = service_ports(snapshot, self.inventory.cluster)
        return replace(sighting, opinions=self.lookout.ask_peers(asked, services))
