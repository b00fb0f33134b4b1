"""What a service's runtime keys are as options of docker run; beyond what `container` gives every instance.

Also what of it a docker is too old for: that is known from the host's version, before anything is stopped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from clusterctl.model.runtime import Cgroup, Logging, Names, Namespaces, Runtime
from clusterctl.model.service import Service

_PLAIN = Runtime()
_LOG_DRIVER = re.compile(
    r"^Exec\w+=/usr/bin/docker (?:run|create) .*?--log-driver=([a-z0-9-]{1,40})(?: |$)", re.MULTILINE
)
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


def runtime_options(runtime: Runtime) -> list[str]:
    """Return the options in a fixed order; what has docker's default is left out."""
    if runtime == _PLAIN:
        return []
    return [
        *(["--privileged"] if runtime.privileged else []),
        *(f"--device={device}" for device in runtime.devices),
        *(f"--device-cgroup-rule={rule}" for rule in runtime.device_cgroup_rules),
        *_given(
            gpus=",".join(map(_csv, runtime.gpus.split(";"))),
            runtime=runtime.runtime,
            platform=runtime.platform,
        ),
        *(f"--security-opt={option}" for option in runtime.security_opt),
        *(f"--group-add={group}" for group in runtime.group_add),
        *_pairs("sysctl", runtime.sysctls),
        *(f"--ulimit={limit}" for limit in runtime.ulimits),
        *_given(shm_size=runtime.shm_size_bytes, workdir=runtime.working_dir),
        *_pairs("storage-opt", runtime.storage_opt),
        *(["--interactive"] if runtime.stdin_open else []),
        *(["--tty"] if runtime.tty else []),
        *(f"--expose={port}" for port in runtime.expose),
        *_pairs("annotation", runtime.annotations),
        *_cgroup(runtime.cgroup),
        *_names(runtime.names),
        *_namespaces(runtime.namespaces),
    ]


def logging_options(logging: Logging, tag: str) -> list[str]:
    """Return where the lines go: the host's journal under the instance's name, where nothing else is said."""
    driver = logging.driver or "journald"
    tagged = {"tag": tag} if logging.is_journald else {}
    return [f"--log-driver={driver}", *_pairs("log-opt", {**tagged, **logging.options})]


def log_driver_of(unit: str) -> str:
    """Return where the container of a unit's text writes its lines; of a text that does not say so, journald."""
    found = _LOG_DRIVER.search(unit)
    return found[1] if found else "journald"


def _cgroup(cgroup: Cgroup) -> Iterator[str]:
    yield from _given(
        cgroup_parent=cgroup.parent,
        cpu_shares=cgroup.cpu_shares,
        cpu_quota=cgroup.cpu_quota_us,
        cpu_period=cgroup.cpu_period_us,
        cpuset_cpus=cgroup.cpuset,
        memory_swap=cgroup.memory_swap_bytes,
        oom_score_adj=cgroup.oom_score_adj,
    )
    if cgroup.memory_swappiness is not None:
        yield f"--memory-swappiness={cgroup.memory_swappiness}"
    if cgroup.oom_kill_disable:
        yield "--oom-kill-disable"
    yield from (f"--{option}" for option in cgroup.io)


def _names(names: Names) -> Iterator[str]:
    yield from _given(domainname=names.domainname, mac_address=names.mac_address)
    yield from (f"--add-host={host}" for host in names.extra_hosts)
    yield from (f"--dns={address}" for address in names.dns)
    yield from (f"--dns-search={domain}" for domain in names.dns_search)
    yield from (f"--dns-option={option}" for option in names.dns_opt)


def _namespaces(spaces: Namespaces) -> Iterator[str]:
    yield from _given(
        cgroupns=spaces.cgroup, ipc=spaces.ipc, pid=spaces.pid, userns=spaces.user, uts=spaces.uts
    )


def _given(**options: str | int) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value]


def _pairs(option: str, pairs: Mapping[str, str]) -> list[str]:
    return [f"--{option}={name}={value}" for name, value in sorted(pairs.items())]


def _csv(text: str) -> str:
    """Docker reads the request for gpus as comma separated fields: a list of ids, or of capabilities, is one field."""
    return f'"{text}"' if "," in text else text


def too_old(service: Service, docker_version: str) -> str:
    """Return why a docker of this version cannot run the service, or ""; an unknown version can.

    Versions as in docs.docker.com, release notes. Asked of every host for every instance, so that it must be quick.
    """
    what, needed = "", (0, 0)
    check = service.healthcheck
    if service.runtime.annotations:
        what, needed = "annotations", (24, 0)
    if check and check.start_interval_s:
        what, needed = "healthcheck.start_interval", (25, 0)
    if service.mounts and any(mount.subpath for mount in service.mounts):
        what, needed = "volume.subpath", (26, 0)
    match = _VERSION.match(docker_version) if what else None
    if not match or (int(match[1]), int(match[2])) >= needed:
        return ""
    return f"docker {docker_version} is too old for {what}, which came with {needed[0]}.{needed[1]}"
