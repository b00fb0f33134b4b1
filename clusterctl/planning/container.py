"""The `docker run` of an instance, as words.

Decides every option. Values of the environment never stand here: argv is public on a host (I9).
"""

from __future__ import annotations

import shlex

from clusterctl.model.placement import Instance
from clusterctl.model.service import HealthCheck, Mount, Port, Service

DOCKER = "/usr/bin/docker"
LABEL = "io.clusterctl"


def env_path(instance: Instance) -> str:
    """Return where the instance's env file lies on its host (mode 0600)."""
    return f"/etc/clusterctl/env/{instance.name}.env"


def volume_name(project: str, volume: str) -> str:
    """Return docker's name of a project's volume, as Compose names it."""
    return f"{project}_{volume}"


def label_filter(instance: Instance) -> str:
    """Return the shell words that list the ids of this instance's containers, and of no others (I3)."""
    return f"{DOCKER} ps -aq --no-trunc --filter label={LABEL}.instance={instance.name}"


def docker_run(service: Service, image: str, instance: Instance, spec: str, cid_file: str) -> list[str]:
    """Return the foreground command of the unit; `image` is pinned by digest and never pulled here.

    Only stdout is attached, and the unit throws it away: the container's lines reach the journal once,
    through docker's own driver, while docker's complaints (stderr) are the unit's.
    """
    words = [DOCKER, "run", "--rm", "--pull=never", "--attach=stdout", "--restart=no"]
    words += [f"--name={instance.name}", f"--hostname={instance.name}", f"--cidfile={cid_file}"]
    words += ["--log-driver=journald", f"--log-opt=tag={instance.name}"]
    words += _labels(service, instance, spec)
    if service.environment:
        words.append(f"--env-file={env_path(instance)}")
    words += [f"--publish={_publish(port)}" for port in service.ports]
    words += [f"--mount={_mount(instance.project, mount)}" for mount in service.mounts]
    words += [f"--tmpfs={path}" for path in service.tmpfs]
    words += _health(service.healthcheck)
    words += _limits(service)
    words += _security(service)
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


def _mount(project: str, mount: Mount) -> str:
    source = volume_name(project, mount.source) if mount.kind == "volume" else mount.source
    fields = [f"type={mount.kind}", f"source={source}", f"target={mount.target}"]
    if mount.read_only:
        fields.append("readonly")
    return ",".join(_csv(field) for field in fields)


def _csv(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if any(char in field for char in ',"') else field


def _health(check: HealthCheck | None) -> list[str]:
    if check is None:
        return []
    kind, *test = check.test
    if kind == "NONE":
        return ["--no-healthcheck"]
    return [
        f"--health-cmd={test[0] if kind == 'CMD-SHELL' else _shell_words(test)}",
        f"--health-interval={_duration(check.interval_s)}",
        f"--health-timeout={_duration(check.timeout_s)}",
        f"--health-retries={check.retries}",
        f"--health-start-period={_duration(check.start_period_s)}",
    ]


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
    if service.reservations.memory_bytes:
        words.append(f"--memory-reservation={service.reservations.memory_bytes}b")
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
