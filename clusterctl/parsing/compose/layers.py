"""A playbook's files as one: those laid over each other (`-f`), what they `include` and `extends`, without profiles that are off.

Each file has its variables put in first, then its includes and its extended services; then it is merged. What a key means is
decided in `compose.keys`. A file that a file names lies beside the playbook or below (bad-input row 22).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from clusterctl.parsing.compose.environment import parse_env_path
from clusterctl.parsing.compose.extends import Extender
from clusterctl.parsing.compose.interpolation import Variables, interpolate
from clusterctl.parsing.compose.known import KNOWN
from clusterctl.parsing.compose.merge import bare, merge
from clusterctl.parsing.compose.profiles import without_profiles
from clusterctl.parsing.compose.variables import read_variables
from clusterctl.parsing.cursor import Cursor, describe, shown_key
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import quoted
from clusterctl.parsing.yaml import Log, load_yaml
from clusterctl.parsing.yaml_core import Value

MOST_FILES = 100
_SHARED = ("services", "networks", "volumes", "configs", "secrets")


@dataclass(frozen=True, slots=True)
class Layers:
    """What is given beside a playbook.

    Files (name, data) that are laid over it in their order, env files (name, text) and variables for `${...}`, and the
    profiles that are on (`*`: all).
    """

    files: tuple[tuple[str, bytes | str], ...] = ()
    env_files: tuple[tuple[str, str], ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    profiles: frozenset[str] = frozenset()


NO_LAYERS = Layers()


def assemble(
    data: bytes | str, file: str, read_file: Callable[[str], str], layers: Layers = Layers()
) -> tuple[Cursor, Variables]:
    """Return the place of the one mapping that all files make, and the variables; mistakes are in its log.

    Raises InputError where a file holds no mapping.
    """
    log = Log(file)
    variables = read_variables(layers.variables, layers.env_files, read_file, log)
    loader = _Loader(log, variables, read_file)
    whole = loader.load(data, file, 0)
    for name, text in layers.files:
        whole = merge(whole, loader.load(text, name, log.open(name)))
    return without_profiles(Cursor(bare(whole), "", log), layers.profiles), variables


@dataclass
class _Loader:
    """Reads files, each once; `open_files` are those whose includes are being read."""

    log: Log
    variables: Variables
    read_file: Callable[[str], str]
    read: int = 0
    open_files: list[str] = field(default_factory=list)

    def load(self, data: bytes | str, file: str, base: int) -> Value:
        """Return a file's mapping with variables put in, what it includes below it, and its services extended."""
        value = self._mapping(data, base)
        self.open_files.append(file)
        value = self._with_includes(Cursor(value, "", self.log))
        self.open_files.pop()
        return Extender(self.log, self._other).extend(value, file)

    def _mapping(self, data: bytes | str, base: int) -> Value:
        value = load_yaml(data, self.log, base, merges=True)
        if value.kind != "map":
            words = (
                "the file is empty" if value.kind == "null" else f"expected a mapping, got {describe(value)}"
            )
            self.log.add(value.line or base, words)
            self.log.raise_if_any()
        return interpolate(Cursor(value, "", self.log), self.variables)

    def _other(self, place: Cursor, path: str) -> Value | None:
        """Return the mapping of a file that another one names, or None; what is wrong with it is noted there."""
        self.read += 1
        if self.read > MOST_FILES:
            place.mistake(f"more than {MOST_FILES} files are named")
            return None
        try:
            text = self.read_file(path)
        except FileNotFoundError:
            place.mistake(f"no file {quoted(path)}")
            return None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "is it UTF-8 text?"
            place.mistake(f"cannot read {quoted(path)}: {reason}")
            return None
        return self._mapping(text, self.log.open(path))

    # --- include ---------------------------------------------------------------------------------

    def _with_includes(self, root: Cursor) -> Value:
        included = root.value.get("include")
        if included is None:
            return root.value
        place = next(root.at(entry) for entry in root.value.entries if entry.key == "include")
        own = tuple(entry for entry in root.value.entries if entry.key != "include")
        whole = replace(root.value, entries=own)
        for item, path in self._paths(place):
            other = self._include(item, path)
            if other is not None:
                whole = self._joined(item, path, whole, other)
        return whole

    def _paths(self, place: Cursor) -> Iterator[tuple[Cursor, str]]:
        for item in place.items():
            keys = self._long(item) if item.value.kind == "map" else {"path": item}
            if "path" not in keys:
                item.mistake('"path" is missing')
                continue
            for one in keys["path"].items_or_self():
                path = one.read(as_text(parse_env_path), "")
                if path:
                    yield one, path

    def _long(self, item: Cursor) -> dict[str, Cursor]:
        refused = {key.removeprefix("include[]."): word for key, word in KNOWN.items() if "include[]." in key}
        keys = item.section(("path", *refused))
        for key in [key for key in keys if key != "path"]:
            item.mistake(f"{quoted(key)} is {refused[key]}", keys[key].key_line)
        return keys

    def _include(self, place: Cursor, path: str) -> Value | None:
        if path in self.open_files:
            circle = " -> ".join([*self.open_files[self.open_files.index(path) :], path])
            place.mistake(f"files include one another in a circle: {circle}")
            return None
        value = self._other(place, path)
        if value is None:
            return None
        self.open_files.append(path)
        value = self._with_includes(Cursor(value, "", self.log))
        self.open_files.pop()
        return Extender(self.log, self._other).extend(value, path)

    def _joined(self, place: Cursor, path: str, whole: Value, other: Value) -> Value:
        """Return both as one; what both have is a mistake, as in Compose: include is not merge."""
        for section in _SHARED:
            ours, theirs = whole.get(section), other.get(section)
            there = {entry.key: entry.line for entry in ours.entries} if ours else {}
            for entry in theirs.entries if theirs else ():
                if entry.key in there:
                    where = self.log.place(there[entry.key])
                    place.mistake(
                        f"{quoted(path)} has {section}.{shown_key(entry.key)}, which is at {where} too"
                    )
        shared = tuple(entry for entry in other.entries if entry.key in _SHARED)
        return merge(replace(other, entries=shared), whole)
