"""An Ansible inventory as a source of hosts: what variables mean for us. Which files are read is in `ansible.files`.

`ansible_host`, `_port`, `_user`, `_ssh_private_key_file` and the ProxyJump of `_ssh_common_args` say how a host is
reached. Other variables become labels where the source names them. A template or a vaulted value of one that counts is
a mistake; what else means nothing here is a note.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from clusterctl.parsing.ansible.files import read_files
from clusterctl.parsing.ansible.model import BUILT_IN, Variables
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_host_name
from clusterctl.parsing.outside import Described, Note, Outside, flag, scalar
from clusterctl.parsing.ssh.source import NO_FILE, instead_of
from clusterctl.parsing.words import Expected, quoted

_KEYS: Mapping[str, tuple[str, ...]] = {
    "address": ("ansible_ssh_host", "ansible_host"),
    "port": ("ansible_ssh_port", "ansible_port"),
    "user": ("ansible_ssh_user", "ansible_user"),
}
_KEY_FILES = ("ansible_private_key_file", "ansible_ssh_private_key_file")
_ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_SSH_WORDS = {
    "identityfile": "identity_file",
    "userknownhostsfile": "known_hosts",
    "hostkeyalias": "host_key_alias",
    "identitiesonly": "identities_only",
    "identityagent": "identity_agent",
    "certificatefile": "certificate_file",
}
_FOR_ANSIBLE = re.compile(
    r"ansible_(?:(?:\w+_)?interpreter|become(?:_user|_method|_exe|_flags)?|shell_\w+|remote_tmp|group_priority|"
    r"facts_\w+|ssh_pipelining|pipelining|ssh_retries|ssh_transfer_method|scp_if_ssh|sftp_\w+|timeout)"
)
_SECRETS = re.compile(r"ansible_(?:ssh_)?(?:pass|password)|ansible_(?:become|sudo)_(?:pass|password)")


def read_ansible(
    place: Cursor, path: str, outside: Outside, labels_from: Sequence[str]
) -> tuple[list[Described], Mapping[str, frozenset[str]], list[Note]]:
    """Return the hosts, the groups with their members, and notes; mistakes are noted where they are."""
    inventory = read_files(path, place, outside)
    reader = _Reader(labels_from, inventory.notes)
    hosts = [
        reader.describe(name, inventory.hosts[name], variables) for name, variables in inventory.variables()
    ]
    groups = {name: members for name, members in inventory.members().items() if name not in BUILT_IN}
    return hosts, _named(groups, path, inventory.notes), inventory.notes


def _named(
    groups: Mapping[str, frozenset[str]], path: str, notes: list[Note]
) -> Mapping[str, frozenset[str]]:
    """Return the groups whose names can be names of ours; the others are noted."""
    found: dict[str, frozenset[str]] = {}
    for name, members in groups.items():
        try:
            found[parse_host_name(name)] = members
        except Expected:
            notes.append(Note(path, 0, f"the group {quoted(name)} is left out: its name cannot be one here"))
    return found


class _Reader:
    """Makes keys of an inventory from variables; each note is made once."""

    def __init__(self, labels_from: Sequence[str], notes: list[Note]) -> None:
        self._labels_from = labels_from
        self._notes = notes
        self._noted: set[str] = set()

    def describe(self, name: str, place: Cursor, variables: Variables) -> Described:
        found = Described(name, place)
        for key, names in _KEYS.items():
            for variable in names:
                self._take(key, variable, variables, found.keys, found)
        for variable in _KEY_FILES:
            self._take("identity_file", variable, variables, found.ssh, found)
        for variable in _ARGUMENTS:
            self._read_arguments(variable, variables, found)
        for key in self._labels_from:
            self._take(key, key, variables, found.labels, found)
        self._refuse_other_ways(variables, found)
        self._note_others(variables)
        return found

    def _take(
        self, key: str, variable: str, variables: Variables, into: dict[str, Cursor], found: Described
    ) -> None:
        place = variables.get(variable)
        if place is None or place.value.kind == "null":
            return
        text = place.value.text
        if "{{" in text or text.startswith("$ANSIBLE_VAULT"):
            found.refused[key] = (
                _bare(place),
                f"{variable} of {found.name} is a template or encrypted: write the value",
            )
        else:
            into[key] = place

    def _read_arguments(self, variable: str, variables: Variables, found: Described) -> None:
        place = variables.get(variable)
        if place is None:
            return
        try:
            words = shlex.split(place.value.text)
        except ValueError:
            found.refused["jump"] = (_bare(place), f"{variable}: a quote is not closed")
            return
        for keyword, value in _options_in(words):
            self._read_argument(variable, place, keyword.lower(), value, found)

    def _read_argument(
        self, variable: str, place: Cursor, keyword: str, value: str, found: Described
    ) -> None:
        one = scalar(value, place.line, place.log, f"{found.name}: {variable}")
        if "{{" in value:
            found.refused["jump"] = (
                _bare(place),
                f"{variable} of {found.name} is a template: write the value",
            )
        elif keyword in {"proxyjump", "-j"}:
            found.keys["jump"] = one
        elif keyword == "proxycommand":
            found.refused["jump"] = (_bare(place), f"{found.name}: {instead_of(value)}")
        elif keyword in _SSH_WORDS:
            make = flag if keyword == "identitiesonly" else scalar
            path = f"{found.name}: {variable}"
            if value != NO_FILE:
                found.ssh[_SSH_WORDS[keyword]] = make(value, place.line, place.log, path)
        elif keyword == "-i":
            found.ssh["identity_file"] = one
        elif keyword == "stricthostkeychecking":
            if value.lower() not in {"yes", "ask"}:
                self._note(place, f"StrictHostKeyChecking={value}: host keys are always checked here")
        elif keyword not in {"controlmaster", "controlpersist", "controlpath", "-c", "forwardagent", "-a"}:
            self._note(place, f"{variable}: {keyword} has no effect here")

    def _refuse_other_ways(self, variables: Variables, found: Described) -> None:
        place = variables.get("ansible_connection")
        if place is not None and place.value.text not in {"ssh", "smart", "paramiko", "paramiko_ssh"}:
            found.refused["connection"] = (
                _bare(place),
                f"{found.name} is reached by {quoted(place.value.text)[1:-1]}, not by ssh: leave it out (hosts: of the source)",
            )

    def _note_others(self, variables: Variables) -> None:
        ours = {
            *_KEY_FILES,
            *_ARGUMENTS,
            "ansible_connection",
            *(one for names in _KEYS.values() for one in names),
        }
        for variable, place in variables.items():
            if variable in ours or variable in self._noted or not variable.startswith("ansible_"):
                continue
            self._noted.add(variable)
            if _SECRETS.fullmatch(variable):
                self._note(
                    place, f"{variable} is not taken: a password belongs into a file of its own, mode 0600"
                )
            elif not _FOR_ANSIBLE.fullmatch(variable):
                self._note(place, f"{variable} has no effect here")

    def _note(self, place: Cursor, words: str) -> None:
        note = Note(place.log.file, place.line, words)
        if note not in self._notes:
            self._notes.append(note)


def _bare(place: Cursor) -> Cursor:
    """Return a place for a message that says itself what it is about."""
    return replace(place, path="")


def _options_in(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield keyword and value of each option on an ssh command line."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option, value = word[:2], word[2:]
        if option in {"-o", "-J", "-i", "-F", "-p", "-l"} and not value:
            value = rest.pop(0) if rest else ""
        if option == "-o":
            keyword, _, value = (
                value.replace(" ", "=", 1).partition("=")
                if "=" not in value.split(" ")[0]
                else value.partition("=")
            )
            yield keyword, value.strip().strip('"')
        else:
            yield option, value
