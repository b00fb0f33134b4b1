"""The keys that docker run is told as they are: the table of them, namespaces, security.

Values are checked as far as that can be done without the host. Kernel bounds are read in `compose.bounds`, devices in
`compose.devices`, names and logging in `compose.names`; what needs the policy's leave is `model.privilege`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from clusterctl.model.runtime import Cgroup, Namespaces, Runtime
from clusterctl.parsing.compose.bounds import (
    parse_pids,
    parse_swap,
    read_storage_opt,
    read_sysctls,
    read_ulimits,
)
from clusterctl.parsing.compose.devices import (
    parse_device_rule,
    parse_gpus,
    parse_rights,
    read_devices,
    read_devices_reserved,
    read_gpus,
)
from clusterctl.parsing.compose.io import BLKIO_KEYS, read_blkio
from clusterctl.parsing.compose.names import LOGGING_KEYS, NAMES_KEYS, matching, names_of, read_each
from clusterctl.parsing.compose.pairs import read_labels
from clusterctl.parsing.compose.ports import read_expose
from clusterctl.parsing.compose.walk import Key, text_by, value_of
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.paths import parse_absolute_path
from clusterctl.parsing.scalars import flag_of, parse_some_size, whole_number
from clusterctl.parsing.words import Expected, Unfit, did_you_mean

_SECTION = "services.*"
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/=@+-]{0,254}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SLICE = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_.:@/-]{0,254}")
_CPUSET = re.compile(r"[0-9]{1,4}(?:-[0-9]{1,4})?(?:,[0-9]{1,4}(?:-[0-9]{1,4})?)*")
_PLATFORM = re.compile(r"[a-z0-9]{1,20}(?:/[a-z0-9]{1,20}(?:/v[0-9]{1,3})?)?")


def namespace(kind: str, *own: str, host: str = "host") -> Callable[[str], str]:
    """Return a parser of whose namespace is meant: the host's, or words of docker's own."""

    def parse(text: str) -> str:
        if text.startswith(("service:", "container:")):
            raise Unfit(f"{kind} of another container: instances of two services may be on two hosts")
        if text not in {host, *own}:
            raise Expected(" or ".join([*own, host]))
        return text

    return parse


def parse_security_opt(text: str) -> str:
    """Return an option of docker's `--security-opt`, `NAME=VALUE`."""
    name, _, value = text.replace(":", "=", 1).partition("=")
    known = ("apparmor", "label", "no-new-privileges", "seccomp", "systempaths")
    if value.startswith("/") or value.endswith(".json"):
        raise Unfit("a profile that is a file is not supported: it would have to be on every host")
    if name not in known or not _WORD.fullmatch(value or "true") or (not value and name != known[2]):
        wanted = "a security option such as no-new-privileges:true or seccomp=unconfined"
        raise Expected(wanted, "" if name in known else did_you_mean(name, known).removeprefix("; "))
    return f"{name}={value or 'true'}"


_FLAG = value_of(flag_of)
_KEYS: Mapping[str, Key] = {
    "annotations": Key(read_labels, "docker 24 and later"),
    "blkio_config": Key(read_blkio),
    "cgroup": Key(text_by(namespace("cgroup", "private")), "host: policy.allow.host_cgroup"),
    "cgroup_parent": Key(
        text_by(matching(_SLICE, "a slice or a path of cgroups")), "policy.allow.cgroup_parent"
    ),
    "cpu_period": Key(value_of(whole_number(1000, 1_000_000)), "microseconds"),
    "cpu_quota": Key(value_of(whole_number(1000)), "microseconds; or cpus, not both"),
    "cpu_shares": Key(value_of(whole_number(2, 262_144))),
    "cpuset": Key(text_by(matching(_CPUSET, "processors such as 0-3 or 0,2"))),
    "device_cgroup_rules": Key(read_each(parse_device_rule), "policy.allow.device_cgroup_rules"),
    "devices": Key(read_devices, "policy.allow.devices"),
    "devices[].permissions": Key(text_by(parse_rights)),
    "devices[].source": Key(text_by(parse_absolute_path)),
    "devices[].target": Key(text_by(parse_absolute_path)),
    "expose": Key(read_expose, "tells, opens nothing: ports of a container are open to its networks"),
    "gpus": Key(read_gpus, "all, a number, or a list; not counted in placement"),
    "gpus[].capabilities": Key(read_each(matching(_NAME, "a capability such as gpu"))),
    "gpus[].count": Key(text_by(parse_gpus)),
    "gpus[].device_ids": Key(read_each(matching(_NAME, "the id of a device"))),
    "gpus[].driver": Key(text_by(matching(_NAME, "the name of a driver"))),
    "group_add": Key(read_each(matching(_NAME, "a group's name or number"))),
    "ipc": Key(text_by(namespace("ipc", "none", "private", "shareable")), "host: policy.allow.host_ipc"),
    "mem_reservation": Key(
        text_by(parse_some_size), "what the container is pressed down to; not for placement"
    ),
    "mem_swappiness": Key(value_of(whole_number(0, 100))),
    "memswap_limit": Key(text_by(parse_swap), "memory and swap together; -1 is no bound"),
    "oom_kill_disable": Key(_FLAG, "policy.allow.oom"),
    "oom_score_adj": Key(value_of(whole_number(-1000, 1000)), "below 0: policy.allow.oom"),
    "pid": Key(text_by(namespace("pid")), "host: policy.allow.host_pid"),
    "pids_limit": Key(text_by(parse_pids), "the same as deploy.resources.limits.pids"),
    "platform": Key(text_by(matching(_PLATFORM, "a platform such as linux/amd64"))),
    "privileged": Key(_FLAG, "policy.allow.privileged"),
    "runtime": Key(
        text_by(matching(_NAME, "the name of a runtime")), "one that docker on the host is set up with"
    ),
    "security_opt": Key(
        read_each(parse_security_opt), "what takes confinement away: policy.allow.security_opt"
    ),
    "shm_size": Key(text_by(parse_some_size)),
    "stdin_open": Key(_FLAG),
    "storage_opt": Key(read_storage_opt),
    "storage_opt.size": Key(text_by(parse_some_size), "where the host's storage driver knows it"),
    "sysctls": Key(read_sysctls, "of the container's own namespaces: net., fs.mqueue., kernel.shm and kin"),
    "tty": Key(_FLAG),
    "ulimits": Key(read_ulimits),
    "ulimits.*.hard": Key(value_of(whole_number(-1))),
    "ulimits.*.soft": Key(value_of(whole_number(-1))),
    "userns_mode": Key(text_by(namespace("userns_mode")), "host: policy.allow.host_userns"),
    "uts": Key(text_by(namespace("uts")), "host: policy.allow.host_uts"),
    "working_dir": Key(text_by(parse_absolute_path)),
    **NAMES_KEYS,
    **LOGGING_KEYS,
}
_DEVICES = f"{_SECTION}.deploy.resources.reservations.devices"
RUNTIME_KEYS: Mapping[str, Key] = {
    **{f"{_SECTION}.{key}": entry for key, entry in _KEYS.items()},
    _DEVICES: Key(read_devices_reserved, "gpus; not counted in placement"),
    **{f"{_DEVICES}[].{key[7:]}": entry for key, entry in _KEYS.items() if key.startswith("gpus[].")},
    f"{_SECTION}.deploy.resources.limits.pids": Key(text_by(parse_pids)),
    **BLKIO_KEYS,
}
"""The rows of these keys for the table in `compose.keys`."""

