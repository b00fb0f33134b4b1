"""The JSON Schema of a playbook, for editors: made from the tables that the parser reads by, so that it knows the same keys.

What is refused is in it too, with the reason, so that an editor shows why. A value may hold a variable (`${NAME}`) everywhere
but in steps. What needs the whole file, or the inventory, only the parser says.
"""

from __future__ import annotations

from typing import Any

from clusterctl.parsing.compose.forms import SHORT, TEXT, form_of
from clusterctl.parsing.compose.keys import SUPPORTED
from clusterctl.parsing.compose.known import KNOWN
from clusterctl.parsing.steps.keys import STEP_KEYS, VERBS, Verb

Schema = dict[str, Any]

_EXTENSIONS: Schema = {"^x-": {}}
_ARGUMENT: Schema = {"type": ["string", "number", "boolean", "null"]}


def playbook_schema() -> Schema:
    """Return the schema (draft 7): of services, of steps, or of both in one file, or of a part that -f lays over another."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "clusterctl playbook",
        **_mapping(""),
        "type": "object",
    }


def _mapping(path: str) -> Schema:
    """Return the form of a mapping whose keys the tables name."""
    return {
        "type": ["object", "null"],
        "properties": {key: _key(_below(path, key)) for key in _keys_of(path)},
        "patternProperties": _EXTENSIONS,
        "additionalProperties": False,
    }


def _keys_of(path: str) -> list[str]:
    tables = (*SUPPORTED, *KNOWN)
    return sorted(key for section, _, key in (one.rpartition(".") for one in tables) if section == path)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _key(path: str) -> Schema:
    """Return what may stand at a key."""
    if path in KNOWN:
        why = KNOWN[path]
        return {"type": "null", "description": why, "errorMessage": why, "doNotSuggest": True}
    form = _steps() if path == "steps" else _value(path)
    doc = SUPPORTED[path].doc if path in SUPPORTED else ""
    return {**form, "description": doc} if doc else form


def _value(path: str) -> Schema:
    """Return the form of a value: what is short, what the keys below it say, or what the table of forms says."""
    ways = [SHORT[path]] if path in SHORT else []
    if _keys_of(f"{path}[]"):
        ways.append({"type": ["array", "null"], "items": _one(f"{path}[]")})
    if _keys_of(f"{path}.*"):
        ways.append({"type": ["object", "null"], "additionalProperties": _one(f"{path}.*")})
    if _keys_of(path):
        ways.append(_mapping(path))
    return _any(ways) if ways else form_of(path)


def _one(path: str) -> Schema:
    """Return the form of one item of a list, or of one of the mapping that people name."""
    return _any([SHORT[path], _mapping(path)] if path in SHORT else [_mapping(path)])


def _any(ways: list[Schema]) -> Schema:
    return ways[0] if len(ways) == 1 else {"anyOf": ways}


def _steps() -> Schema:
    keys: Schema = dict.fromkeys(STEP_KEYS, TEXT)
    for name, verb in VERBS.items():
        keys[name] = _verb(verb)
    step: Schema = {
        "type": "object",
        "properties": keys,
        "patternProperties": _EXTENSIONS,
        "additionalProperties": False,
        "oneOf": [{"required": [name]} for name in VERBS],
    }
    return {"type": "array", "minItems": 1, "items": step}


def _verb(verb: Verb) -> Schema:
    """Return the form of what a verb takes: its arguments, and plain text where that stands for one of them."""
    arguments: Schema = {
        "type": "object" if verb.needed else ["object", "null"],
        "properties": dict.fromkeys(verb.arguments, _ARGUMENT),
        "patternProperties": _EXTENSIONS,
        "additionalProperties": False,
        "required": list(verb.needed),
    }
    return _any([TEXT, arguments] if verb.short else [arguments])
