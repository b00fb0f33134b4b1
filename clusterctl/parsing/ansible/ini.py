"""Ansible's INI inventory: `[group]`, `[group:children]`, `[group:vars]`, a host and its variables on a line."""

from __future__ import annotations

import re
import shlex

from clusterctl.parsing.ansible.model import AnsibleInventory
from clusterctl.parsing.outside import scalar
from clusterctl.parsing.words import Unfit, did_you_mean, quoted
from clusterctl.parsing.yaml import Log

_SECTION = re.compile(r"\[(?P<name>[^:\]\s]+)(?::(?P<kind>\w+))?\]\s*(?:[#;].*)?")
_VARIABLE = re.compile(r"(?P<key>[^=\s]+)\s*=\s*(?P<value>.*)")
_QUOTED = re.compile(r"""(?P<mark>["'])(?P<inside>[^"']*)(?P=mark)\s*""")


def read_ini(text: str, log: Log, inventory: AnsibleInventory) -> None:
    """Add what the text says; mistakes are noted in `log`."""
    group, kind = "ungrouped", "hosts"
    strangers: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        section = _SECTION.fullmatch(stripped)
        if section:
            group, kind = section["name"], section["kind"] or "hosts"
            _open(group, kind, number, log, inventory, strangers)
        elif kind == "hosts":
            _read_host(stripped, number, log, group, inventory)
        elif kind == "children":
            name = stripped.split("#")[0].split(";")[0].strip()
            inventory.group(group).children[name] = scalar(name, number, log, f"[{group}:children]")
        elif kind == "vars":
            _read_variable(stripped, number, log, group, inventory)
    for name, number in strangers.items():
        log.add(
            number,
            f"[{name}:vars]: no group {quoted(name)}{did_you_mean(name, {*inventory.groups} - {*strangers})}",
        )


def _open(
    group: str, kind: str, number: int, log: Log, inventory: AnsibleInventory, strangers: dict[str, int]
) -> None:
    """Begin a section; `strangers` are the groups of which only variables are known so far, with their lines."""
    if kind not in {"hosts", "children", "vars"}:
        log.add(number, f"[{group}:{kind}]: expected [{group}], [{group}:children] or [{group}:vars]")
    if kind != "vars":
        strangers.pop(group, None)
    elif group not in inventory.groups and group != "ungrouped":
        strangers[group] = number
    inventory.group(group)


def _read_host(line: str, number: int, log: Log, group: str, inventory: AnsibleInventory) -> None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        log.add(number, "a quote is not closed")
        return
    try:
        names = inventory.add_host(words[0], scalar(words[0], number, log), group)
    except Unfit as error:
        log.add(number, str(error))
        return
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals or not key:
            log.add(number, f"expected key=value after the host, got {quoted(word)}")
            continue
        for name in names:
            inventory.host_variables.setdefault(name, {})[key] = scalar(value, number, log, f"{name}: {key}")


def _read_variable(line: str, number: int, log: Log, group: str, inventory: AnsibleInventory) -> None:
    found = _VARIABLE.fullmatch(line)
    if not found:
        log.add(number, f"[{group}:vars]: expected key=value, got {quoted(line)}")
        return
    marked = _QUOTED.fullmatch(found["value"])
    value = marked["inside"] if marked else found["value"].strip()
    inventory.group(group).variables[found["key"]] = scalar(
        value, number, log, f"[{group}:vars] {found['key']}"
    )
