"""What has changed on hosts since a plan was made, in words: what a person needs to know why it is another plan now.

Pure. Not whether the plan still holds, that is told by making it again; and nothing volatile is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clusterctl.model.inventory import Inventory
from clusterctl.model.service import Project
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.eligibility import disk_refusal
from clusterctl.planning.manifest import parse_manifest
from clusterctl.planning.markers import parse_marker
from clusterctl.planning.observed import foreign_containers, foreign_ports, observe_units
from clusterctl.planning.sealed import digest

Seen = Mapping[str, Mapping[str, str]]


def fingerprint(inventory: Inventory, snapshot: Snapshot, project: Project) -> dict[str, dict[str, str]]:
    """Return what was seen of each host, as far as a plan for the project may depend on it."""
    found = {answer.host: {"reach": str(answer.rung)} for answer in snapshot.unreachable}
    states = {
        (unit.host, unit.fact.name): f"{unit.state}, {unit.health}"
        for unit in observe_units(snapshot, inventory.cluster)
    }
    for facts in snapshot.seen:
        units = {
            f"unit {fact.name}": f"{(fact.digest or digest(fact.text))[:16]} {states.get((facts.host, fact.name), 'foreign')}"
            for fact in facts.units
        }
        found[facts.host] = {**_host(inventory, facts), **units, **_wanted(facts, project)}
    return found


def _host(inventory: Inventory, facts: HostFacts) -> dict[str, str]:
    policy = inventory.policy
    full = disk_refusal(facts, policy.min_free_disk_percent, policy.min_free_disk_bytes)
    return {
        "machine": facts.machine_id,
        "docker": "answers" if facts.docker_answers else "does not answer",
        "disk": full or "has room",
        "size": f"{facts.cpus} cpus, {facts.memory_bytes} bytes of memory",
        **{f"marker {name}": str(parse_marker(text)) for name, text in facts.markers.items()},
        **{f"manifest {name}": _version(text) for name, text in facts.manifests.items()},
        **{f"container {name}": "there" for name in foreign_containers(facts)},
        **{f"env {name}": found[:16] for name, found in facts.env_digests.items()},
    }


def _wanted(facts: HostFacts, project: Project) -> dict[str, str]:
    """Return what of a host matters for the services of a project: ports, volumes, images."""
    ports = {(port.published, port.protocol) for service in project.services for port in service.host_ports}
    images = {service.image for service in project.services}
    return {
        **{f"port {number}/{kind}": "taken" for number, kind in foreign_ports(facts) & ports},
        **{f"volume {name}": "there" for name in facts.volumes or () if name.startswith(f"{project.name}_")},
        **{
            f"registry {image}": answer.digest
            for image, answer in facts.resolved.items()
            if image in images and answer.digest
        },
        **{
            f"image {held.repository}@{held.digest}": "there"
            for held in facts.images or ()
            if held.digest and any(image.startswith(held.repository) for image in images)
        },
    }


def _version(text: str) -> str:
    manifest = parse_manifest(text)
    if manifest is None:
        return "unreadable"
    return f"generation {manifest.generation}, revision {manifest.revision} ({digest(text)[:8]})"


def changed_since(then: Seen, now: Seen) -> list[tuple[tuple[str, ...], str]]:
    """Return in words what is another now, each with the hosts of which it is true, in the order of `now`."""
    groups: dict[str, list[str]] = {}
    for host in [*now, *(name for name in then if name not in now)]:
        for words in _changes(then.get(host), now.get(host)):
            groups.setdefault(words, []).append(host)
    return [(tuple(hosts), words) for words, hosts in groups.items()]


def _changes(then: Mapping[str, str] | None, now: Mapping[str, str] | None) -> Iterator[str]:
    if then is None or now is None:
        yield "was not looked at then" if then is None else "is not looked at now"
    elif "reach" in now or "reach" in then:
        if "reach" not in then:
            yield f"does not answer now ({now['reach']})"
        elif "reach" not in now:
            yield "answers now"
    else:
        for key in sorted({*then, *now}):
            old, new = then.get(key, ""), now.get(key, "")
            if old != new:
                yield _words(key, old, new)


def _words(key: str, old: str, new: str) -> str:  # noqa: PLR0911 - a table of kinds
    kind, _, name = key.partition(" ")
    match kind:
        case "machine":
            return "is another machine now: its machine id has changed"
        case "docker":
            return f"docker {new} now"
        case "disk" | "size":
            return f"{new} now, was {old}" if kind == "size" else f"disk: {new} now"
        case "marker":
            return f"is {name} now: {new}" if new else f"is not {name} any more"
        case "manifest":
            return f"{name}: {new or 'no manifest'} now, was {old or 'none'}"
        case "env":
            return f"the env file of {name} is another one now" if new and old else _came(key, new)
        case "unit":
            return _unit(name, old, new)
        case "registry":
            return f"the registry has another image for {name} now"
    return _came(key, new)


def _came(key: str, new: str) -> str:
    kind, _, name = key.partition(" ")
    what = {"env": "the env file of", "port": "a foreign listener on port"}.get(kind, kind)
    return f"{what} {name} is there now" if new else f"{what} {name} is gone"


def _unit(name: str, old: str, new: str) -> str:
    if not old or not new:
        return f"{name} is there now" if new else f"{name} is gone"
    (text, _, was), (now_text, _, state) = old.partition(" "), new.partition(" ")
    return f"{name} has another text now" if text != now_text else f"{name} is {state} now, was {was}"
