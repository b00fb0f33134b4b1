"""The text of an instance's systemd unit; the header by which it is known again is `unit_header`.

Decides every directive (DESIGN section 7; why each: ADR 0003). Writing it to a host is done by
`remote.script`; whether it must be written is decided in `planning.deploy`.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from clusterctl.errors import InputError
from clusterctl.model.service import Service
from clusterctl.planning.container import DOCKER, docker_run, label_filter
from clusterctl.planning.gate import gate_script, gate_seconds
from clusterctl.planning.hooks import post_start_script, pre_stop_script, start_s
from clusterctl.planning.networks import join_script, make_script
from clusterctl.planning.quoting import plain_value, quote_line
from clusterctl.planning.unit_header import Header, render_header

RESTART_FLOOR_S = 5
LARGEST_UNIT_BYTES = 65_536
"""A look reads so much of a unit (`remote/shell/observe.sh`): one that is larger would be taken for one that was cut."""
_DIGEST_LINE_BYTES = len("Digest=sha256:\n") + 64
_RESTART = {"any": "always", "on-failure": "on-failure", "none": "no"}


def render_unit(service: Service, header: Header) -> str:
    """Return the whole text of the unit, ending in the digest of everything before that line; raises InputError.

    A unit never starts docker: it is wanted *by* docker.service, comes with it, and is skipped while
    docker is down (faults row 15), rather than pulling docker up or failing every few seconds.
    """
    text = (
        "\n".join(
            [*_unit_section(service, header), *_service_section(service, header), *render_header(header)]
        )
        + "\n"
    )
    if len(text.encode()) > LARGEST_UNIT_BYTES - _DIGEST_LINE_BYTES:
        raise InputError(
            f"the unit of {header.instance.name} would be larger than {LARGEST_UNIT_BYTES // 1024} KiB",
            details=["command, entrypoint, labels and healthcheck stand in it; hosts tell no more of a unit"],
            next_step="put long texts into a file that is mounted, or into the environment. Nothing was changed.",
        )
    return f"{text}Digest=sha256:{hashlib.sha256(text.encode()).hexdigest()}\n"


def _unit_section(service: Service, header: Header) -> list[str]:
    restart = service.restart
    limited = restart.max_attempts is not None
    return [
        "# Written by clusterctl. Do not edit: an apply refuses to touch an edited unit, or replaces it with --overwrite.",
        "[Unit]",
        f"Description={plain_value(f'{header.instance.name} (clusterctl, {header.image})')}",
        "Wants=network-online.target",
        "After=docker.service network-online.target",
        *([f"ConditionPathExists={_permit(header)}"] if header.singleton else []),
        f"StartLimitBurst={restart.max_attempts if limited else 0}",
        f"StartLimitIntervalSec={_seconds(restart.window_s or 3600) if limited else 0}",
        "",
    ]


def _service_section(service: Service, header: Header) -> list[str]:
    gate_s = gate_seconds(service.healthcheck)
    grace_s = int(service.stop_grace_period_s)
    clean = _shell(
        f"rm -f {_cid(header)}; {label_filter(header.instance)} | xargs -r /usr/bin/docker rm -f >/dev/null 2>&1"
    )
    remove = f"{label_filter(header.instance)} | xargs -r /usr/bin/docker rm -f >/dev/null 2>&1"
    began = post_start_script(service, _cid(header), remove)
    before = pre_stop_script(service, _cid(header))
    return [
        "[Service]",
        "Type=exec",
        "ExecCondition=/usr/bin/systemctl is-active --quiet docker.service",
        f"ExecStartPre=-{clean}",
        *_start(service, header),
        *([f"ExecStartPost={_shell(began)}"] if began else []),
        f"ExecStartPost={_shell(gate_script(header.instance, _cid(header), gate_s))}",
        f"ExecStop=-{_shell(f'{before}exec /usr/bin/docker stop -t {grace_s} $(cat {_cid(header)}) >/dev/null')}",
        f"ExecStopPost=-{clean}",
        f"TimeoutStartSec={gate_s + start_s(service) + 15}",
        f"TimeoutStopSec={service.stop_s + 15}",
        f"Restart={_RESTART[service.restart.condition]}",
        f"RestartSec={_seconds(max(RESTART_FLOOR_S, service.restart.delay_s))}",
        "SuccessExitStatus=143",
        "RestartPreventExitStatus=126 127",
        "KillMode=mixed",
        "StandardOutput=null",
        "StandardError=journal",
        f"SyslogIdentifier={header.instance.name}",
        "",
        "[Install]",
        "WantedBy=multi-user.target docker.service",
        "",
    ]


def _start(service: Service, header: Header) -> list[str]:
    """Return the lines that make the networks and run the container.

    Before version 25 `docker run` takes one network, so with more the container is created, joined to the
    others and then started: it never runs with only some of them.
    """
    project = header.instance.project
    make, join = make_script(service, project), join_script(service, project, _cid(header))
    words = docker_run(service, header.pinned, header.instance, header.spec, _cid(header))
    lines = [f"ExecStartPre={_shared_shell(make)}"] if make else []
    if not join:
        return [*lines, f"ExecStart={quote_line(words)}"]
    create = [words[0], "create", *words[2:]]
    start = f"exec {DOCKER} start --attach $(cat {_cid(header)})"
    return [
        *lines,
        f"ExecStartPre={quote_line(create)}",
        f"ExecStartPre={_shell(join)}",
        f"ExecStart={_shell(start)}",
    ]


def _cid(header: Header) -> str:
    return f"/run/clusterctl-{header.instance.name}.cid"


def _permit(header: Header) -> str:
    """Return the file without which a singleton does not start; a boot takes it away (`shell/units.sh`, ADR 0019)."""
    return f"/run/clusterctl-{header.instance.name}.permit"


def _shell(script: str) -> str:
    return quote_line(["/bin/sh", "-c", script])


@lru_cache(maxsize=1024)
def _shared_shell(script: str) -> str:
    """Return the same for a script that all instances of a service share: quoting is what a unit costs."""
    return _shell(script)


def _seconds(value: float) -> str:
    return f"{value:g}"
