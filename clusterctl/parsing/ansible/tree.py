"""Ansible's YAML inventory, and the JSON that an executable prints for `--list`, both as a tree of values."""

from __future__ import annotations

import json
from collections.abc import Iterator

from clusterctl.parsing.ansible.model import AnsibleInventory, Variables
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.outside import Note
from clusterctl.parsing.words import Unfit, quoted
from clusterctl.parsing.yaml import Log, load_yaml
from clusterctl.parsing.yaml_core import Entry, Value

_KEYS = ("hosts", "children", "vars")
MOST_DEEP = 100


def read_yaml(data: str, log: Log, inventory: AnsibleInventory) -> None:
    """Add what a YAML inventory says; mistakes are noted in `log`."""
    root = load_lenient(data, log, inventory.notes)
    if root is None or root.value.kind == "null":
        return
    plugin = root.value.get("plugin")
    if plugin is not None and plugin.kind == "str":
        root.mistake(
            f"the inventory plugin {quoted(plugin.text)} cannot be run here; name an executable "
            'that says: exec ansible-inventory -i THIS_FILE "$@"',
            plugin.line,
        )
        return
    for name, place in root.entries():
        _read_group(name, place, inventory, 0)


def _read_group(name: str, place: Cursor, inventory: AnsibleInventory, depth: int) -> None:
    if depth > MOST_DEEP:
        return
    group = inventory.group(name)
    for key, part in place.entries():
        if key == "hosts":
            for written, host in _entries(part):
                _read_host(written, host, name, inventory)
        elif key == "children":
            for child, below in _entries(part):
                group.children[child] = below
                _read_group(child, below, inventory, depth + 1)
        elif key == "vars":
            group.variables |= dict(part.entries())
        else:
            part.mistake(f"is no key of a group; expected {', '.join(_KEYS)}", part.key_line)


def _entries(place: Cursor) -> Iterator[tuple[str, Cursor]]:
    """Yield names and places; text alone is one name."""
    if place.value.kind == "str":
        yield place.value.text, Cursor(Value("null", place.line), place.path, place.log, place.key_line)
    else:
        yield from place.entries()


def _read_host(written: str, place: Cursor, group: str, inventory: AnsibleInventory) -> None:
    try:
        names = inventory.add_host(written, place, group)
    except Unfit as error:
        place.mistake(str(error), place.key_line)
        return
    own = dict(place.entries())
    for name in names if own else ():
        inventory.host_variables.setdefault(name, {}).update(own)


def load_lenient(data: str, log: Log, notes: list[Note]) -> Cursor | None:
    """Return the top of a file in which tags of Ansible (`!vault`) are no mistake but a note."""
    own = Log(log.file)
    value = load_yaml(data, own)
    for mistake in own.mistakes:
        if mistake.message.startswith("the tag "):
            notes.append(
                Note(
                    mistake.file,
                    mistake.line,
                    mistake.message.replace("not allowed; leave it out", "not known here"),
                )
            )
        else:
            log.add(mistake.line, mistake.message)
    return Cursor(value, "", log)


def read_list(text: str, log: Log, inventory: AnsibleInventory) -> bool:
    """Add what an executable printed for `--list`; return whether it gave the variables of hosts as well."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        log.add(0, f"printed no JSON: {error}")
        return True
    root = Cursor(_value_of(data), "", log)
    meta = root.value.get("_meta")
    for name, place in root.entries():
        if name == "_meta":
            continue
        group = inventory.group(name)
        listed = place if place.value.kind == "list" else None
        parts = {} if listed else dict(place.entries())
        hosts = listed or parts.get("hosts")
        for host in hosts.items() if hosts else ():
            _read_host(host.value.text, Cursor(Value("null", 0), host.path, log), name, inventory)
        for child in parts["children"].items() if "children" in parts else ():
            group.children[child.value.text] = child
            inventory.group(child.value.text)
        if "vars" in parts:
            group.variables |= dict(parts["vars"].entries())
    variables = meta.get("hostvars") if meta else None
    for name, place in Cursor(variables, "_meta.hostvars", log).entries() if variables else ():
        inventory.host_variables.setdefault(name, {}).update(place.entries())
    return meta is not None


def read_host_answer(text: str, log: Log) -> Variables:
    """Return what an executable printed for `--host NAME`."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        log.add(0, f"printed no JSON: {error}")
        return {}
    return dict(Cursor(_value_of(data), "", log).entries())


def _value_of(data: object, depth: int = 0) -> Value:
    if isinstance(data, dict) and depth < MOST_DEEP:
        entries = (Entry(str(key), 0, _value_of(value, depth + 1)) for key, value in data.items())
        return Value("map", 0, entries=tuple(entries))
    if isinstance(data, list) and depth < MOST_DEEP:
        return Value("list", 0, items=tuple(_value_of(value, depth + 1) for value in data))
    if isinstance(data, bool):
        return Value("bool", 0, data, str(data).lower())
    if isinstance(data, int | float):
        return Value("int" if isinstance(data, int) else "float", 0, data, str(data))
    return Value("str", 0, data, data) if isinstance(data, str) else Value("null", 0)
