"""How far up a host lets the operator: the rung that broke, read out of one look's answer."""

from __future__ import annotations

from clusterctl.model.health import Rung
from clusterctl.model.snapshot import HostFacts, Snapshot, Unreachable
from clusterctl.planning.observed import units_on

SILENT = frozenset({"resolve", "connect", "banner"})
"""The rungs on which nothing of the machine itself has answered yet."""


def climb(answer: HostFacts | Unreachable, cluster: str, *, witness: bool = False) -> Rung:
    """Return the rung that broke on a host; a `witness` needs no docker.

    A key or password that is refused shows that somebody is there.
    """
    if isinstance(answer, Unreachable):
        if answer.via:
            return Rung(answer.rung, f"its jump host {answer.via} failed: {answer.reason}", alive=None)
        return Rung(answer.rung, answer.reason, alive=answer.rung not in SILENT)
    if answer.systemd_state == "unknown":
        return Rung("systemd", "systemd does not answer")
    if not answer.docker_answers and not witness:
        return Rung("docker", answer.docker_error or "docker does not answer")
    unwell = [
        f"{unit.instance} is {unit.state}{f', {unit.health}' if unit.health != 'none' else ''}"
        for unit in units_on(answer, cluster)
        if not unit.is_well
    ]
    return Rung("services", "; ".join(unwell)) if unwell else Rung()


def able_to_tell(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the hosts whose opinion of others can be asked: those that let us in and answered."""
    return tuple(facts.host for facts in snapshot.seen)
