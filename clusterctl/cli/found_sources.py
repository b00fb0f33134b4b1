"""What on this machine could be a source of hosts: a Vagrantfile, an Ansible inventory, the ssh_config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusterctl.cli.first_files import Source, render_inventory
from clusterctl.errors import InputError
from clusterctl.model.inventory import Inventory

if TYPE_CHECKING:
    from clusterctl.parsing.outside import Outside

SSH_CONFIG = "~/.ssh/config"
ANSIBLE = (
    "hosts",
    "hosts.ini",
    "hosts.y*ml",
    "inventory",
    "inventory.ini",
    "inventory.yml",
    "inventories/production",
)


def find_sources(outside: Outside, only: str = "") -> list[tuple[Source, tuple[str, ...]]]:
    """Return what could be a source, nearest first, with the hosts it names where reading tells."""
    found: list[tuple[Source, tuple[str, ...]]] = []
    if outside.glob("Vagrantfile"):
        found.append((Source("vagrant", "."), ()))
    for pattern in ANSIBLE:
        for path in outside.glob(pattern)[:1]:
            program = outside.is_program(path)  # not run before somebody wants it
            names = () if program else _names_of(Source("ansible", path), outside)
            if names or program:
                found.append((Source("ansible", path, only), names))
    names, fleet = _ssh_names(outside)
    if names:
        found.append((Source("ssh_config", SSH_CONFIG, only or fleet), names))
    return found


def _names_of(source: Source, outside: Outside) -> tuple[str, ...]:
    """Return the hosts that an Ansible inventory describes; none where it has mistakes."""
    found = _read_quietly(source, outside)
    return found.names if found else ()


def _ssh_names(outside: Outside) -> tuple[tuple[str, ...], str]:
    """Return the hosts that your ssh_config names, and a selector without those where one logs in as git."""
    from clusterctl.parsing.ssh.config import read_ssh_config
    from clusterctl.parsing.ssh.options import Evaluator
    from clusterctl.parsing.yaml import Log

    try:
        text = outside.read(SSH_CONFIG).decode("utf-8", "replace")
    except OSError:
        return (), ""
    config = read_ssh_config(text, Log(SSH_CONFIG), outside)
    evaluator = Evaluator(config, outside, lambda _: False)
    forges = [name for name in config.names if evaluator.options(name).word("user") == "git"]
    return tuple(config.names), "".join(["all", *(f"!{name}" for name in forges)]) if forges else ""


def _read_quietly(source: Source, outside: Outside) -> Inventory | None:
    """Return what a source alone describes; nothing where it has mistakes."""
    from clusterctl.parsing.inventory.file import parse_inventory

    try:
        return parse_inventory(render_inventory("x", "", [source], []), "inventory.yaml", outside)
    except InputError:
        return None
