"""`--ssh-option KEY=VALUE`: the names of ssh_config(5) that we honour, over whatever an inventory says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from clusterctl.errors import InputError
from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.ssh import SshSettings
from clusterctl.parsing.inventory.ssh import parse_agent
from clusterctl.parsing.names import parse_host_name, parse_port, parse_user
from clusterctl.parsing.scalars import parse_line
from clusterctl.parsing.words import Expected, Unfit, did_you_mean, quoted

_Value = dict[str, Any]


def _yes_no(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise Expected("yes or no")
    return text == "yes"


def _seconds(text: str) -> float:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= 3600):
        raise Expected("seconds from 1 to 3600")
    return float(text)


def _files(text: str) -> tuple[str, ...]:
    return tuple(parse_line(text).split())


OPTIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "User": ("user", parse_user),
    "Port": ("port", parse_port),
    "IdentityFile": ("identity_files", lambda text: (parse_line(text),)),
    "CertificateFile": ("certificate_files", lambda text: (parse_line(text),)),
    "IdentitiesOnly": ("identities_only", _yes_no),
    "IdentityAgent": ("identity_agent", parse_agent),
    "UserKnownHostsFile": ("known_hosts", _files),
    "HostKeyAlias": ("host_key_alias", parse_host_name),
    "ConnectTimeout": ("connect_timeout_s", _seconds),
}
_BY_NAME = {name.lower(): name for name in OPTIONS}
_SEVERAL = frozenset({"identity_files", "certificate_files"})


def parse_ssh_options(words: Sequence[str]) -> _Value:
    """Return the fields that the words set; raises InputError with every mistake. A file may be given several times."""
    found: _Value = {}
    wrong: list[str] = []
    for word in words:
        key, equals, text = word.partition("=")
        name = _BY_NAME.get(key.strip().lower())
        if name is None or not equals:
            wrong.append(_unknown(word, key, equals))
            continue
        field, parser = OPTIONS[name]
        try:
            value = parser(text.strip())
        except Expected as error:
            wrong.append(f"--ssh-option {name}: {error.got(quoted(text))}")
        except Unfit as error:
            wrong.append(f"--ssh-option {name}: {error}")
        else:
            found[field] = (*found.get(field, ()), *value) if field in _SEVERAL else value
    if wrong:
        raise InputError(wrong[0], details=wrong[1:], next_step="clusterctl --help. Nothing was contacted.")
    return found


def with_ssh_options(inventory: Inventory, found: _Value) -> Inventory:
    """Return the inventory with these options for all hosts; hosts go on sharing what they shared."""
    if not found:
        return inventory
    known: dict[int, SshSettings] = {}

    def overlaid(ssh: SshSettings) -> SshSettings:
        if id(ssh) not in known:
            known[id(ssh)] = replace(ssh, **found)
        return known[id(ssh)]

    def changed(host: Host) -> Host:
        user, port = found.get("user", host.user), found.get("port", host.port)
        return replace(host, user=user, port=port, ssh=overlaid(host.ssh))

    hosts = tuple(changed(host) for host in inventory.hosts)
    return replace(inventory, hosts=hosts, ssh=overlaid(inventory.ssh))


def _unknown(word: str, key: str, equals: str) -> str:
    if not equals:
        return f"--ssh-option: expected KEY=VALUE, got {quoted(word)}"
    if key.lower() == "proxyjump":
        return '--ssh-option ProxyJump: write "jump" of the host, or of "ssh", in the inventory'
    if key.lower() == "stricthostkeychecking":
        return "--ssh-option StrictHostKeyChecking: host keys are always checked; clusterctl hosts trust adds them"
    return f"--ssh-option: {quoted(key)} is not honoured{did_you_mean(key, OPTIONS)}; honoured: {', '.join(OPTIONS)}"