_DIRECT = {
    "privileged": "privileged",
    "devices": "devices",
    "device_cgroup_rules": "device_cgroup_rules",
    "gpus": "gpus",
    "security_opt": "security_opt",
    "group_add": "group_add",
    "sysctls": "sysctls",
    "ulimits": "ulimits",
    "shm_size": "shm_size_bytes",
    "working_dir": "working_dir",
    "platform": "platform",
    "runtime": "runtime",
    "storage_opt": "storage_opt",
    "stdin_open": "stdin_open",
    "tty": "tty",
    "expose": "expose",
    "annotations": "annotations",
    "logging": "logging",
}
_CGROUP = {
    "cgroup_parent": "parent",
    "cpu_shares": "cpu_shares",
    "cpu_quota": "cpu_quota_us",
    "cpu_period": "cpu_period_us",
    "cpuset": "cpuset",
    "mem_reservation": "memory_reservation_bytes",
    "memswap_limit": "memory_swap_bytes",
    "mem_swappiness": "memory_swappiness",
    "oom_score_adj": "oom_score_adj",
    "oom_kill_disable": "oom_kill_disable",
    "blkio_config": "io",
}
_NAMESPACES = {"cgroup": "cgroup", "ipc": "ipc", "pid": "pid", "userns_mode": "user", "uts": "uts"}


def runtime_of(cursor: Cursor, keys: Mapping[str, Any], gpus: str | None) -> Runtime:
    """Return what the keys of a service say of its runtime; `gpus` is what `deploy` says of them."""
    if gpus and keys.get("gpus"):
        cursor.mistake("gpus and deploy.resources.reservations.devices are the same; keep one")
    given = {**keys, "gpus": keys.get("gpus") or gpus}
    runtime = Runtime(
        **_fields(given, _DIRECT),
        cgroup=Cgroup(**_fields(given, _CGROUP)),
        names=names_of(keys),
        namespaces=Namespaces(**_fields(given, _NAMESPACES)),
    )
    for problem in _contradictions(runtime, keys):
        cursor.mistake(problem)
    return runtime


def _fields(keys: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {field: keys[key] for key, field in names.items() if keys.get(key) is not None}


def _contradictions(runtime: Runtime, keys: Mapping[str, Any]) -> Iterable[str]:
    """Yield what docker would refuse at the start."""
    names, spaces = runtime.names, runtime.namespaces
    if runtime.cgroup.cpu_quota_us and keys.get("cpus"):
        yield "cpus and cpu_quota say the same; keep one"
    if spaces.uts == "host" and (names.hostname or names.domainname):
        yield "uts: host has the host's name; leave hostname and domainname out"
    if spaces.ipc == "host" and (runtime.shm_size_bytes or _has(runtime, "kernel.")):
        yield "ipc: host has the host's shared memory; leave shm_size and sysctls of kernel. out"
    if runtime.privileged and runtime.security_opt:
        yield "privileged takes all confinement away; leave security_opt out"


def _has(runtime: Runtime, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in runtime.sysctls)
