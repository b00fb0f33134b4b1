"""What goes wrong in a night, and when: drawn from the seed before the night begins, and mended in its course."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from clusterctl.planning.manifest import parse_manifest, render_manifest
from tests.nights.sizes import ZONES, Size, chance_of
from tests.nights.world import NightCluster

MINUTE_S = 60.0
LIE = "lie"
"""What is in the environment of each service of which root of one host alone tells."""
KINDS = (
    *("dies", "dies", "dies", "freezes", "freezes", "cut from an operator", "cut from the operators"),
    *("cut from all", "cut from some", "sshd", "docker stopped", "docker hung"),
)


@dataclass
class Accidents:
    """The accidents of a night. `operators` are those whose network may fail."""

    cluster: NightCluster
    size: Size
    seed: int
    operators: Sequence[str]

    def __post_init__(self) -> None:
        """Roll the dice."""
        self.chance = chance_of(self.seed, "accidents")
        self.names = list(self.cluster.machines)
        self.healed = False
        self.cluster.on_fence.append(self.is_fenced)

    def plan(self) -> None:
        """Put all accidents of the night into the queue."""
        number = max(3, round(self.size.accidents * self.size.hours * sqrt(self.size.hosts / 50)))
        for _ in range(number):
            self._at(self.single, self.chance.choice(KINDS), self.chance.choice(self.names))
        for _ in range(max(1, round(self.size.hours / 12))):
            self._at(self.two_in_a_row)
            self._at(self.several)
            self._at(self.operator_cut, 0.6)
            self._at(self.operator_cut, 1.0)
            self._at(self.flaps, self.chance.choice(self.names))
            self._at(self.zone_lost, self.chance.choice(ZONES))
        for name in self.chance.sample(self.names, 2):
            self.cluster.machines[name].mute = True
        self._plan_lies()

    def _plan_lies(self) -> None:
        """Have root of one host write manifests of his own there, again and again."""
        chance = chance_of(self.seed, "lies")
        liar = chance.choice(self.names)
        for _ in range(2 + round(self.size.hours)):
            self.cluster.at(chance.uniform(0, self.size.seconds * 0.95), lambda: self.lies(liar))

    def _at(self, what: Callable[..., None], *arguments: object) -> None:
        self.cluster.at(self.chance.uniform(0, self.size.seconds * 0.95), lambda: what(*arguments))

    def _mend_later(self, what: Callable[[], None], mean_min: float = 25.0) -> None:
        self.cluster.after((2 + self.chance.expovariate(1 / mean_min)) * MINUTE_S, what)

    # --- single hosts ----------------------------------------------------------------------------

    def single(self, kind: str, name: str) -> None:
        """Have one thing go wrong on one host, and be mended later."""
        machine = self.cluster.machines[name]
        match kind:
            case "dies":
                self.dies(name)
            case "freezes" if machine.power == "on":
                machine.power = "frozen"
                self._mend_later(lambda: self._thaw(name))
            case "cut from an operator":
                self._blind([name], [self.chance.choice(list(self.operators))])
            case "cut from the operators":
                self._blind([name], self.operators)
            case "cut from all":
                machine.isolated = True
                self._mend_later(lambda: setattr(machine, "isolated", False))
            case "cut from some":
                self._cut_from_some(name)
            case "sshd":
                machine.sshd = False
                self._mend_later(lambda: setattr(machine, "sshd", True))
            case "docker stopped" | "docker hung":
                self.cluster.docker_down(name, hung=kind == "docker hung")
                self._mend_later(lambda: self.cluster.docker_up(name))

    def dies(self, name: str, mean_min: float = 25.0) -> None:
        """Have the power of a host fail; it comes back in one state or another."""
        self.cluster.power_off(name, fenced=False)
        self._mend_later(lambda: self.comes_back(name), mean_min)

    def is_fenced(self, name: str) -> None:
        """Have a person come, some time after a device has cut the power of a host, and switch it on."""
        minutes = 10 + self.chance.expovariate(1 / 25)
        self.cluster.after(minutes * MINUTE_S, lambda: self.comes_back(name, by_hand=True))

    def comes_back(self, name: str, *, by_hand: bool = False) -> None:
        """Boot a host: nearly always whole, at times without docker or sshd, which are mended later."""
        machine, state = self.cluster.machines[name], self.chance.random()
        if machine.power == "off" and (by_hand or not machine.fenced) and not self.healed:
            if state < 0.1:
                machine.docker = "stopped"
                self._mend_later(lambda: self.cluster.docker_up(name), 10)
            elif state < 0.2:
                machine.sshd = False
                self._mend_later(lambda: setattr(machine, "sshd", True), 10)
        self.cluster.power_on(name, by_hand=by_hand)

    def _thaw(self, name: str) -> None:
        machine = self.cluster.machines[name]
        if machine.power == "frozen":
            machine.power = "on"

    def _blind(self, names: Sequence[str], operators: Sequence[str], mean_min: float = 25.0) -> None:
        for name in names:
            self.cluster.machines[name].blind |= set(operators)
        self._mend_later(lambda: self._see(names, operators), mean_min)

    def _see(self, names: Sequence[str], operators: Sequence[str]) -> None:
        for name in names:
            self.cluster.machines[name].blind -= set(operators)

    def _cut_from_some(self, name: str) -> None:
        """Lose what a third of the hosts, at most, and perhaps an operator send to a host, in one direction."""
        machine = self.cluster.machines[name]
        others = [other for other in self.names if other != name]
        number = self.chance.randint(1, max(1, len(others) // 3))
        machine.deaf = frozenset(self.chance.sample(others, number))
        self._mend_later(lambda: setattr(machine, "deaf", frozenset()))
        if self.chance.random() < 0.8:
            self._blind([name], self.operators)

    def lies(self, name: str) -> None:
        """Write manifests of a higher generation, and of a project that nobody knows, where they are on a host."""
        fake = self.cluster.hosts[name]
        if not self.cluster.machines[name].lives or self.healed:
            return
        for text in list(fake.manifests.values()):
            known = parse_manifest(text)
            if known is None:
                continue
            services = {
                service: {**plain, "environment": {LIE: name}} for service, plain in known.services.items()
            }
            lie = replace(known, generation=known.generation + 3, services=services)
            fake.manifests[known.project] = render_manifest(lie)
            fake.manifests[f"{LIE}s"] = render_manifest(replace(lie, project=f"{LIE}s"))
        self.cluster.touch(name)

    # --- several hosts ---------------------------------------------------------------------------

    def two_in_a_row(self) -> None:
        """Have two hosts die, one shortly after the other."""
        first, second = self.chance.sample(self.names, 2)
        self.dies(first)
        self.cluster.after(self.chance.uniform(0.5, 4) * MINUTE_S, lambda: self.dies(second))

    def several(self) -> None:
        """Have so many hosts die at once that a run may evacuate only some of them, and all of them be allowed."""
        hosts = len(self.names)
        for name in self.chance.sample(self.names, max(2, min(12, hosts * 16 // 100))):
            self.dies(name, 40)

    def zone_lost(self, zone: str) -> None:
        """Have a zone lose its power, or its network."""
        inventory = self.cluster.inventory
        there = [host.name for host in inventory.hosts if host.labels["zone"] == zone]
        if self.chance.random() < 0.5:
            for name in there:
                self.cluster.power_off(name, fenced=False)
            self._mend_later(lambda: self._power_back(there), 15)
            return
        outside = frozenset(self.names) - set(there)
        for name in there:
            self.cluster.machines[name].deaf = outside
        self._blind(there, self.operators, 15)
        self._mend_later(lambda: self._hear(there), 15)

    def _power_back(self, names: Sequence[str]) -> None:
        for name in names:
            self.comes_back(name)

    def _hear(self, names: Sequence[str]) -> None:
        for name in names:
            self.cluster.machines[name].deaf = frozenset()

    def operator_cut(self, share: float) -> None:
        """Have the network of an operator, or of all, fail towards so many hosts."""
        names = self.chance.sample(self.names, int(len(self.names) * share))
        who = self.operators if self.chance.random() < 0.5 else [self.chance.choice(list(self.operators))]
        self._blind(names, who, 8)

    def flaps(self, name: str) -> None:
        """Have a host lose its power and come back for an hour or so."""
        for turn in range(self.chance.randint(6, 9)):
            self.cluster.after(turn * 10 * MINUTE_S, lambda: self.cluster.power_off(name, fenced=False))
            self.cluster.after((turn * 10 + 5) * MINUTE_S, lambda: self.cluster.power_on(name))

    # --- the end ---------------------------------------------------------------------------------

    def heal(self) -> None:
        """Mend everything."""
        self.healed = True
        for name, machine in self.cluster.machines.items():
            machine.blind, machine.deaf, machine.isolated, machine.sshd = set(), frozenset(), False, True
            machine.mute = False
            self._thaw(name)
            machine.docker = "up"
            self.cluster.power_on(name, by_hand=True)
            if not self.cluster.hosts[name].docker:
                self.cluster.docker_up(name)
