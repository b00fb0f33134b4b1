"""The truth about the machines of a night, and what of it an operator, and one host of another, can see.

Nothing here knows what clusterctl thinks. Time is simulated seconds; what happens when stands in one queue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Literal

from clusterctl.model.fence import Action, AgentAnswer, FenceDevice
from clusterctl.model.health import Sign
from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.report import StepResult
from clusterctl.model.snapshot import HostFacts, LookRequest, Unreachable
from clusterctl.model.step import Fence
from clusterctl.operations.fencing import Fencing
from tests.fake_cluster import FakeCluster
from tests.fake_host import waits_for_leave
from tests.fake_work import HostWork

EPOCH_S = 1_800_000_000


@dataclass
class Machine:
    """How one host is in truth. `blind`: the operators that cannot reach it; `deaf`: the hosts that cannot."""

    power: Literal["on", "frozen", "off"] = "on"
    fenced: bool = False
    isolated: bool = False
    sshd: bool = True
    docker: Literal["up", "stopped", "hung"] = "up"
    mute: bool = False
    blind: set[str] = field(default_factory=set)
    deaf: frozenset[str] = frozenset()

    @property
    def lives(self) -> bool:
        """Whether it does anything."""
        return self.power == "on"

    @property
    def may_run(self) -> bool:
        """Whether what was started on it runs, or may go on at any moment without anybody's doing."""
        return not self.fenced

    def answers(self, operator: str) -> bool:
        """Whether an operator gets in."""
        return self.lives and self.sshd and not self.isolated and operator not in self.blind


