"""The `ssh:` of an inventory and of a host: how hosts are reached. A host's own words win over the inventory's.

A host says its user, port and jump hosts beside its `ssh:`. Paths are kept as written; whoever opens them resolves them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from clusterctl.model.ssh import SshSettings
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.inventory.jumps import parse_jumps
from clusterctl.parsing.names import parse_host_name, parse_port, parse_user
from clusterctl.parsing.scalars import as_text, flag_of, parse_line, parse_some_duration
from clusterctl.parsing.words import Expected

MOST_FILES = 20

FLEET_KEYS = ("user", "port", "jump", "command_timeout")
HOST_KEYS = (
    "identity_file",
    "certificate_file",
    "identities_only",
    "identity_agent",
    "known_hosts",
    "host_key_alias",
    "connect_timeout",
    "password_file",
    "sudo_password_file",
)
BESIDE = ("user", "port", "jump")


def parse_agent(text: str) -> str:
    """Return where the agent is: a path, `none`, or nothing for SSH_AUTH_SOCK."""
    if text not in {"none", "SSH_AUTH_SOCK"} and not text.startswith(("/", "~/", "$")):
        raise Expected('the path of a socket, "SSH_AUTH_SOCK" or "none"')
    return "" if text == "SSH_AUTH_SOCK" else parse_line(text)


def _read_paths(place: Cursor) -> tuple[str, ...] | None:
    """Return one path or several; nothing where one is wrong."""
    paths = [item.read(as_text(parse_line), None) for item in place.items_or_self()]
    if len(paths) > MOST_FILES:
        place.mistake(f"more than {MOST_FILES} files")
        return None
    if not paths:
        place.mistake("expected a path or a list of paths, got an empty list")
    return tuple(path for path in paths if path is not None) if all(paths) and paths else None


_READERS: dict[str, tuple[str, Callable[[Cursor], Any]]] = {
    "user": ("user", lambda place: place.read(as_text(parse_user), None)),
    "port": ("port", lambda place: place.read(as_text(parse_port), None)),
    "jump": ("jumps", lambda place: place.read(as_text(parse_jumps), None)),
    "command_timeout": ("command_timeout_s", lambda place: place.read(as_text(parse_some_duration), None)),
    "connect_timeout": ("connect_timeout_s", lambda place: place.read(as_text(parse_some_duration), None)),
    "identity_file": ("identity_files", _read_paths),
    "certificate_file": ("certificate_files", _read_paths),
    "known_hosts": ("known_hosts", _read_paths),
    "identities_only": ("identities_only", lambda place: place.read(flag_of, None)),
    "identity_agent": ("identity_agent", lambda place: place.read(as_text(parse_agent), None)),
    "password_file": ("password_file", lambda place: place.read(as_text(parse_line), None)),
    "sudo_password_file": ("sudo_password_file", lambda place: place.read(as_text(parse_line), None)),
    "host_key_alias": ("host_key_alias", lambda place: place.read(as_text(parse_host_name), None)),
}


def read_ssh(cursor: Cursor) -> SshSettings:
    """Return what an inventory says for all of its hosts."""
    return read_host_ssh(cursor.section((*FLEET_KEYS, *HOST_KEYS)), SshSettings())


def ssh_places(cursor: Cursor) -> dict[str, Cursor]:
    """Return the places of a host's own options; those that stand beside its `ssh:` are mistakes in it."""
    for entry in cursor.value.entries:
        if entry.key in BESIDE:
            cursor.at(entry).mistake(
                f'"{entry.key}" of a host stands beside its "ssh", not in it', entry.line
            )
    found = cursor.section((*HOST_KEYS, *BESIDE))
    return {key: place for key, place in found.items() if key not in BESIDE}


def read_host_ssh(places: Mapping[str, Cursor], ssh: SshSettings) -> SshSettings:
    """Return options over those of the inventory, which are shared where there are none."""
    found: dict[str, Any] = {}
    for key, place in places.items():
        field, read = _READERS[key]
        value = read(place)
        if value is not None:
            found[field] = value
    return replace(ssh, **found) if found else ssh


def written_ssh(ssh: SshSettings) -> dict[str, Any]:
    """Return the options that are not the default, by the keys that a host writes; several paths as a list."""
    found = {key: getattr(ssh, _READERS[key][0]) for key in HOST_KEYS}
    usual = SshSettings()
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in found.items()
        if value != getattr(usual, _READERS[key][0])
    }
