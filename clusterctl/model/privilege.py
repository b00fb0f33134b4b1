"""What of a host a service takes that only the host's owner may give, and whether it was given (ADR 0025).

Found in one place, so that the parser refuses what the plan would show. Paths are compared as text: what a link on
the host points to is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from clusterctl.model.service import Mount, Service

EVERY_SERVICE = "*"
SYSTEM_PATHS = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/systemd",
    "/var/run",
    "/var/spool/cron",
)
DOCKER_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
"""What docker run grants without being asked (docs.docker.com, "Runtime privilege and Linux capabilities")."""


@dataclass(frozen=True, slots=True)
class Allow:
    """`policy.allow`: which services may do what, and what any service may have.

    The first fields name services, `shop/web` or `web`; `*` is every one. The others name what may be had:
    paths (with all below them), capabilities, devices, security options.
    """

    privileged: tuple[str, ...] = ()
    docker_socket: tuple[str, ...] = ()
    host_network: tuple[str, ...] = ()
    host_pid: tuple[str, ...] = ()
    host_ipc: tuple[str, ...] = ()
    host_uts: tuple[str, ...] = ()
    host_userns: tuple[str, ...] = ()
    host_cgroup: tuple[str, ...] = ()
    cgroup_parent: tuple[str, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    oom: tuple[str, ...] = ()
    host_paths: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()

    def gives(self, privilege: Privilege, project: str, service: str) -> bool:
        """Whether a service may have what it takes."""
        given: tuple[str, ...] = getattr(self, privilege.grant)
        if privilege.grant not in VALUES:
            return bool({EVERY_SERVICE, service, f"{project}/{service}"} & set(given))
        if privilege.grant in {"host_paths", "devices"}:
            return any(is_in(privilege.value, root) for root in given)
        return privilege.value in given


VALUES = ("host_paths", "capabilities", "devices", "security_opt")
"""The fields of `Allow` that name what may be had; the others name services."""
SERVICES = tuple(name for name in Allow.__dataclass_fields__ if name not in VALUES)


@dataclass(frozen=True, slots=True, order=True)
class Privilege:
    """What a service takes: by which Compose key, which field of `Allow` gives it, and in words (`web WORDS`)."""

    key: str
    grant: str
    value: str
    words: str


def privileges_of(service: Service) -> tuple[Privilege, ...]:
    """Return all that a service takes of its host, in a fixed order."""
    return tuple(dict.fromkeys([*_of_runtime(service), *_of_values(service)]))


def _of_runtime(service: Service) -> Iterator[Privilege]:
    runtime, spaces = service.runtime, service.runtime.namespaces
    table = (
        (runtime.privileged, "privileged", "privileged", "is privileged"),
        (
            any(hook.privileged for hook in service.post_start),
            "post_start",
            "privileged",
            "has a privileged command",
        ),
        (
            any(hook.privileged for hook in service.pre_stop),
            "pre_stop",
            "privileged",
            "has a privileged command",
        ),
        (service.network_mode == "host", "network_mode", "host_network", "is in the host's network"),
        (spaces.pid == "host", "pid", "host_pid", "sees the host's processes"),
        (spaces.ipc == "host", "ipc", "host_ipc", "shares the host's memory segments"),
        (spaces.uts == "host", "uts", "host_uts", "can rename the host"),
        (spaces.user == "host", "userns_mode", "host_userns", "has the host's user namespace"),
        (spaces.cgroup == "host", "cgroup", "host_cgroup", "has the host's cgroup namespace"),
        (bool(runtime.cgroup.parent), "cgroup_parent", "cgroup_parent", "chooses its cgroup"),
        (
            bool(runtime.device_cgroup_rules),
            "device_cgroup_rules",
            "device_cgroup_rules",
            "opens devices by rule",
        ),
        (runtime.cgroup.oom_kill_disable, "oom_kill_disable", "oom", "is never killed when memory is out"),
        (
            runtime.cgroup.oom_score_adj < 0,
            "oom_score_adj",
            "oom",
            "is killed after others when memory is out",
        ),
    )
    for takes, key, grant, words in table:
        if takes:
            yield Privilege(key, grant, "", words)


def _of_values(service: Service) -> Iterator[Privilege]:
    for mount in service.mounts:
        yield from _of_mount(mount)
    for name in service.cap_add:
        if name not in DOCKER_CAPABILITIES:
            yield Privilege("cap_add", "capabilities", name, f"has the capability {name}")
    for device in service.runtime.devices:
        path = device.partition(":")[0]
        yield Privilege("devices", "devices", path, f"has the device {path}")
    for option in service.runtime.security_opt:
        if not is_harmless(option):
            yield Privilege("security_opt", "security_opt", option, f"runs with {option}")


def _of_mount(mount: Mount) -> Iterator[Privilege]:
    path = mount.host_path
    if path.endswith("/docker.sock"):
        yield Privilege("volumes", "docker_socket", path, "has docker's socket, so the whole host")
    elif path and is_system_path(path):
        yield Privilege("volumes", "host_paths", path, f"has the host's {path}")


def is_harmless(option: str) -> bool:
    """Whether a security option takes rights away, or only names a label of SELinux."""
    name, _, value = option.replace(":", "=", 1).partition("=")
    return name == "no-new-privileges" or (name == "label" and value != "disable")


def is_system_path(path: str) -> bool:
    """Whether a path of a host is the system's, holds something of it, or lies in it (bad-input row 18)."""
    return any(is_in(path, system) or is_in(system, path) for system in SYSTEM_PATHS)


def is_in(path: str, root: str) -> bool:
    """Whether a path is `root` or below it; both absolute, without a slash at the end."""
    return root in {"/", path} or path.startswith(f"{root}/")


def ungiven(service: Service, project: str, allow: Allow) -> Iterable[Privilege]:
    """Yield what a service takes although nobody has allowed it."""
    return (one for one in privileges_of(service) if not allow.gives(one, project, service.name))