class NightCluster(FakeCluster):
    """The cluster in memory whose answers are kept until something changes them, and whose hosts have a truth."""

    def __init__(self, inventory: Inventory, images: Sequence[str], devices: Mapping[str, str]) -> None:
        super().__init__(inventory, images)
        self.machines = {host.name: Machine() for host in inventory.hosts}
        self.devices = devices
        self.now_s = 0.0
        self.queue: list[tuple[float, int, Callable[[], None]]] = []
        self.debt_s = 0.0
        self.fence_calls: dict[str, int] = {}
        self.on_fence: list[Callable[[str], None]] = []
        self.on_power: list[Callable[[str, bool], None]] = []
        self._number = 0
        self._kept: dict[tuple[str, bool], HostFacts] = {}
        self._shown: dict[str, Unreachable] = {}

    # --- time ------------------------------------------------------------------------------------

    def at(self, when_s: float, what: Callable[[], None]) -> None:
        """Have something happen."""
        self._number += 1
        heappush(self.queue, (when_s, self._number, what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Have something happen in a while."""
        self.at(self.now_s + seconds, what)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due meanwhile."""
        end_s = self.now_s + seconds + self.debt_s
        self.debt_s = 0.0
        while self.queue and self.queue[0][0] <= end_s:
            when_s, _, what = heappop(self.queue)
            self.now_s = max(self.now_s, when_s)
            what()
        self.now_s = max(self.now_s, end_s)
        self.clock_s = EPOCH_S + int(self.now_s)

    # --- what is seen ----------------------------------------------------------------------------

    def show(self, operator: str) -> None:
        """Have the hosts answer as they would answer this operator."""
        for name in self._shown:
            self.hosts[name].unreachable = None
        self._shown = {}
        for name, machine in self.machines.items():
            if not machine.answers(operator):
                self._shown[name] = self.hosts[name].unreachable = _broken(name, machine, operator)

    def sign_of(self, peer: str, host: str) -> Sign:
        """Return what a peer finds of a host."""
        here, there = self.machines[peer], self.machines[host]
        if here.mute:
            return "unknown"
        if not there.lives or there.isolated or here.isolated or peer in there.deaf:
            return "nothing"
        return "banner" if there.sshd else "refused"

    def _answer(self, host: Host, request: LookRequest) -> HostFacts | Unreachable:
        fake = self.hosts[host.name]
        if fake.unreachable or request.images or request.run:
            return super()._answer(host, request)
        if request.claim_epoch > fake.epoch:
            self.touch(host.name)
        key = host.name, request.history
        if key not in self._kept:
            answer = super()._answer(host, request)
            assert isinstance(answer, HostFacts)
            self._kept[key] = answer
        return self._kept[key]

    def touch(self, *names: str) -> None:
        """Forget what hosts answered: they have changed."""
        for name in names:
            self._kept.pop((name, False), None)
            self._kept.pop((name, True), None)

    def touch_all(self) -> None:
        """Forget all answers."""
        self._kept = {}

    # --- what happens to machines ----------------------------------------------------------------

    def power_off(self, name: str, *, fenced: bool) -> None:
        """Take the power away. What a fence device has cut stays off until a person comes."""
        machine = self.machines[name]
        if fenced and not machine.fenced:
            for told in self.on_fence:
                told(name)
        machine.power = "off"
        machine.fenced |= fenced
        if fenced:
            self.hosts[name].containers.clear()
            self.hosts[name].active.clear()
        self.touch(name)

    def power_on(self, name: str, *, by_hand: bool = False) -> None:
        """Boot a host that is off; where a fence device has cut the power, only a person can."""
        machine = self.machines[name]
        if machine.power != "off" or (machine.fenced and not by_hand):
            return
        was_fenced = machine.fenced
        machine.power, machine.fenced = "on", False
        self.hosts[name].docker = machine.docker == "up"
        self.reboot(name)
        for told in self.on_power:
            told(name, was_fenced)

    def reboot(self, name: str) -> None:
        """Boot: units are skipped while docker is down."""
        super().reboot(name)
        fake = self.hosts[name]
        if not fake.docker:
            fake.active = dict.fromkeys(fake.active, "inactive")
        self.touch(name)

    def docker_up(self, name: str) -> None:
        """Have docker answer again; it starts the units that are enabled."""
        self.machines[name].docker = "up"
        fake = self.hosts[name]
        fake.docker = True
        for unit in sorted(fake.enabled):
            if fake.active.get(unit) != "active" and unit in fake.files:
                fake.loaded[unit] = fake.files[unit]
                if waits_for_leave(fake, unit):
                    continue
                well = HostWork(self, name).start(fake.files[unit])
                fake.active[unit] = "active" if well else "failed"
        self.touch(name)

    def docker_down(self, name: str, *, hung: bool) -> None:
        """Have docker answer nobody any more."""
        self.machines[name].docker = "hung" if hung else "stopped"
        self.hosts[name].docker = False
        self.touch(name)

    # --- fencing ---------------------------------------------------------------------------------

    def fence(self, step: Fence) -> StepResult:
        """Fence by the real rules of proof, with devices as they are here."""
        self.effect()
        done = Fencing(self.inventory, lambda _: "", self._agent).off(step.about)
        return StepResult(step, "changed" if done.certain else "failed", f"{step.about}: {done.words}")

    def _agent(self, device: FenceDevice, action: Action, secrets: Mapping[str, str]) -> AgentAnswer:
        """Do what the device of a host does; none says OFF of a host that is on."""
        del secrets
        name = device.parameters["plug"]
        kind = self.devices[name]
        calls = self.fence_calls[name] = self.fence_calls.get(name, 0) + (action == "off")
        if kind == "dead" or (kind == "third time" and calls % 3):
            return AgentAnswer(device.agent, action, 1, "Connection timed out")
        if action == "off" and kind != "claims on":
            self.power_off(name, fenced=True)
        if kind == "slow":
            self.debt_s += device.timeout_s
            return AgentAnswer(device.agent, action, None, "too late")
        if action == "status":
            off = self.machines[name].power == "off" and kind != "claims on"
            return AgentAnswer(device.agent, action, 2 if off else 0, f"Status: {'OFF' if off else 'ON'}")
        return AgentAnswer(device.agent, action, 0, "Success")


def _broken(name: str, machine: Machine, operator: str) -> Unreachable:
    if machine.isolated or operator in machine.blind or machine.power == "off":
        return Unreachable(name, "connect", "no answer in 10 s")
    if machine.power == "frozen":
        return Unreachable(name, "banner", "no SSH banner in 10 s")
    return Unreachable(name, "connect", "connection refused")
