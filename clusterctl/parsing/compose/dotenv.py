"""Env files as the Compose Specification writes them (section "env_file"): text in, variables out.

`$` outside single quotes is refused, since Compose would put a variable's value there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clusterctl.parsing.words import Unfit

MOST_CHARACTERS = 1_000_000
NO_VALUE = "has no value; values are not taken from the operator's environment, so write NAME=VALUE"

_SINGLE = re.compile(r"'((?:[^'\\]|\\.)*)'\s*(?:#.*)?")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_COMMENT = re.compile(r"\s#.*")

Line = tuple[int, str, str | Unfit]
"""Number, name, and the value or what is wrong with it."""


def parse_env_file(text: str, *, raw: bool = False) -> Iterator[Line]:
    """Yield each variable of an env file; a line that cannot be taken yields what is wrong with it.

    `raw` (Compose's `format: raw`): what is behind `=` is the value, quotes and `$` as they stand.
    """
    if len(text) > MOST_CHARACTERS:
        yield 0, "", Unfit(f"longer than {MOST_CHARACTERS} characters")
        return
    for number, written in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = written.removesuffix("\r").strip(" \t")
        if line and not line.startswith("#"):
            yield _parse_line(number, line, raw=raw)


def _parse_line(number: int, line: str, *, raw: bool) -> Line:
    name, mark, value = line.partition("=")
    name = name.removeprefix("export ").strip(" \t")
    if not mark:
        return number, name, Unfit(NO_VALUE)
    if raw:
        return number, name, value
    try:
        return number, name, _parse_value(value.strip(" \t"))
    except Unfit as error:
        return number, name, error


def _parse_value(text: str) -> str:
    if text.startswith("'"):
        return _inside(_SINGLE, text).replace("\\'", "'")
    if text.startswith('"'):
        return _ESCAPE.sub(_unescape, _without_variable(_inside(_DOUBLE, text)))
    return _without_variable(_COMMENT.sub("", f" {text}", count=1).strip(" \t"))


def _inside(quotes: re.Pattern[str], text: str) -> str:
    match = quotes.fullmatch(text)
    if not match:
        raise Unfit(f"the quote {text[0]} is not closed on its line, or text follows it")
    return match[1]


def _unescape(match: re.Match[str]) -> str:
    """Read an escape in double quotes; before other characters the backslash stays."""
    escaped = match[1]
    return _ESCAPES.get(escaped) or (escaped if escaped in '"\\$' else match[0])


def _without_variable(text: str) -> str:
    if "$" in re.sub(r"\\.", "", text):
        raise Unfit("variables are not supported yet; put a value that holds $ in single quotes")
    return text
