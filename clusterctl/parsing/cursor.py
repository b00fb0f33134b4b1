"""A place in a YAML file: typed reading that notes every mistake with file, line and path, and goes on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TypeVar

from clusterctl.parsing.words import LONGEST_QUOTE, Expected, Unfit, did_you_mean, quoted
from clusterctl.parsing.yaml import Log, load_yaml
from clusterctl.parsing.yaml_core import Entry, Value

T = TypeVar("T")
D = TypeVar("D")


def describe(value: Value) -> str:
    """Return what a value is, for "got ..."."""
    words = {"null": "nothing", "list": "a list", "map": "a mapping"}
    if value.kind in words:
        return words[value.kind]
    return quoted(value.text) if value.kind == "str" else quoted(value.text)[1:-1]


@dataclass(frozen=True, slots=True)
class Cursor:
    """A value, the dotted path to it, the log its mistakes go to, and the line of its key (0: none)."""

    value: Value
    path: str
    log: Log
    key_line: int = 0

    @property
    def line(self) -> int:
        """The line to name: a scalar's own, else that of the key above the mapping or list."""
        return self.key_line if self.key_line and self.value.kind in {"list", "map"} else self.value.line

    def mistake(self, message: str, line: int = 0) -> None:
        """Note a mistake at this place."""
        self.log.add(line or self.line, f"{self.path}: {message}" if self.path else message)

    def read(self, parser: Callable[[Value], T], default: D) -> T | D:
        """Return the parsed value; a mistake is noted and gives the default."""
        if self.value.mark == "lost":
            return default
        try:
            return parser(self.value)
        except Expected as error:
            self.mistake(error.got(describe(self.value)))
        except Unfit as error:
            self.mistake(str(error))
        return default

    def at(self, entry: Entry) -> Cursor:
        """Return the place of a key below this one."""
        name = shown_key(entry.key)
        return Cursor(entry.value, f"{self.path}.{name}" if self.path else name, self.log, entry.line)

    def items(self) -> Iterator[Cursor]:
        """Yield the places of a list."""
        if self.value.kind != "list":
            self.mistake(f"expected a list, got {describe(self.value)}")
        for index, item in enumerate(self.value.items):
            yield Cursor(item, f"{self.path}[{index}]", self.log)

    def items_or_self(self) -> Iterator[Cursor]:
        """Yield the places of a list, or this one where a single value stands for a list of one."""
        if self.value.kind == "list":
            yield from self.items()
        else:
            yield self

    def entries(self) -> Iterator[tuple[str, Cursor]]:
        """Yield keys and places of a mapping; nothing at all (null) is an empty mapping."""
        if self.value.kind not in {"map", "null"}:
            self.mistake(f"expected a mapping, got {describe(self.value)}")
        for entry in self.value.entries:
            yield entry.key, self.at(entry)

    def section(self, known: Collection[str]) -> dict[str, Cursor]:
        """Return the places of the known keys; any other key but `x-...` is a mistake."""
        found: dict[str, Cursor] = {}
        for entry in self.value.entries:
            if entry.key in known:
                found[entry.key] = self.at(entry)
            elif not entry.key.startswith("x-"):
                self.unknown(entry.key, entry.line, known)
        if self.value.kind not in {"map", "null"}:
            self.mistake(f"expected a mapping, got {describe(self.value)}")
        return found

    def unknown(self, key: str, line: int, known: Collection[str]) -> None:
        """Note a key that is not known here."""
        near = "" if self.log.is_full else did_you_mean(key, known)
        self.mistake(f"unknown key {quoted(key)}{near}", line)


def open_root(data: bytes | str, file: str) -> Cursor:
    """Return the place of a file's top-level mapping; raises InputError where it has none."""
    log = Log(file)
    root = Cursor(load_yaml(data, log), "", log)
    if root.value.kind != "map":
        empty = root.value.kind == "null"
        root.mistake("the file is empty" if empty else f"expected a mapping, got {describe(root.value)}")
        log.raise_if_any()
    return root


def shown_key(key: str) -> str:
    """Return a key as it stands in a path: as written where it is harmless, quoted otherwise."""
    plain = key.isascii() and key.isprintable() and " " not in key and 0 < len(key) <= LONGEST_QUOTE
    return key if plain else quoted(key)
