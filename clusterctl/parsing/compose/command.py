"""`command` and `entrypoint`: the words a container is started with, exactly as written (bad-input row 17)."""

from __future__ import annotations

import shlex

from clusterctl.parsing.compose.walk import Context
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.scalars import text_of
from clusterctl.parsing.words import Expected, Unfit
from clusterctl.parsing.yaml_core import Value


def read_words(cursor: Cursor, _context: Context) -> tuple[str, ...] | None:
    """Read a list as it is; text is cut into words by the shell's rules, without a shell."""
    if cursor.value.kind == "null":
        return None
    if cursor.value.kind == "list":
        words = read_arguments(cursor)
        return words if len(words) == len(cursor.value.items) else None
    return cursor.read(_split, None)


def read_arguments(cursor: Cursor) -> tuple[str, ...]:
    """Read a list of arguments."""
    words = [item.read(_argument, None) for item in cursor.items()]
    return tuple(word for word in words if word is not None)


def _argument(value: Value) -> str:
    text = text_of(value)
    if "\0" in text:
        raise Unfit("an argument may not hold NUL")
    return text


def _split(value: Value) -> tuple[str, ...]:
    if value.kind != "str":
        raise Expected("text or a list")
    try:
        return tuple(shlex.split(_argument(value)))
    except Unfit:
        raise
    except ValueError as error:
        raise Unfit(f"cannot be cut into words: {str(error).lower()}") from None
