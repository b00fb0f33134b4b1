"""A service of a Compose file as a model value: its keys put together, and what must fit together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clusterctl.model.service import Mount, Resources, Service
from clusterctl.parsing.capabilities import parse_capability
from clusterctl.parsing.compose.depends import check_dependencies
from clusterctl.parsing.compose.deploy import check_resources
from clusterctl.parsing.compose.networks import check_networks
from clusterctl.parsing.compose.runtime import runtime_of
from clusterctl.parsing.compose.together import check_bounds, check_targets
from clusterctl.parsing.compose.walk import Context, read_section
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_service_name
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import Expected, counted, quoted

LONGEST_TEXTS = 60_000
"""How many bytes of command, entrypoint, labels and healthcheck a unit of 64 KiB holds, with all that is ours."""

DIRECT = {
    "image": "image",
    "command": "command",
    "entrypoint": "entrypoint",
    "ports": "ports",
    "healthcheck": "healthcheck",
    "labels": "labels",
    "restart": "restart",
    "user": "user",
    "init": "init",
    "read_only": "read_only",
    "cap_add": "cap_add",
    "cap_drop": "cap_drop",
    "stop_signal": "stop_signal",
    "stop_grace_period": "stop_grace_period_s",
    "depends_on": "depends_on",
    "network_mode": "network_mode",
    "networks": "networks",
    "post_start": "post_start",
    "pre_stop": "pre_stop",
    "pull_policy": "pull_policy",
    "x-canary": "canary",
    "x-drain": "drain",
    "x-priority": "priority",
    "x-quorum": "quorum",
    "x-singleton": "singleton",
    "x-strategy": "strategy",
}
"""Keys whose value is a field as it was read."""


def read_services(cursor: Cursor, context: Context) -> tuple[Service, ...]:
    """Read `services:`, in the order of their names."""
    services = [_read_service(name, place, context) for name, place in cursor.entries()]
    if not services and cursor.value.kind in {"map", "null"}:
        cursor.mistake("no services: at least one is needed")
    check_dependencies(cursor, services)
    return tuple(sorted(services, key=lambda service: service.name))


def _read_service(name: str, cursor: Cursor, context: Context) -> Service:
    try:
        parse_service_name(name)
    except Expected as error:
        cursor.mistake(error.got(quoted(name)), cursor.key_line)
    keys = read_section(cursor, "services.*", context)
    whole = cursor.value.kind in {"map", "null"} and cursor.value.mark != "lost"
    if whole and cursor.value.get("image") is None:
        cursor.mistake('"image" is missing')
    fields = {field: keys[key] for key, field in DIRECT.items() if keys.get(key) is not None}
    deploy = keys.get("deploy") or {}
    runtime = runtime_of(cursor, keys, deploy.pop("gpus", None))
    fields["labels"] = {**(keys.get("label_file") or {}), **(keys.get("labels") or {})}
    service = Service(**{"name": name, "image": "", **fields, **deploy, "runtime": runtime})
    check_networks(cursor, keys)
    _check_network(cursor, service)
    _check_canary(cursor, service)
    _check_singleton(cursor, service)
    _check_length(cursor, service)
    found = _with_limits(cursor, keys, _with_storage(keys, _checked_command(cursor, service)))
    check_bounds(cursor, found)
    check_targets(cursor, keys)
    return found


def _check_canary(cursor: Cursor, service: Service) -> None:
    """Note a canary that is the whole service; of a global one nobody knows here how large it is."""
    canary = service.canary
    if canary and service.mode == "replicated" and canary.instances >= service.replicas:
        line = next(entry.line for entry in cursor.value.entries if entry.key == "x-canary")
        of = f"{canary.instances} of {counted(service.replicas, 'replica')}"
        cursor.mistake(f"x-canary: {of} is no canary; fewer instances than deploy.replicas are needed", line)


def _check_singleton(cursor: Cursor, service: Service) -> None:
    """Note what makes more than one of a service that may run only once."""
    if not service.singleton:
        return
    line = next(entry.line for entry in cursor.value.entries if entry.key == "x-singleton")
    if service.mode == "global":
        cursor.mistake("x-singleton: mode: global runs one instance on every host", line)
    if service.replicas > 1:
        cursor.mistake(f"x-singleton: {counted(service.replicas, 'replica')} cannot run only once", line)
    if "start-first" in {service.update.order, service.rollback.order}:
        cursor.mistake("x-singleton: order: start-first runs it twice for a while", line)


def _check_length(cursor: Cursor, service: Service) -> None:
    """Note texts that no unit has room for; what escaping adds is known to `planning.unit` only."""
    test = service.healthcheck.test if service.healthcheck else ()
    words = (*(service.command or ()), *(service.entrypoint or ()), *test)
    size = sum(len(text) for text in (*words, *service.labels, *service.labels.values()))
    if size > LONGEST_TEXTS:
        cursor.mistake(
            f"command, entrypoint, labels and healthcheck are longer than {LONGEST_TEXTS} characters together; "
            "put long texts into a file that is mounted, or into the environment"
        )


def _with_storage(keys: dict[str, Any], service: Service) -> Service:
    """Add mounts and the environment, which several keys give."""
    volumes = keys.get("volumes") or ()
    return replace(
        service,
        environment={**(keys.get("env_file") or {}), **(keys.get("environment") or {})},
        mounts=tuple(mount for mount in volumes if isinstance(mount, Mount)),
        files=(*(keys.get("secrets") or ()), *(keys.get("configs") or ())),
        tmpfs=(*(keys.get("tmpfs") or ()), *(path for path in volumes if isinstance(path, str))),
    )


def _checked_command(cursor: Cursor, service: Service) -> Service:
    """Note an empty command: docker run could not tell it from the image's own."""
    if service.command == () and service.entrypoint is None:
        cursor.mistake(
            "an empty command does not replace the image's own; leave it out, or set entrypoint as well"
        )
    return service


