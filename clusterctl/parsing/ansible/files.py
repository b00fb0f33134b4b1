"""Which files of an Ansible inventory are read: itself or all in a folder, an executable, group_vars and host_vars."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clusterctl.parsing.ansible.ini import read_ini
from clusterctl.parsing.ansible.model import AnsibleInventory, Variables
from clusterctl.parsing.ansible.tree import load_lenient, read_host_answer, read_list, read_yaml
from clusterctl.parsing.cursor import Cursor, shown_key
from clusterctl.parsing.outside import Note, Outside, PartLog, decoded
from clusterctl.parsing.words import quoted

MOST_HOST_CALLS = 100
_SKIPPED = (
    ".pyc",
    ".pyo",
    ".swp",
    ".bak",
    "~",
    ".rpm",
    ".md",
    ".txt",
    ".rst",
    ".orig",
    ".cfg",
    ".retry",
    ".ini.j2",
)
_FOLDERS = ("group_vars", "host_vars")
_NO_PROGRAMS = (".yml", ".yaml", ".json", ".ini")


def read_files(path: str, place: Cursor, outside: Outside) -> AnsibleInventory:
    """Return all that the files say; mistakes are noted where they are."""
    inventory = AnsibleInventory()
    for file in _files(path, outside):
        _read_file(file, place, outside, inventory)
    _check_children(inventory)
    _read_variable_files(path, place, outside, inventory)
    return inventory


def _files(path: str, outside: Outside) -> Iterator[str]:
    """Yield the files of an inventory: itself, or all in it if it is a folder."""
    inside = outside.glob(f"{path.rstrip('/')}/*")
    if not inside:
        yield path
    for file in inside:
        name = file.rpartition("/")[2]
        if not name.endswith(_SKIPPED) and name not in _FOLDERS:
            yield file


def _read_file(path: str, place: Cursor, outside: Outside, inventory: AnsibleInventory) -> None:
    if outside.is_program(path) and not path.endswith(_NO_PROGRAMS):
        _read_program(path, place, outside, inventory)
        return
    try:
        data = outside.read(path)
    except OSError as error:
        place.mistake(f"{shown_key(path)} cannot be read: {error.strerror or error}")
        return
    log = PartLog(path, place.log)
    text = decoded(data, log)
    if text.startswith("$ANSIBLE_VAULT"):
        log.add(1, "is encrypted by ansible-vault, and cannot be read here")
    elif path.endswith(".toml"):
        log.add(
            0,
            'an inventory in TOML is not read here; name an executable that says: exec ansible-inventory -i THIS_FILE "$@"',
        )
    elif path.endswith((".yml", ".yaml", ".json")):
        read_yaml(text, log, inventory)
    else:
        read_ini(text, log, inventory)


def _read_program(path: str, place: Cursor, outside: Outside, inventory: AnsibleInventory) -> None:
    program = path if "/" in path else f"./{path}"
    log = PartLog(f"{path} --list", place.log)
    try:
        whole = read_list(outside.run((program, "--list"), "."), log, inventory)
        if whole:
            return
        if len(inventory.hosts) > MOST_HOST_CALLS:
            log.add(
                0, f"gives no _meta.hostvars, and {len(inventory.hosts)} hosts are too many to ask for each"
            )
            return
        for name in inventory.hosts:
            answer = outside.run((program, "--host", name), ".")
            own = read_host_answer(answer, PartLog(f"{path} --host {name}", place.log))
            inventory.host_variables.setdefault(name, {}).update(own)
    except OSError as error:
        place.mistake(f"{path}: {error}")


def _check_children(inventory: AnsibleInventory) -> None:
    for name, group in inventory.groups.items():
        for child, place in list(group.children.items()):
            if child not in inventory.groups:
                place.mistake(f"no group {quoted(child)} for {name}")
                del group.children[child]


def _read_variable_files(path: str, place: Cursor, outside: Outside, inventory: AnsibleInventory) -> None:
    """Read the files of group_vars and host_vars beside the inventory, those of groups and hosts that are there."""
    folder = path.rstrip("/") if outside.glob(f"{path.rstrip('/')}/*") else path.rpartition("/")[0]
    before = f"{folder}/" if folder else ("/" if path.startswith("/") else "")
    for kind, known, target in (
        ("group_vars", inventory.groups, inventory.group_files),
        ("host_vars", inventory.hosts, inventory.host_files),
    ):
        for file in outside.glob(f"{before}{kind}/*"):
            inside = outside.glob(f"{file}/*")
            name = file.rpartition("/")[2]
            stem = name if inside else re.sub(r"\.(?:ya?ml|json)$", "", name)
            if stem in known:
                for one in inside or (file,):
                    target.setdefault(stem, {}).update(_variables_in(one, place, outside, inventory))


def _variables_in(path: str, place: Cursor, outside: Outside, inventory: AnsibleInventory) -> Variables:
    log = PartLog(path, place.log)
    try:
        text = decoded(outside.read(path), log)
    except OSError as error:
        log.add(0, f"cannot be read: {error.strerror or error}")
        return {}
    if text.startswith("$ANSIBLE_VAULT"):
        inventory.notes.append(Note(path, 1, "is encrypted by ansible-vault: not read"))
        return {}
    root = load_lenient(text, log, inventory.notes) if text.strip() else None
    return dict(root.entries()) if root else {}
