"""Where data is in truth: that it runs once (I2), and that the newest copy of it is not taken for surplus."""

from __future__ import annotations

from dataclasses import dataclass, field

from clusterctl.model.plan import Batch
from clusterctl.model.step import ApplyUnit, RemoveUnit
from tests.nights.world import NightCluster
from tests.soak.watch import Tally


@dataclass
class DataWatch:
    """Looks on the instances named in `names`; those in `once` run once also where a host is switched on again.

    `home`: where each was started last, or found running when the host before was proven off. `returned`: old copies on
    hosts that a device had cut off and a person has switched on again: they run until they are removed (docs/fencing.md).
    """

    cluster: NightCluster
    names: frozenset[str]
    tally: Tally
    once: frozenset[str] = frozenset()
    home: dict[str, str] = field(default_factory=dict)
    returned: set[tuple[str, str]] = field(default_factory=set)
    held: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find where they are."""
        for host, fake in self.cluster.hosts.items():
            self.home |= dict.fromkeys(self.names & set(fake.containers), host)

    def before(self, batch: Batch) -> None:
        """Note what is there that a batch removes."""
        steps = [step for step in batch.steps if isinstance(step, RemoveUnit)]
        places = [(step.instance.name, step.host) for step in steps if step.instance.name in self.names]
        self.held = [place for place in places if self._holds(*place)]

    def after(self, batch: Batch) -> None:
        """Check what stands after a batch."""
        for step in batch.steps:
            if isinstance(step, ApplyUnit) and step.instance.name in self.names:
                self.check_once(step.instance.name)
                if self._holds(step.instance.name, step.host):
                    self.home[step.instance.name] = step.host
        for name, host in self.held:
            if not self._holds(name, host):
                words = f"{name} left {host}, where its newest data is"
                self._demand("newest data stays", self.home[name] != host, words)
        self._forget()

    def proven_off(self, host: str) -> None:
        """Take an older copy that runs for the data: the host of the newer one is off."""
        for name in [name for name, home in self.home.items() if home == host]:
            others = [other for other in self.cluster.hosts if self._holds(name, other)]
            self.home[name] = others[0] if others else host

    def booted(self, host: str, was_fenced: bool) -> None:  # noqa: FBT001 - told by the machine
        """Note what runs again on a host that is up."""
        for name in sorted(self.names & set(self.cluster.hosts[host].containers)):
            if name not in self.once and was_fenced and len(self._holders(name)) > 1:
                self.returned.add((name, host))
                self.tally.guards["fenced host came back with data"] += 1
            self.check_once(name)

    def check_once(self, name: str) -> None:
        """Check that one of them runs once, or may go on by itself on one host only."""
        holders = self._holders(name)
        self._demand("I2", len(holders) <= 1, f"{name} is on {holders}")

    def _forget(self) -> None:
        """Forget old copies that are gone, and those that are the last ones there are, where anybody could see them."""
        newer = {name for name, _ in self.returned if self._holders(name)}
        self.returned = {
            (name, host)
            for name, host in self.returned
            if self._holds(name, host) and (name in newer or not self._is_seen(host))
        }

    def _is_seen(self, host: str) -> bool:
        return all(self.cluster.machines[host].answers(observer) for observer in ("a", "b"))

    def _holders(self, name: str) -> list[str]:
        hosts = self.cluster.hosts
        return [h for h in hosts if self._holds(name, h) and (name, h) not in self.returned]

    def _holds(self, name: str, host: str) -> bool:
        return name in self.cluster.hosts[host].containers and self.cluster.machines[host].may_run

    def _demand(self, promise: str, holds: bool, words: str) -> None:  # noqa: FBT001 - what an assertion takes
        self.tally.demand(promise, holds, f"{words} ({self.cluster.now_s / 60:.1f} min)")
