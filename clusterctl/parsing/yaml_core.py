"""What a plain YAML scalar means: the core schema of YAML 1.2.2 (section 10.3.2), and the value type.

`no`, `on`, `22:22` and `1_000` are text here, `012` is twelve, `0o14` is octal. The source text of every
scalar is kept, because `1.10` is a float to YAML and a version to a person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["null", "bool", "int", "float", "str", "list", "map"]
Scalar = None | bool | int | float | str

LONGEST_NUMBER = 40
"""A longer row of digits is text: no port, size or count needs it, and int() of it is slow."""

TAG = "tag:yaml.org,2002:"
CORE_TAGS: dict[str, Kind] = {
    f"{TAG}null": "null",
    f"{TAG}bool": "bool",
    f"{TAG}int": "int",
    f"{TAG}float": "float",
    f"{TAG}str": "str",
    f"{TAG}seq": "list",
    f"{TAG}map": "map",
}

_CONSTANTS: dict[str, tuple[Kind, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), ("null", None)),
    **dict.fromkeys(("true", "True", "TRUE"), ("bool", True)),
    **dict.fromkeys(("false", "False", "FALSE"), ("bool", False)),
    **{
        f"{sign}{word}": ("float", float(f"{sign}inf"))
        for sign in ("", "+", "-")
        for word in (".inf", ".Inf", ".INF")
    },
    **dict.fromkeys((".nan", ".NaN", ".NAN"), ("float", float("nan"))),
}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEXADECIMAL = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping with its line, and its value."""

    key: str
    line: int
    value: Value


@dataclass(frozen=True, slots=True)
class Value:
    """A node of a YAML file: its kind, what it means, the line it begins on, and its text as written.

    `mark`: `reset` or `override`, the tags of Compose's merge; or `variable`, text that a variable's value is part of,
    which means what it would mean if it stood there unquoted (`settled`); or `lost`: what it is cannot be said, as was
    noted already.
    """

    kind: Kind
    line: int
    data: Scalar = None
    text: str = ""
    items: tuple[Value, ...] = ()
    entries: tuple[Entry, ...] = ()
    mark: Literal["", "reset", "override", "variable", "lost"] = ""

    def get(self, key: str) -> Value | None:
        """Return the value of a key of a mapping, if it is there."""
        return next((entry.value for entry in self.entries if entry.key == key), None)


def settled(value: Value) -> Value:
    """Return the value as a number or flag where its text came from a variable and is one; others as they are."""
    if value.mark != "variable" or not value.text:
        return value
    kind, data = resolve_plain(value.text)
    return replace(value, kind=kind, data=data)


def resolve_plain(text: str) -> tuple[Kind, Scalar]:
    """Return what an unquoted scalar means."""
    known = _CONSTANTS.get(text)
    if known is not None:
        return known
    if not text[0].isascii() or text[0] not in "+-.0123456789" or len(text) > LONGEST_NUMBER:
        return "str", text
    return _resolve_number(text)


def _resolve_number(text: str) -> tuple[Kind, Scalar]:
    if _DECIMAL.fullmatch(text):
        return "int", int(text)
    if _OCTAL_OR_HEXADECIMAL.fullmatch(text):
        return "int", int(text, 0)
    if _FLOAT.fullmatch(text):
        return "float", float(text)
    return "str", text
