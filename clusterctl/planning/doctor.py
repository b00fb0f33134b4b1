"""What is wrong with a cluster, each with the command that mends it. Pure: one look, read from every side.

What forbids a change is `guards`; here is also what only will forbid one, or surprise somebody, later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clusterctl.model.inventory import Inventory
from clusterctl.model.names import natural
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.drift import Complaint, find_drift
from clusterctl.planning.eligibility import disk_refusal
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.guards import find_blocks
from clusterctl.planning.limits import OUT
from clusterctl.planning.markers import parse_marker
from clusterctl.planning.observed import Observed
from clusterctl.planning.runs import left_unfinished, runs_of

FORGOTTEN_S = 86_400
"""A cordon is a person's will; after a day it is perhaps forgotten."""


def find_complaints(
    inventory: Inventory, snapshot: Snapshot, clocks: Sequence[str] = ()
) -> tuple[Complaint, ...]:
    """Return everything that is wrong, that of the cluster first, then host by host.

    `clocks`: what `clock_notes` said of the look.
    """
    forecast = Forecast(inventory, snapshot)
    found = [
        *_lock_hosts(inventory, snapshot),
        *_runs(snapshot),
        *(Complaint("clock", "", words, "turn time synchronisation on there") for words in clocks),
        *_domains(inventory),
        *find_drift(inventory, snapshot, forecast),
    ]
    for answer in snapshot.unreachable:
        what = "look who it is: ssh-keygen -F, ssh -v" if answer.is_identity else "clusterctl health"
        words = f"does not answer: {answer.rung}: {answer.reason}"
        found.append(Complaint("reach", answer.host, words, f"{what} {answer.host}"))
    blocks = find_blocks(inventory, snapshot, frozenset(answer.host for answer in snapshot.unreachable))
    found += [
        Complaint(block.kind, block.host, block.reason, "clusterctl lock status")
        for block in blocks
        if block.kind in {"guard", "busy"}
    ]
    units = forecast.by_host()
    for facts in snapshot.seen:
        here = units.get(facts.host, ())
        found += [*_host(inventory, facts), *_markers(facts), *_unwell(facts.host, here)]
    return tuple(sorted(found, key=lambda one: natural(one.host) if one.host else ((), "")))


# --- of the cluster ------------------------------------------------------------------------------


def _lock_hosts(inventory: Inventory, snapshot: Snapshot) -> Iterator[Complaint]:
    seen = {facts.host for facts in snapshot.seen}
    gone = [name for name in inventory.lock_hosts if name not in seen]
    if 2 * len(gone) >= len(inventory.lock_hosts):
        words = f"most lock hosts do not answer ({', '.join(gone)}): nothing can be changed"
        yield Complaint("lock", "", words, "name others in policy.lock_hosts")


def _runs(snapshot: Snapshot) -> Iterator[Complaint]:
    for run in left_unfinished(runs_of(snapshot)):
        words = f"{run.command} of {run.by} is {run.state}, {run.batches_done} of {run.batches} batches done"
        yield Complaint("run", "", words, f"clusterctl resume {run.id}, or clusterctl abort {run.id}")


def _domains(inventory: Inventory) -> Iterator[Complaint]:
    label = inventory.policy.domain
    bare = [host.name for host in inventory.hosts if label not in host.labels]
    if bare and len(bare) < len(inventory.hosts):
        words = (
            f"no label {label} on {', '.join(bare)}, which others have: each counts as a domain of its own"
        )
        yield Complaint("inventory", "", words, "label them in the inventory")


# --- of one host ---------------------------------------------------------------------------------


def _host(inventory: Inventory, facts: HostFacts) -> Iterator[Complaint]:
    host, policy = facts.host, inventory.policy
    if not facts.docker_answers and host not in inventory.witnesses:
        mend = f"clusterctl exec {host} --sudo -- systemctl restart docker"
        yield Complaint("docker", host, f"docker does not answer: {facts.docker_error}", mend)
    full = disk_refusal(facts, policy.min_free_disk_percent, policy.min_free_disk_bytes)
    if full:
        yield Complaint("disk", host, full, f"clusterctl exec {host} --sudo -- docker image prune -f")
    for name in facts.failed_units:
        if not name.startswith("clusterctl-"):
            yield Complaint(
                "failed", host, f"{name} has failed", f"clusterctl exec {host} -- systemctl status {name}"
            )
    if facts.reboot_reasons:
        words = f"needs a reboot: {', '.join(facts.reboot_reasons)}"
        yield Complaint("reboot", host, words, f"clusterctl reboot {host} --if-needed")


def _markers(facts: HostFacts) -> Iterator[Complaint]:
    for name, text in sorted(facts.markers.items()):
        marker = parse_marker(text)
        forgotten = name == "cordoned" and facts.clock_s - marker.since_s > FORGOTTEN_S
        if name in OUT or (forgotten and not OUT & set(facts.markers)):
            yield Complaint("out", facts.host, f"{name} {marker}", f"clusterctl uncordon {facts.host}")


def _unwell(host: str, units: Sequence[Observed]) -> Iterator[Complaint]:
    for unit in units:
        if not unit.is_well and unit.docker_answers:
            words = f"{unit.instance} is {unit.condition}"
            yield Complaint("unwell", host, words, f"clusterctl logs {unit.instance}")
