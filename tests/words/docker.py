"""What reaches a container of ours: a playbook is parsed, its units are rendered, systemd starts them, docker runs them.

What arrived is read from /proc of each container's first process (argv, environment) and from dockerd (labels).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from docker.models.containers import Container

from clusterctl.lab.inside import run_inside
from clusterctl.model.inventory import Policy
from clusterctl.model.placement import Instance
from clusterctl.model.service import Service
from clusterctl.parsing.compose.playbook import parse_playbook
from clusterctl.planning.container import LABEL, env_path
from clusterctl.planning.spec import render_environment
from clusterctl.planning.unit import render_unit
from clusterctl.planning.unit_header import Header
from tests.words.systemd import fetch, put

PROJECT = "heard"
FOLDER = "/var/lib/heard"
_IMAGE = "registry.lab:5000/hello:1.0"
_WAIT = ("/bin/sh", "-c", "trap exit TERM; sleep 900 & wait")
_WITHIN_S = 600


@dataclass(frozen=True)
class Said:
    """What one container is to receive: its arguments, its environment, its labels."""

    words: Sequence[str]
    environment: dict[str, str]
    labels: dict[str, str]

    def __len__(self) -> int:
        return len(self.words) + len(self.environment) + len(self.labels)


def playbook_of(cases: Sequence[Said]) -> str:
    """Return the playbook that says it, every character that is not plain escaped as YAML escapes it."""
    lines = [f"name: {PROJECT}", "services:"]
    for k, case in enumerate(cases):
        entrypoint, command = (", ".join(map(_yaml, words)) for words in (_WAIT, case.words))
        lines += [f"  s{k}:", f"    image: {_IMAGE}", "    stop_grace_period: 1s"]
        lines += [f"    entrypoint: [{entrypoint}]", f"    command: [{command}]"]
        lines += _mapping("environment", case.environment) + _mapping("labels", case.labels)
    return "\n".join(lines) + "\n"


def _mapping(key: str, pairs: dict[str, str]) -> list[str]:
    return [f"    {key}:", *(f"      {_yaml(name)}: {_yaml(value)}" for name, value in pairs.items())]


def _yaml(text: str) -> str:
    """Return a text as YAML's double-quoted form; `$` is doubled, as Compose wants it."""
    plain = (
        char if char.isascii() and (char.isalnum() or char in " /_-.") else f"\\U{ord(char):08x}"
        for char in text
    )
    return f'"{"".join(plain)}"'.replace("\\U00000024", "$$")


def docker_hears(host: Container, cases: Sequence[Said]) -> list[Said | None]:
    """Return what each container received; None where none ran. All of them run at once, and are removed again."""
    project = parse_playbook(playbook_of(cases), "heard.yaml", read_file=_no_file, policy=Policy())
    pinned = _pull(host)
    units, environments = {}, {}
    for service in project.services:
        instance = Instance(PROJECT, service.name, 1)
        units[f"etc/systemd/system/{_unit(instance)}"] = render_unit(service, _header(service, pinned))
        environments[env_path(instance)[1:]] = render_environment(service)
    put(host, units)
    put(host, environments, mode=0o600)
    _run(
        host,
        f"mkdir -p {FOLDER}; systemctl daemon-reload; systemctl start 'clusterctl-{PROJECT}-*' {_all(cases)}",
    )
    _run(host, _LOOK.format(folder=FOLDER, label=LABEL, count=len(cases), project=PROJECT))
    files = fetch(host, FOLDER)
    _run(
        host,
        f"systemctl stop {_all(cases)}; rm -rf {FOLDER} /etc/systemd/system/clusterctl-{PROJECT}-*; systemctl daemon-reload; systemctl reset-failed",
    )
    _run(host, f"rm -f /etc/clusterctl/env/{PROJECT}-*")
    return [_heard(files, k) for k in range(len(cases))]


_LOOK = """
cd {folder}
k=0
while [ $k -lt {count} ]; do
  name={project}-s$k-1
  if pid=$(docker inspect --format '{{{{.State.Pid}}}}' $name); then
    cat /proc/$pid/cmdline > $k.argv
    cat /proc/$pid/environ > $k.environ
    docker inspect --format '{{{{json .Config.Labels}}}}' $name > $k.labels
  fi
  k=$((k + 1))
done
"""


def _no_file(path: str) -> str:
    raise FileNotFoundError(path)


def _unit(instance: Instance) -> str:
    return f"clusterctl-{instance.name}.service"


def _all(cases: Sequence[Said]) -> str:
    return " ".join(_unit(Instance(PROJECT, f"s{k}", 1)) for k in range(len(cases)))


def _header(service: Service, pinned: str) -> Header:
    return Header("heard", PROJECT, service.name, 1, 1, "sha256:0", _IMAGE, pinned)


def _pull(host: Container) -> str:
    _run(host, f"docker pull -q {_IMAGE}")
    _, text = run_inside(host, ["docker", "inspect", "--format", "{{index .RepoDigests 0}}", _IMAGE])
    return text.strip()


def _run(host: Container, script: str) -> None:
    run_inside(host, ["sh", "-c", script], _WITHIN_S)


def _heard(files: dict[str, bytes], number: int) -> Said | None:
    if f"{number}.labels" not in files:
        return None
    words = [
        word.decode(errors="backslashreplace")
        for word in files[f"{number}.argv"].split(b"\0")[len(_WAIT) : -1]
    ]
    entries = [
        entry.decode(errors="backslashreplace") for entry in files[f"{number}.environ"].split(b"\0")[:-1]
    ]
    labels = {
        key: value
        for key, value in json.loads(files[f"{number}.labels"]).items()
        if not key.startswith(f"{LABEL}.")
    }
    return Said(words, dict(entry.partition("=")[::2] for entry in entries), labels)
