"""Drift: where hosts are not as they were left. Pure: one look against the units' own digests and the manifests.

Nothing is mended here, and nothing but an apply mends it: of what somebody else wrote only with `--overwrite` (`edited`).
`status` shows it, `doctor` adds what is wrong besides.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clusterctl.model.inventory import Inventory
from clusterctl.model.names import natural
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.container import LABEL
from clusterctl.planning.edited import find_cut, how_cut, how_edited
from clusterctl.planning.failover import find_surplus
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.generations import find_disputed, find_lone, why_disputed
from clusterctl.planning.manifest import Manifest, instances_of, parse_manifest, why_unreadable
from clusterctl.planning.observed import Observed, foreign_units
from clusterctl.planning.replaced import find_replaced
from clusterctl.planning.spec import environment_digest, spec_digest


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong. `host` is "" where it is of the whole cluster; `mend`: a command, or what to do."""

    kind: str
    host: str
    words: str
    mend: str


def find_drift(
    inventory: Inventory, snapshot: Snapshot, forecast: Forecast | None = None
) -> tuple[Complaint, ...]:
    """Return everything that is not as it was left, that of the cluster first, then host by host.

    Only what was seen: a host that does not answer, or whose docker does not, is unknown and not drift.
    """
    forecast = forecast or Forecast(inventory, snapshot)
    cut = find_cut(snapshot, inventory.cluster)
    found, units = [*_twins(snapshot), *_instances(forecast, cut)], forecast.by_host()
    disputed = find_disputed(snapshot, inventory.cluster)
    for facts in snapshot.seen:
        found += [*_foreign(inventory, facts, cut), *_strays(facts)]
        for unit in units.get(facts.host, ()):
            found += _unit(forecast, facts, unit)
            if unit.header.project not in disputed:
                found += _orphan(unit, forecast.manifests.get(unit.header.project))
        found += _manifests(inventory, forecast, facts)
    return tuple(sorted(found, key=lambda one: natural(one.host) if one.host else ((), "")))


# --- of the cluster ------------------------------------------------------------------------------


def _twins(snapshot: Snapshot) -> Iterator[Complaint]:
    by_machine: dict[str, list[str]] = defaultdict(list)
    for facts in snapshot.seen:
        by_machine[facts.machine_id].append(facts.host)
    for machine, hosts in by_machine.items():
        if machine and len(hosts) > 1:
            words = f"{' and '.join(hosts)} have one machine id: cloned, or one machine under two names"
            mend = "systemd-machine-id-setup on the copy, or mend the inventory"
            yield Complaint("identity", "", words, mend)


def _instances(forecast: Forecast, cut: Sequence[Observed]) -> Iterator[Complaint]:
    """Yield what runs nowhere, what runs twice, and what runs where no manifest has it."""
    homes: dict[str, list[str]] = defaultdict(list)
    for unit in forecast.units.values():
        homes[unit.instance.name].append(unit.host)
    seen = {facts.host for facts in forecast.snapshot.seen}
    unknown = set(forecast.inventory.names) - seen
    known = {*homes, *(unit.instance.name for unit in cut)}
    yield from _lone(forecast)
    for _, manifest in sorted(forecast.manifests.items()):
        for host, words in find_replaced(forecast.snapshot, manifest).items():
            yield Complaint("replaced", host, words, apply_again(manifest.project, overwrite=True))
        for instance, _service in instances_of(manifest, forecast.project_at(manifest)):
            home, mend = manifest.placements[instance.name], apply_again(manifest.project)
            here = homes.get(instance.name, [])
            if instance.name not in known and home not in unknown:
                where = home if home in seen else f"{home}, which is not in the inventory"
                yield Complaint("missing", "", f"{instance} runs nowhere; its place is {where}", mend)
            elif home in seen and len(here) == 1 and home not in here:
                yield Complaint("elsewhere", here[0], f"{instance} is here; its place is {home}", mend)
    for unit in find_surplus(forecast):
        yield Complaint("twice", unit.host, f"{unit.instance} runs elsewhere, too", "clusterctl failover")


def _lone(forecast: Forecast) -> Iterator[Complaint]:
    """Yield the manifests that are not followed, since no second host holds the same."""
    snapshot, cluster = forecast.snapshot, forecast.inventory.cluster
    for project in find_disputed(snapshot, cluster):
        yield Complaint("alone", "", why_disputed(project), apply_again(project))
    for project in sorted({name for facts in snapshot.seen for name in facts.manifests}):
        for one in find_lone(snapshot, cluster, project):
            words = (
                f"holds {_version(one.manifest)} of {project}, which no other host has: it is not followed"
            )
            mend = f"{apply_again(project)}; if nobody was applying it, see who was root there"
            yield Complaint("alone", one.host, words, mend)


# --- of one host ---------------------------------------------------------------------------------


