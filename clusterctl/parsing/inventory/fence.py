"""The `fence:` of hosts: devices in the order in which they are tried.

Parameters are given to the agent on its stdin, one line each; `{host}` in a value is the name of the host. What an
agent knows of them is for the agent to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from clusterctl.model.fence import FenceDevice
from clusterctl.model.host import Host
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_host_name
from clusterctl.parsing.scalars import any_text_of, as_text, parse_line, parse_some_duration
from clusterctl.parsing.words import Expected, quoted

KEYS = ("agent", "parameters", "secrets", "timeout", "run_on")
MOST_DEVICES = 4
OURS = frozenset({"action"})
_AGENT = re.compile(r"fence_[a-z0-9_]{1,40}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_NO_FENCE = {
    "fence_kdump": "tells that a kernel crashed, not that the power is off",
    "fence_ack_manual": "believes a person: use clusterctl failover --confirm-host-off",
    "fence_heuristics_ping": "only looks at a network",
}


def read_fence(cursor: Cursor) -> tuple[FenceDevice, ...]:
    """Return the devices of a host entry, `{host}` still in them."""
    places = list(cursor.items_or_self())
    if len(places) > MOST_DEVICES:
        cursor.mistake(f"more than {MOST_DEVICES} devices")
    return tuple(device for device in map(_read_device, places[:MOST_DEVICES]) if device)


def for_host(devices: tuple[FenceDevice, ...], host: str) -> tuple[FenceDevice, ...]:
    """Return the devices with the host's name put in."""
    return tuple(
        FenceDevice(
            device.agent,
            {name: value.replace("{host}", host) for name, value in device.parameters.items()},
            {name: path.replace("{host}", host) for name, path in device.secrets.items()},
            device.timeout_s,
            device.run_on,
        )
        for device in devices
    )


def check_fencers(hosts: Sequence[Host], places: Mapping[str, Cursor]) -> None:
    """Note, where each host says `fence:`, agents that are to run on no host, or on the one whose power they cut."""
    names = {host.name for host in hosts}
    for host in hosts:
        for device in host.fence:
            if device.run_on == host.name:
                problem = "cannot run on the host whose power it cuts"
            elif device.run_on and device.run_on not in names:
                problem = f"is to run on {quoted(device.run_on)}, which is no host here"
            else:
                continue
            places[host.name].mistake(f"{host.name}: {device.agent} {problem}")


def _read_device(place: Cursor) -> FenceDevice | None:
    keys = place.section(KEYS)
    if "agent" not in keys:
        place.mistake('"agent" is missing: a fence agent, such as fence_ipmilan')
        return None
    agent = keys["agent"].read(as_text(_parse_agent), "")
    parameters = _read_names(keys.get("parameters"))
    secrets = _read_names(keys.get("secrets"))
    for name in sorted(set(parameters) & set(secrets)):
        keys["secrets"].mistake(f"{name} is a parameter already")
    given: dict[str, Any] = {}
    if "timeout" in keys:
        given["timeout_s"] = keys["timeout"].read(as_text(parse_some_duration), 60.0)
    if "run_on" in keys:
        given["run_on"] = keys["run_on"].read(as_text(parse_host_name), "")
    return FenceDevice(agent, parameters, secrets, **given)


def _read_names(cursor: Cursor | None) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, place in cursor.entries() if cursor else ():
        if not _NAME.fullmatch(name) or name in OURS:
            place.mistake("is not the name of a parameter that an agent is given", place.key_line)
        found[name] = place.read(lambda value: parse_line(any_text_of(value)), "")
    return found


def _parse_agent(text: str) -> str:
    if text in _NO_FENCE:
        raise Expected(f"an agent that cuts power ({text} {_NO_FENCE[text]})")
    if not _AGENT.fullmatch(text):
        raise Expected("the name of a fence agent, such as fence_ipmilan")
    return text
