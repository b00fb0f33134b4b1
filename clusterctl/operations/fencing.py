"""Making certain that a host is off: its devices in their order, and no belief in what is not proven.

`off` counts only when the agent's `off` succeeded and its `status` then prints OFF and exits 2 (PROMISES). A device
that fails, is late, or says anything else proves nothing, and the next one is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clusterctl.errors import ClusterctlError
from clusterctl.model.fence import Action, AgentAnswer, Fenced, FenceDevice
from clusterctl.model.inventory import Inventory
from clusterctl.remote.fence import run_agent
from clusterctl.remote.knock import shows_banner

TRIES = 3

Run = Callable[[FenceDevice, Action, Mapping[str, str]], AgentAnswer]


@dataclass(frozen=True)
class Fencing:
    """The devices of an inventory; `read_secret` returns what is in a file that it names.

    `run` runs an agent here, `run_there` on the host that its device names.
    """

    inventory: Inventory
    read_secret: Callable[[str], str]
    run: Run = run_agent
    run_there: Run = run_agent

    def status(self, host: str) -> tuple[AgentAnswer, ...]:
        """Ask each device of a host whether its power is on."""
        return tuple(self._call(device, "status") for device in self.inventory.host(host).fence)

    def off(self, host: str) -> Fenced:
        """Cut the power of a host, and prove it."""
        failures = []
        for device in self.inventory.host(host).fence:
            words = self._off(device)
            if not words:
                return Fenced(host, certain=True, words=f"{device.agent}: off, and its status says so")
            failures.append(f"{device.agent}: {words}")
        return Fenced(host, certain=False, words="; ".join(failures) or "has no fence device")

    def off_if_silent(self, host: str) -> Fenced:
        """Cut the power of a host that was lost, unless it has come back since: then nothing is proven."""
        if shows_banner(self.inventory.host(host)):
            return Fenced(host, certain=False, words="it answers again, and was not fenced")
        return self.off(host)

    def on(self, host: str) -> tuple[AgentAnswer, ...]:
        """Turn the power on with each device, as all of them may have cut it."""
        return tuple(self._call(device, "on") for device in self.inventory.host(host).fence)

    def _off(self, device: FenceDevice) -> str:
        """Return why a device did not prove that the host is off, or ""."""
        words = ""
        for _ in range(TRIES):
            answer = self._call(device, "off")
            if answer.code != 0:
                words = f"off failed ({_end(answer)})"
                continue
            status = self._call(device, "status")
            if status.power == "off":
                return ""
            words = f"off was done, but status says {status.power} ({_end(status)})"
        return words

    def _call(self, device: FenceDevice, action: Action) -> AgentAnswer:
        try:
            secrets = {name: self.read_secret(path) for name, path in device.secrets.items()}
        except ClusterctlError as error:
            return AgentAnswer(device.agent, action, None, error.message)
        return (self.run_there if device.run_on else self.run)(device, action, secrets)


def _end(answer: AgentAnswer) -> str:
    code = "" if answer.code is None else f"exit code {answer.code}"
    return ": ".join(word for word in (code, answer.words) if word)
