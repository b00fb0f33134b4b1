"""The `docker run` of an instance, as words.

Decides every option. Values of the environment never stand here: argv is public on a host (I9).
"""

from __future__ import annotations

import shlex

from clusterctl.model.placement import Instance
from clusterctl.model.service import File, HealthCheck, Mount, Port, Service
from clusterctl.planning.docker_options import logging_options, runtime_options
from clusterctl.planning.networks import network_options

DOCKER = "/usr/bin/docker"
LABEL = "io.clusterctl"


def env_path(instance: Instance) -> str:
    """Return where the instance's env file lies on its host (mode 0600)."""
    return f"/etc/clusterctl/env/{instance.name}.env"


def volume_name(project: str, mount: Mount) -> str:
    """Return docker's name of a volume that is mounted: its own, else as Compose names it."""
    volume = mount.volume
    return volume.name or (mount.source if volume.external else f"{project}_{mount.source}")


def files_version(spec: str) -> str:
    """Return the folder of an instance's configs and secrets: another spec has another, so that both can be there."""
    return spec.removeprefix("sha256:")[:16]


def files_at(instance: Instance, service: Service, spec: str) -> list[tuple[str, File]]:
    """Return the configs and secrets of an instance, each with its path below a folder that only root can enter.

    They are numbered: one secret may be there twice, with other rights.
    """
    folder = f"/etc/clusterctl/files/{instance.name}/{files_version(spec)}"
    return [(f"{folder}/{number}.{file.kind}.{file.name}", file) for number, file in enumerate(service.files)]


def label_filter(instance: Instance) -> str:
    """Return the shell words that list the ids of this instance's containers, and of no others (I3)."""
    return f"{DOCKER} ps -aq --no-trunc --filter label={LABEL}.instance={instance.name}"


def docker_run(service: Service, image: str, instance: Instance, spec: str, cid_file: str) -> list[str]:
    """Return the foreground command of the unit; `image` is pinned by digest and never pulled here.

    Only stdout is attached, and the unit throws it away: the container's lines reach the journal once,
    through docker's own driver, while docker's complaints (stderr) are the unit's.
    """
    words = [DOCKER, "run", "--rm", "--pull=never", "--attach=stdout", "--restart=no"]
    words += [f"--name={instance.name}", *_hostname(service, instance), f"--cidfile={cid_file}"]
    words += logging_options(service.runtime.logging, instance.name)
    words += _labels(service, instance, spec)
    if service.environment:
        words.append(f"--env-file={env_path(instance)}")
    words += [f"--publish={_publish(port)}" for port in service.ports]
    words += [_mount(instance.project, mount) for mount in service.mounts]
    words += [
        f"--mount=type=bind,source={path},target={file.target},readonly"
        for path, file in files_at(instance, service, spec)
    ]
    words += [f"--tmpfs={path}" for path in service.tmpfs]
    words += _health(service.healthcheck)
    words += _limits(service)
    words += _security(service)
    words += network_options(service, instance.project)
    words += runtime_options(service.runtime)
    return [*words, *_command(service, image)]


def _labels(service: Service, instance: Instance, spec: str) -> list[str]:
    ours = {
        f"{LABEL}.instance": instance.name,
        f"{LABEL}.project": instance.project,
        f"{LABEL}.service": instance.service,
        f"{LABEL}.slot": str(instance.slot),
        f"{LABEL}.spec": spec,
    }
    return [f"--label={key}={value}" for key, value in sorted({**service.labels, **ours}.items())]


def _publish(port: Port) -> str:
    if port.published is None:
        return f"{port.target}/{port.protocol}"
    ip = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    prefix = f"{ip}:" if ip else ""
    return f"{prefix}{port.published}:{port.target}/{port.protocol}"


def _hostname(service: Service, instance: Instance) -> list[str]:
    if service.network_mode == "host" or service.runtime.namespaces.uts:
        return []
    return [f"--hostname={service.runtime.names.hostname or instance.name}"]


