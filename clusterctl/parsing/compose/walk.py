"""How a Compose file is walked: one table of keys says what is read, everything else is a mistake.

The table itself is `compose.keys`; what other keys Compose has is `compose.known`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from clusterctl.model.inventory import Policy
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import LONGEST_QUOTE, quoted
from clusterctl.parsing.yaml_core import Value

T = TypeVar("T")

SERVICE = "services.*"
ALL_KEYS = "docs/compose-support.md says of every key whether it is supported. Nothing was contacted."

_SLIP = 0.85
_FAR = 3
_BEGINNING = 6


@dataclass(frozen=True, slots=True)
class Key:
    """A key we support: how it is read, and what there is to say about it."""

    read: Callable[[Cursor, Context], Any]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What readers need besides the file: the tables, env files, variables, what is allowed, what is declared."""

    keys: Mapping[str, Mapping[str, Key]]
    known: Mapping[str, Mapping[str, str]]
    read_file: Callable[[str], str]
    policy: Policy
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    volumes: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    files: Mapping[str, frozenset[str]] = field(default_factory=dict)


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
            cursor.log.next_step = ALL_KEYS
            cursor.mistake(f"{quoted(entry.key)} is {known[entry.key]}", entry.line)
        elif not entry.key.startswith("x-"):
            cursor.log.next_step = ALL_KEYS
            cursor.unknown(entry.key, entry.line, [*supported, *known])
        else:
            _check_extension(entry.key, cursor, entry.line, context)
    return found


def _check_extension(key: str, cursor: Cursor, line: int, context: Context) -> None:
    """Note an extension that is nearly one of ours, or one of ours in the wrong place; others mean nothing to us.

    At the top of a file everything is left alone: that is where people keep anchors.
    """
    if not cursor.path or cursor.log.is_full:
        return
    ours = [known for known in context.keys.get(SERVICE, {}) if known.startswith("x-")]
    near = next((known for known in ours if is_slip_of(key, known)), "")
    if not near:
        return
    if key in ours:
        cursor.mistake(f"{quoted(key)} belongs to the service itself, beside image", line)
    else:
        cursor.mistake(f'unknown key {quoted(key)}; did you mean "{near}"?', line)


def is_slip_of(word: str, known: str) -> bool:
    """Say whether a word is so near another that it must be a slip: stricter than for "did you mean"."""
    small = word[:LONGEST_QUOTE].lower()
    if small[:_BEGINNING] == known[:_BEGINNING]:
        return True
    if abs(len(small) - len(known)) > _FAR or len(set(small) & set(known)) < len(set(known)) - 2:
        return False
    return difflib.SequenceMatcher(None, small, known).ratio() >= _SLIP


def value_of(parser: Callable[[Value], T]) -> Callable[[Cursor, Context], T | None]:
    """Return a reader from a parser of YAML values."""

    def read(cursor: Cursor, _context: Context) -> T | None:
        return cursor.read(parser, None)

    return read


def text_by(parser: Callable[[str], T]) -> Callable[[Cursor, Context], T | None]:
    """Return a reader from a parser of text."""
    return value_of(as_text(parser))
