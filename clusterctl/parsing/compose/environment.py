"""`environment` and `env_file`: values as written; a name alone has that of the playbook's variable (ADR 0028).

They reach the container by docker's env file, so what that cannot carry is refused (bad-input row 16).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clusterctl.parsing.compose.dotenv import Line, parse_env_file
from clusterctl.parsing.compose.pairs import read_pairs
from clusterctl.parsing.compose.variables import why_not_set
from clusterctl.parsing.compose.walk import Context, read_section
from clusterctl.parsing.cursor import Cursor, shown_key
from clusterctl.parsing.names import parse_variable_name
from clusterctl.parsing.scalars import as_text, parse_line
from clusterctl.parsing.words import Expected, Unfit, quoted

LONGEST_ENTRY = 60_000
"""Docker's CLI reads env files by lines and stops at one of 64 KiB (Go's bufio.Scanner)."""


def read_environment(cursor: Cursor, context: Context) -> dict[str, str]:
    """Read `environment:`."""
    environment: dict[str, str] = {}
    for place, name, written in read_pairs(cursor):
        value = context.variables.get(name) if written is None else written
        problem = find_problem(name, value or "")
        if value is None and not problem:
            problem = why_not_set(name, context.variables)
        if problem:
            place.mistake(problem)
        elif value is not None:
            environment[name] = value
    return environment


def find_problem(name: str, value: str) -> str:
    """Return why a variable cannot be passed by an env file, or nothing."""
    try:
        parse_variable_name(name)
    except Expected as error:
        return error.got(quoted(name))
    if "\0" in value or "\n" in value or value.endswith("\r"):
        return "the value holds NUL or a line break, which cannot be passed by an env file"
    if len(name.encode()) + len(value.encode()) > LONGEST_ENTRY:
        return f"the value is longer than {LONGEST_ENTRY} bytes, which cannot be passed by an env file"
    return ""


def read_env_files(cursor: Cursor, context: Context) -> dict[str, str]:
    """Read `env_file:`, a path or a list of them; of two values for a name the later one counts."""
    environment: dict[str, str] = {}
    for item in cursor.items_or_self():
        keys = _read_entry(item, context)
        if keys.get("path"):
            environment |= _read_file(item, keys["path"], context, keys)
    return environment


def _read_entry(item: Cursor, context: Context) -> dict[str, Any]:
    if item.value.kind != "map":
        return {"path": item.read(as_text(parse_env_path), None)}
    if item.value.get("path") is None:
        item.mistake('"path" is missing')
    return read_section(item, "services.*.env_file[]", context)


def parse_env_path(text: str) -> str:
    """Return the path of a file that a playbook names, which lies beside it or below."""
    if parse_line(text).startswith(("/", "~")) or ".." in text.split("/") or "://" in text:
        raise Unfit("it must lie in the playbook's folder or below")
    return text


def _read_file(place: Cursor, path: str, context: Context, keys: dict[str, Any]) -> dict[str, str]:
    try:
        text = context.read_file(path)
    except FileNotFoundError:
        if keys.get("required") is not False:
            place.mistake(f"no file {quoted(path)}")
        return {}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is it UTF-8 text?"
        place.mistake(f"cannot read {quoted(path)}: {reason}")
        return {}
    return _take_lines(place, path, parse_env_file(text, raw=keys.get("format") == "raw"))


def _take_lines(place: Cursor, path: str, lines: Iterable[Line]) -> dict[str, str]:
    environment: dict[str, str] = {}
    for number, name, value in lines:
        problem = str(value) if isinstance(value, Unfit) else find_problem(name, value)
        if problem:
            place.log.add(number, f"{shown_key(name)}: {problem}" if number else problem, file=path)
        elif isinstance(value, str):
            environment[name] = value
    return environment
