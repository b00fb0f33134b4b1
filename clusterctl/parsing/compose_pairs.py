"""What Compose writes as a mapping or as a list of NAME=VALUE: the pairs themselves, and labels."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clusterctl.parsing.compose_walk import Context
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.scalars import any_text_of, text_of
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
        text = value or ""
        if not _LABEL_KEY.fullmatch(key):
            error = Expected("a label key of letters, digits and . _ / - [ ]")
            place.mistake(error.got(quoted(key)), place.key_line)
        elif key.startswith(RESERVED_LABELS):
            place.mistake(f'labels that begin with "{RESERVED_LABELS}" belong to clusterctl', place.key_line)
        elif "\0" in text or "\n" in text or "\r" in text:
            place.mistake("a label may not hold NUL or a line break")
        else:
            labels[key] = text
    return labels