def _mount(project: str, mount: Mount) -> str:
    """Return the option of a mount; labels of SELinux and the making of a directory only `--volume` knows."""
    if mount.selinux or mount.create_host_path:
        return f"--volume={_short_mount(project, mount)}"
    fields = [f"type={mount.kind}", f"source={_source(project, mount)}", f"target={mount.target}"]
    fields += ["readonly"] if mount.read_only else []
    fields += [f"bind-propagation={mount.propagation}"] if mount.propagation else []
    fields += _volume_fields(mount)
    return "--mount=" + ",".join(_csv(field) for field in fields)


def _short_mount(project: str, mount: Mount) -> str:
    options = [
        *(["ro"] if mount.read_only else []),
        *([mount.selinux] if mount.selinux else []),
        *([mount.propagation] if mount.propagation else []),
        *(["nocopy"] if mount.nocopy else []),
    ]
    return ":".join([_source(project, mount), mount.target, *([",".join(options)] if options else [])])


def _source(project: str, mount: Mount) -> str:
    return mount.source if mount.kind == "bind" else volume_name(project, mount)


def _volume_fields(mount: Mount) -> list[str]:
    volume = mount.volume
    return [
        *(["volume-nocopy=true"] if mount.nocopy else []),
        *([f"volume-subpath={mount.subpath}"] if mount.subpath else []),
        *([f"volume-driver={volume.driver or 'local'}"] if volume.driver or volume.driver_opts else []),
        *(f"volume-opt={name}={value}" for name, value in volume.driver_opts),
        *(f"volume-label={name}={value}" for name, value in volume.labels),
    ]


def _csv(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if any(char in field for char in ',"') else field


def _health(check: HealthCheck | None) -> list[str]:
    if check is None:
        return []
    if check.test[:1] == ("NONE",):
        return ["--no-healthcheck"]
    own = not check.test
    figures = {
        "interval": _duration(check.interval_s),
        "timeout": _duration(check.timeout_s),
        "retries": str(check.retries),
        "start-period": _duration(check.start_period_s),
    }
    words = [
        f"--health-{name}={value}" for name, value in figures.items() if not own or value not in {"0", "0ms"}
    ]
    words += (
        [f"--health-start-interval={_duration(check.start_interval_s)}"] if check.start_interval_s else []
    )
    return words if own else [f"--health-cmd={_test(check.test)}", *words]


def _test(test: tuple[str, ...]) -> str:
    kind, *words = test
    return words[0] if kind == "CMD-SHELL" else _shell_words(words)


def _shell_words(words: list[str]) -> str:
    return shlex.join(words)


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _limits(service: Service) -> list[str]:
    words = []
    if service.limits.memory_bytes:
        words.append(f"--memory={service.limits.memory_bytes}b")
    if service.limits.cpus:
        words.append(f"--cpus={service.limits.cpus:g}")
    reserved = service.reservations.memory_bytes or service.runtime.cgroup.memory_reservation_bytes
    if reserved:
        words.append(f"--memory-reservation={reserved}b")
    if service.limits.pids:
        words.append(f"--pids-limit={service.limits.pids}")
    return words


def _security(service: Service) -> list[str]:
    words = [f"--cap-add={name}" for name in service.cap_add]
    words += [f"--cap-drop={name}" for name in service.cap_drop]
    if service.user:
        words.append(f"--user={service.user}")
    if service.init:
        words.append("--init")
    if service.read_only:
        words.append("--read-only")
    if service.stop_signal:
        words.append(f"--stop-signal={service.stop_signal}")
    return words


def _command(service: Service, image: str) -> list[str]:
    """Return image and arguments; an entrypoint of several words keeps its rest before the command."""
    if service.entrypoint is None:
        return [image, *(service.command or ())]
    first, *rest = service.entrypoint or ("",)
    return [f"--entrypoint={first}", image, *rest, *(service.command or ())]