def _foreign(inventory: Inventory, facts: HostFacts, cut_units: Sequence[Observed]) -> Iterator[Complaint]:
    cut = {unit.fact.name: unit for unit in cut_units if unit.host == facts.host}
    for name in sorted(foreign_units(facts, inventory.cluster)):
        if name in cut:
            words = f"{name} {how_cut(cut[name].fact)}"
            yield Complaint("cut", facts.host, words, apply_again(cut[name].header.project, overwrite=True))
        else:
            words = f"{name} bears our prefix and is not ours"
            yield Complaint("foreign", facts.host, words, "rename or remove it there")


def _strays(facts: HostFacts) -> Iterator[Complaint]:
    """Yield containers of ours that no unit runs: a crash of docker or a hand left them."""
    units = {fact.name for fact in facts.units}
    for container in facts.containers or ():
        name = container.labels.get(f"{LABEL}.instance", "")
        if name and f"clusterctl-{name}.service" not in units:
            words = f"container {container.name} ({container.state}) has no unit"
            mend = f"clusterctl exec {facts.host} --sudo -- docker rm -f {container.id[:12]}"
            yield Complaint("container", facts.host, words, mend)


def _unit(forecast: Forecast, facts: HostFacts, unit: Observed) -> Iterator[Complaint]:
    host, project, name = facts.host, unit.header.project, unit.fact.name
    manifest = forecast.manifests.get(project)
    if not unit.intact:
        words = f"{name} is {how_edited(unit.fact)}"
        yield Complaint("edited", host, words, apply_again(project, overwrite=True))
    if unit.fact.drop_ins:
        paths = " ".join(shlex.quote(path) for path in unit.fact.drop_ins)
        words = f"{name} is altered by {', '.join(unit.fact.drop_ins)}"
        mend = (
            f"clusterctl exec {host} --sudo -- sh -c {shlex.quote(f'rm {paths} && systemctl daemon-reload')}"
        )
        yield Complaint("drop-in", host, words, mend)
    for kind, words in _stale(facts, unit, manifest):
        yield Complaint(kind, host, words, apply_again(project))


def _stale(facts: HostFacts, unit: Observed, manifest: Manifest | None) -> Iterator[tuple[str, str]]:
    """Yield what an apply puts right without asking: kind and words."""
    if unit.fact.need_reload and unit.intact:
        yield "reload", f"systemd has not read {unit.fact.name} again: what runs is an older text"
    if unit.fact.enabled == "disabled":
        yield "disabled", f"{unit.fact.name} does not start at boot"
    if not unit.runs_its_unit:
        yield "older", f"the container of {unit.instance} was made from an older unit"
    if unit.state == "running" and unit.docker_answers and unit.container is None:
        yield "hollow", f"{unit.fact.name} runs and docker has no container of it"
    if manifest and (why := _environment(facts, unit, manifest)):
        yield "environment", why


def _environment(facts: HostFacts, unit: Observed, manifest: Manifest) -> str:
    """Return how the env file of a unit differs from the manifest's, if the unit is the manifest's, else ""."""
    service = manifest.as_project.service(unit.header.service)
    if service is None or not service.environment:
        return ""
    found = facts.env_digests.get(unit.instance.name)
    if found == environment_digest(service):
        return ""
    pinned = manifest.pinned.get(service.name, "")
    if spec_digest(manifest.project, service, pinned) != unit.header.spec:
        return ""  # of another generation: its environment is another one, rightly
    how = "is missing" if found is None else "is not as applied"
    return f"the env file of {unit.instance} {how}"


def _orphan(unit: Observed, manifest: Manifest | None) -> Iterator[Complaint]:
    project = unit.header.project
    if manifest is None:
        words = f"{unit.instance} belongs to a project of which no manifest counts"
        mend = f"{apply_again(project)}, or clusterctl delete {project}"
        yield Complaint("orphan", unit.host, words, mend)
    elif unit.instance.name not in manifest.placements:
        words = f"{unit.instance} is not wanted by generation {manifest.generation}"
        yield Complaint("orphan", unit.host, words, apply_again(project))


def _manifests(inventory: Inventory, forecast: Forecast, facts: HostFacts) -> Iterator[Complaint]:
    for project, text in sorted(facts.manifests.items()):
        held, newest = parse_manifest(text), forecast.manifests.get(project)
        if reason := why_unreadable(text):
            words = f"the manifest of {project} cannot be read: {reason}"
            yield Complaint("newer", facts.host, words, "use the clusterctl that wrote it")
        elif held is None or held.cluster != inventory.cluster:
            words = f"the manifest of {project} cannot be read, or is of another cluster"
            yield Complaint("manifest", facts.host, words, apply_again(project))
        elif newest and held.order < newest.order:
            words = f"holds {_version(held)} of {project}; the newest is {_version(newest)}"
            if _version(held) == _version(newest):
                words = f"holds another {_version(held)} of {project} than other hosts"
            yield Complaint("manifest", facts.host, words, f"clusterctl failover, or {apply_again(project)}")


def _version(manifest: Manifest) -> str:
    revision = f", revision {manifest.revision}" if manifest.revision else ""
    return f"generation {manifest.generation}{revision}"


def apply_again(project: str, *, overwrite: bool = False) -> str:
    """Return the command that mends a project: where its playbook lies only its owner knows."""
    return f"clusterctl apply <playbook of {project}>{' --overwrite' if overwrite else ''}"
