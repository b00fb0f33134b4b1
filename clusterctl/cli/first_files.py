"""The files that init writes: an inventory and a first playbook. None is overwritten."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clusterctl.cli.console import print_line
from clusterctl.cli.globals import Settings
from clusterctl.errors import InputError
from clusterctl.model.inventory import Inventory

PLAYBOOK = "site.yaml"
_PLAIN = re.compile(r"[A-Za-z0-9~./_][A-Za-z0-9~./_-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"})


@dataclass(frozen=True, slots=True)
class Source:
    """A source as it is written: its kind, its path, and the hosts that are taken of it."""

    kind: str
    path: str
    hosts: str = ""


def render_inventory(cluster: str, user: str, sources: Sequence[Source], hosts: Sequence[str]) -> str:
    """Return the text of an inventory."""
    lines = [
        "# What there is to say: clusterctl inventory schema, and docs/inventory.md. clusterctl validate checks it.",
        f"cluster: {_yaml(cluster)}",
    ]
    if user:
        lines += ["ssh:", f"  user: {_yaml(user)}"]
    if sources:
        lines.append("sources:")
    for source in sources:
        lines.append(f"  - {source.kind}: {_yaml(source.path)}")
        lines += [f"    hosts: {_yaml(source.hosts)}"] if source.hosts else []
    if hosts:
        lines.append("hosts:")
    for host in hosts:
        name, _, address = host.partition("=")
        lines.append(f"  {_yaml(name)}:{f' {{address: {json.dumps(address)}}}' if address else ''}")
    return "\n".join(lines) + "\n"


def render_playbook(hosts: int) -> str:
    """Return the text of a first playbook."""
    return f"""# A Compose file. clusterctl plan {PLAYBOOK} shows what would change, clusterctl apply {PLAYBOOK} does it.
services:
  hello:
    image: nginx:1.27
    ports: ["8080:80"]
    healthcheck: {{test: curl -fsS http://127.0.0.1/, interval: 2s, timeout: 2s, retries: 5}}
    deploy:
      replicas: {max(1, min(3, hosts))}
"""


def _yaml(text: str) -> str:
    """Return text as YAML has it: plain where it is harmless, else in quotes."""
    return (
        text
        if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text[0].isdigit()
        else json.dumps(text)
    )


def write_all(settings: Settings, text: str, inventory: Inventory) -> None:
    """Write the inventory and a playbook for it, or show them, and say what to do next; raises InputError."""
    playbook = Path(settings.inventory).parent / PLAYBOOK
    runners = [host for host in inventory.hosts if not host.witness]
    files = [(Path(settings.inventory), text), (playbook, render_playbook(len(runners)))]
    for path, content in files:
        if settings.dry_run:
            print_line(f"# {path}")
            for line in content.splitlines():
                print_line(line)
        elif _write(path, content):
            print_line(f"wrote {path}")
        else:
            print_line(f"kept {path}: it was there")
    if not settings.dry_run:
        many = "1 host" if len(inventory.hosts) == 1 else f"{len(inventory.hosts)} hosts"
        print_line(f"{inventory.cluster}: {many}. Next:")
        where = "" if settings.inventory == "inventory.yaml" else f" -i {settings.inventory}"
        for line in ("hosts trust", "hosts", f"plan {playbook}", f"apply {playbook}"):
            print_line(f"  clusterctl{where} {line}")


def _write(path: Path, text: str) -> bool:
    """Write a new file and return true; false where there is one. Raises InputError where it cannot be written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}", next_step="check the folder."
        ) from None
    return True
