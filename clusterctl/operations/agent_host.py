"""A fence agent run on the host that its device names, instead of here (`remote.fence`)."""

from __future__ import annotations

from collections.abc import Mapping

from clusterctl.model.fence import Action, AgentAnswer, FenceDevice
from clusterctl.operations.ssh_fleet import SshFleet
from clusterctl.remote.fence import agent_answer, agent_script
from clusterctl.remote.ssh import root_shell


def run_agent_there(
    fleet: SshFleet, device: FenceDevice, action: Action, secrets: Mapping[str, str]
) -> AgentAnswer:
    """Run a fence agent on the host that its device names; one that cannot be reached proves nothing."""
    try:
        script = agent_script(device, action, secrets)
    except ValueError as error:
        return AgentAnswer(device.agent, action, None, str(error))
    host, limit_s = fleet.inventory.host(device.run_on), device.timeout_s + 5
    shell = root_shell(fleet.target(host).user)
    answers = fleet.run(
        [host], lambda connection: connection.run(script, shell, limit_s), limit_s + fleet.connect_s
    )
    return agent_answer(device, action, secrets, answers[host.name])
