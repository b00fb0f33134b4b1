"""What Compose writes as a mapping or as a list of NAME=VALUE: the pairs themselves, and labels."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clusterctl.parsing.compose.walk import Context
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.paths import parse_path_beside
from clusterctl.parsing.scalars import any_text_of, as_text, text_of
from clusterctl.parsing.words import Expected, quoted

RESERVED_LABELS = "io.clusterctl."

_LABEL_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/\[\]-]{0,253}[A-Za-z0-9\]])?")


def read_pairs(cursor: Cursor) -> Iterator[tuple[Cursor, str, str | None]]:
    """Yield place, name and value of each pair; a name without a value yields None, a second one is a mistake."""
    seen: set[str] = set()
    for place, name, value in _listed(cursor) if cursor.value.kind == "list" else _mapped(cursor):
        if name in seen:
            place.mistake(f"{quoted(name)} is there twice")
        seen.add(name)
        yield place, name, value


def _listed(cursor: Cursor) -> Iterator[tuple[Cursor, str, str | None]]:
    for item in cursor.items():
        text = item.read(text_of, None)
        if text is not None:
            name, mark, value = text.partition("=")
            yield item, name, value if mark else None


def _mapped(cursor: Cursor) -> Iterator[tuple[Cursor, str, str | None]]:
    for name, place in cursor.entries():
        yield place, name, place.read(any_text_of, "") if place.value.kind != "null" else None


def read_labels(cursor: Cursor, _context: Context) -> dict[str, str]:
    """Read `labels:`; a key alone has the empty value."""
    labels: dict[str, str] = {}
    for place, key, value in read_pairs(cursor):
        problem = _label_problem(key, value or "")
        if problem:
            place.mistake(problem, 0 if problem.startswith("a label may") else place.key_line)
        else:
            labels[key] = value or ""
    return labels


def _label_problem(key: str, text: str) -> str:
    if not _LABEL_KEY.fullmatch(key):
        return Expected("a label key of letters, digits and . _ / - [ ]").got(quoted(key))
    if key.startswith(RESERVED_LABELS):
        return f'labels that begin with "{RESERVED_LABELS}" belong to clusterctl'
    if "\0" in text or "\n" in text or "\r" in text:
        return "a label may not hold NUL or a line break"
    return ""


def read_label_files(cursor: Cursor, context: Context) -> dict[str, str]:
    """Read `label_file:`, a path or a list of them, lines of NAME=VALUE; of two values the later one counts."""
    labels: dict[str, str] = {}
    for item in cursor.items_or_self():
        path = item.read(as_text(parse_path_beside), None)
        if path:
            labels |= _take_labels(item, path, read_text(item, path, context) or "")
    return labels


def _take_labels(place: Cursor, path: str, text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, _, value = line.strip().partition("=")
        if not name or name.startswith("#"):
            continue
        problem = _label_problem(name, value)
        if problem:
            place.log.add(number, problem, file=path)
        else:
            labels[name] = value
    return labels


def read_text(place: Cursor, path: str, context: Context) -> str | None:
    """Return the text of a file beside the playbook; where it cannot be read that is noted."""
    try:
        return context.read_file(path)
    except FileNotFoundError:
        place.mistake(f"no file {quoted(path)}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is it UTF-8 text?"
        place.mistake(f"cannot read {quoted(path)}: {reason}")
    return None