def _with_limits(cursor: Cursor, keys: dict[str, Any], service: Service) -> Service:
    """Add `mem_limit`, `cpus` and `pids_limit`, older words for `deploy.resources.limits`; two words may not disagree."""
    limits = service.limits
    older = Resources(keys.get("cpus"), keys.get("mem_limit"), keys.get("pids_limit"))
    if older.cpus is not None and limits.cpus not in {None, older.cpus}:
        cursor.mistake("cpus and deploy.resources.limits.cpus differ; keep one")
    if older.memory_bytes is not None and limits.memory_bytes not in {None, older.memory_bytes}:
        cursor.mistake("mem_limit and deploy.resources.limits.memory differ; keep one")
    if older.pids is not None and limits.pids not in {None, older.pids}:
        cursor.mistake("pids_limit and deploy.resources.limits.pids differ; keep one")
    merged = Resources(
        cpus=older.cpus if limits.cpus is None else limits.cpus,
        memory_bytes=older.memory_bytes if limits.memory_bytes is None else limits.memory_bytes,
        pids=older.pids if limits.pids is None else limits.pids,
    )
    if merged != limits:
        check_resources(cursor, merged, service.reservations)
    return replace(service, limits=merged)


def _check_network(cursor: Cursor, service: Service) -> None:
    """Note what docker refuses of a container that has no network of its own."""
    names = service.runtime.names
    mode = service.network_mode
    if mode == "bridge":
        return
    if mode and (service.ports or names.mac_address):
        cursor.mistake(f"network_mode: {mode} has no ports of its own; leave ports and mac_address out")
    if mode == "host" and (names.hostname or names.domainname):
        cursor.mistake("network_mode: host has the host's name; leave hostname and domainname out")
    if mode == "host" and any(name.startswith("net.") for name in service.runtime.sysctls):
        cursor.mistake("network_mode: host has the host's network; set sysctls of net. on the host")
    if mode == "none" and names.dns:
        cursor.mistake("network_mode: none reaches no server of names; leave dns out")


def read_cap_add(cursor: Cursor, _context: Context) -> tuple[str, ...]:
    """Read capabilities to add; more than docker's own set needs the policy's leave (`compose.allow`)."""
    names = [item.read(as_text(parse_capability), None) for item in cursor.items()]
    return tuple(dict.fromkeys(name for name in names if name is not None))


def read_cap_drop(cursor: Cursor, _context: Context) -> tuple[str, ...]:
    """Read capabilities to take away."""
    names = [item.read(as_text(parse_capability), None) for item in cursor.items()]
    return tuple(dict.fromkeys(name for name in names if name is not None))
