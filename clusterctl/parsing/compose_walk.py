"""How a Compose file is walked: one table of keys says what is read, everything else is a mistake.

The table itself is `compose_keys`; what other keys Compose has is `compose_known`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from clusterctl.model.inventory import Policy
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import quoted
from clusterctl.parsing.yaml_core import Value

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key:
    """A key we support: how it is read, and what there is to say about it."""

    read: Callable[[Cursor, Context], Any]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What readers need besides the file: the tables, env files, what is allowed, declared volumes."""

    keys: Mapping[str, Mapping[str, Key]]
    known: Mapping[str, Mapping[str, str]]
    read_file: Callable[[str], str]
    policy: Policy
    volumes: frozenset[str] = frozenset()


def by_section(table: Mapping[str, T]) -> dict[str, dict[str, T]]:
    """Return a table of dotted paths as section -> key -> what the table holds."""
    sections: dict[str, dict[str, T]] = {}
    for path, held in table.items():
        section, _, key = path.rpartition(".")
        sections.setdefault(section, {})[key] = held
    return sections


def read_section(cursor: Cursor, section: str, context: Context) -> dict[str, Any]:
    """Return what the keys of a mapping were read as; None stands for a mistake or for nothing."""
    supported, known = context.keys.get(section, {}), context.known.get(section, {})
    if cursor.value.kind not in {"map", "null"}:
        cursor.section(())
    found: dict[str, Any] = {}
    for entry in cursor.value.entries:
        if entry.key in supported:
            found[entry.key] = supported[entry.key].read(cursor.at(entry), context)
        elif entry.key in known:
            cursor.mistake(f"{quoted(entry.key)} is {known[entry.key]}", entry.line)
        elif not entry.key.startswith("x-"):
            cursor.unknown(entry.key, entry.line, [*supported, *known])
    return found


def value_of(parser: Callable[[Value], T]) -> Callable[[Cursor, Context], T | None]:
    """Return a reader from a parser of YAML values."""

    def read(cursor: Cursor, _context: Context) -> T | None:
        return cursor.read(parser, None)

    return read


def text_by(parser: Callable[[str], T]) -> Callable[[Cursor, Context], T | None]:
    """Return a reader from a parser of text."""
    return value_of(as_text(parser))
