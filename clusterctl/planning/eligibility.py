"""May this instance run on this host? If not, why: hard rules only, each with its own words.

What a host has left is `room`; which of the allowed hosts is best is decided in `ranking`.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterctl.model.placement import Instance, Refusal
from clusterctl.model.service import Constraint, Service
from clusterctl.model.snapshot import HostFacts
from clusterctl.planning.docker_options import too_old
from clusterctl.planning.images import held_by
from clusterctl.planning.markers import parse_marker
from clusterctl.planning.networks import may_join
from clusterctl.planning.room import Room, port_keys, writable_volumes

MIB = 1024**2


def may_belong(room: Room, service: Service) -> Refusal | None:
    """Return why a service is not meant for a host at all (its constraints), or None."""
    return _refusal(room, _constraints(room, service))


def may_crowd(room: Room, instance: Instance, service: Service) -> Refusal | None:
    """Return why an instance that is counted in on a host must leave it for the others of its service, or None."""
    reason = _too_many(room, instance, service, beside=1)
    return _refusal(room, reason.replace(" of ", " more of ", 1))


def may_stay(room: Room, instance: Instance, service: Service, *, grows: bool = False) -> Refusal | None:
    """Return why an instance that is on a host must leave it, or None. A cordon does not move anything.

    What is reserved is looked at only where it `grows`: who fitted once is not moved for less room.
    """
    return _refusal(
        room,
        _constraints(room, service)
        or too_old(service, room.facts.docker_version)
        or _ports(room, service)
        or _volumes(room, service)
        or _too_many(room, instance, service)
        or (_memory(room, service) or _cpus(room, service) if grows else ""),
    )


def may_place(
    room: Room, instance: Instance, service: Service, policy_disk: tuple[float, int]
) -> Refusal | None:
    """Return why a new instance may not go to a host, or None."""
    return _refusal(
        room,
        _constraints(room, service)
        or _cordon(room.facts.markers)
        or mute(room.facts)
        or too_old(service, room.facts.docker_version)
        or _external(room.facts, service)
        or _image(room.facts, service)
        or _names(room, instance)
        or _ports(room, service)
        or _memory(room, service)
        or _cpus(room, service)
        or _volumes(room, service)
        or _too_many(room, instance, service)
        or disk_refusal(room.facts, *policy_disk),
    )


def find_refusals(
    room: Room, instance: Instance, service: Service, policy_disk: tuple[float, int]
) -> tuple[str, ...]:
    """Return every reason why a new instance may not go to a host; `may_place` tells the first one only."""
    first = may_place(room, instance, service, policy_disk)
    rules = (
        first.reason if first else "",
        _constraints(room, service),
        _cordon(room.facts.markers),
        mute(room.facts),
        _names(room, instance),
        _ports(room, service),
        _memory(room, service),
        _cpus(room, service),
        _volumes(room, service),
        _too_many(room, instance, service),
        disk_refusal(room.facts, *policy_disk),
    )
    return tuple(dict.fromkeys(reason for reason in rules if reason))


def disk_refusal(facts: HostFacts, percent: float, least_bytes: int) -> str:
    """Return why a host's disk is too full to take an image, or ""."""
    least = max(least_bytes, int(facts.disk_total_bytes * percent / 100))
    if facts.disk_free_bytes >= least:
        return ""
    return f"disk nearly full: less than {least // MIB} MiB free for docker"


def _refusal(room: Room, reason: str) -> Refusal | None:
    return Refusal(room.host.name, reason) if reason else None


def _constraints(room: Room, service: Service) -> str:
    if room.host.witness:
        return "is a witness: it runs nothing"
    broken = [str(rule) for rule in service.constraints if not _holds(rule, room)]
    return f"constraint {broken[0]} does not hold" if broken else ""


def _holds(rule: Constraint, room: Room) -> bool:
    return (_actual(rule.key, room) == rule.value) is (rule.operator == "==")


def _actual(key: str, room: Room) -> str | None:
    """Return what a host is by the key of a constraint."""
    if key == "node.hostname":
        return room.host.name
    if key == "node.platform.os":
        return "linux"
    if key == "node.platform.arch":
        return room.facts.architecture
    return room.host.labels.get(key.removeprefix("node.labels."))


def _cordon(markers: Mapping[str, str]) -> str:
    return f"cordoned {parse_marker(markers['cordoned'])}" if "cordoned" in markers else ""


def mute(facts: HostFacts) -> str:
    """Return which of the two that start containers does not answer on a host, and why, or ""."""
    if facts.systemd_state == "unknown":
        return "systemd does not answer"
    return "" if facts.docker_answers else f"docker does not answer: {facts.docker_error}"


def _external(facts: HostFacts, service: Service) -> str:
    """Return which volume or network that somebody else must have made is not on the host."""
    for mount in service.mounts:
        name = mount.volume.name or mount.source
        if mount.kind == "volume" and mount.volume.external and name not in (facts.volumes or ()):
            return f"has no volume {name}, which is external: docker volume create {name}"
    outer = any(use.network.external for use in service.networks)
    return may_join(service, "", facts) if outer else ""


def _image(facts: HostFacts, service: Service) -> str:
    if service.pull_policy != "never" or any(held_by(facts, service.image)):
        return ""
    return f"does not have {service.image}, and pull_policy is never"


def _names(room: Room, instance: Instance) -> str:
    if instance.name in room.others:
        return f"{instance.unit} belongs to project {room.others[instance.name]}"
    if instance.unit in room.foreign_units:
        return f"{instance.unit} exists and is not ours"
    return (
        f"a container {instance.name} exists and is not ours"
        if instance.name in room.foreign_containers
        else ""
    )


def _ports(room: Room, service: Service) -> str:
    for port in service.host_ports:
        key = f"{port.published}/{port.protocol}"
        if key in room.ports:
            return f"port {key} is taken by {room.ports[key]}"
        if (port.published, port.protocol) in room.foreign_ports:
            return f"port {key} is taken by something that is not ours"
    return ""


def _memory(room: Room, service: Service) -> str:
    left = room.memory_bytes - room.memory_used
    return (
        f"{max(left, 0) // MIB} MiB left to reserve"
        if (service.reservations.memory_bytes or 0) > left
        else ""
    )


def _cpus(room: Room, service: Service) -> str:
    left = room.cpus - room.cpus_used
    return f"{max(left, 0):g} cpus left to reserve" if (service.reservations.cpus or 0) > left else ""


def _volumes(room: Room, service: Service) -> str:
    taken = [volume for volume in writable_volumes(service) if volume in room.volumes]
    return f"volume {taken[0]} is in use by {room.volumes[taken[0]]}" if taken else ""


def _too_many(room: Room, instance: Instance, service: Service, beside: int = 0) -> str:
    """Say so where a host has all that it may have of a service; `beside` of them are not counted."""
    here = room.services.get(f"{instance.project}/{instance.service}", 0) - beside
    if not service.max_per_host or here < service.max_per_host:
        return ""
    return f"{here} of {service.name} here, max_replicas_per_node is {service.max_per_host}"


def needs(service: Service) -> str:
    """Return in words what an instance of a service asks of a host."""
    words = [f"{service.reservations.memory_bytes // MIB} MiB"] if service.reservations.memory_bytes else []
    words += [f"{service.reservations.cpus:g} cpus"] if service.reservations.cpus else []
    words += [f"port {key}" for key in port_keys(service)]
    words += [str(rule) for rule in service.constraints]
    words += [f"at most {service.max_per_host} on a host"] if service.max_per_host else []
    return ", ".join(words) or "a host"
