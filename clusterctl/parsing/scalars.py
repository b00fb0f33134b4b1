"""Single values: durations, sizes, percents, numbers, flags; text in, numbers out, `Expected` when wrong.

The `parse_...` functions take text (the command line uses them too); `as_text` makes one of them a parser
of a YAML value. Durations and sizes are those of the Compose Specification (sections "Specifying
durations" and "Specifying byte values"); sizes are binary multiples.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeVar

from clusterctl.parsing.words import Expected, Unfit, quoted
from clusterctl.parsing.yaml_core import Value, settled

T = TypeVar("T")

LONGEST_COMMAND = 65_536
LONGEST_DURATION_S = 365 * 86_400
LARGEST_SIZE_BYTES = 2**60
MOST_CPUS = 4096

_DURATION = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?(?:us|ms|s|m|h))+")
_DAYS = re.compile(r"([0-9]{1,9})d")
_DURATION_PART = re.compile(r"([0-9.]+)(us|ms|s|m|h)")
_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?) ?([kmgt]?)i?b?", re.IGNORECASE)
_SIZE_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9}")
_RATIO = re.compile(r"[01](?:\.[0-9]{1,9})?|\.[0-9]{1,9}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_OF_A_COMMAND = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def text_of(value: Value) -> str:
    """Return the text of a scalar as written, whatever YAML takes it for; true and null are no text."""
    if value.kind not in {"str", "int", "float"}:
        raise Expected("text")
    return value.text


def any_text_of(value: Value) -> str:
    """Return the text of any scalar as written; null gives the empty text."""
    if value.kind in {"list", "map"}:
        raise Expected("text")
    return "" if value.kind == "null" else value.text


def as_text(parser: Callable[[str], T]) -> Callable[[Value], T]:
    """Return a parser of YAML values from a parser of text."""

    def parse(value: Value) -> T:
        try:
            text = text_of(value)
        except Expected:
            text = ""
        return parser(text)

    return parse


def parse_line(text: str) -> str:
    """Return text that is not empty and holds no control characters."""
    if not text or _CONTROL.search(text):
        raise Expected("text of one line")
    return text


def parse_command(text: str) -> str:
    """Return a shell command, of one line or more; who runs it where is not decided here."""
    if not text.strip():
        raise Expected("a command")
    if _CONTROL_OF_A_COMMAND.search(text):
        raise Unfit("a command may hold no control characters but tabs and line breaks")
    if len(text) > LONGEST_COMMAND:
        raise Unfit(f"a command of more than {LONGEST_COMMAND} characters; copy a script and run it")
    return text


def flag_of(value: Value) -> bool:
    """Return true or false; `yes`, `on` and `"true"` are text."""
    flag = settled(value).data
    if not isinstance(flag, bool):
        raise Expected("true or false")
    return flag


def whole_number(least: int, most: int | None = None) -> Callable[[Value], int]:
    """Return a parser of whole numbers within bounds; `"3"` and `2.5` are none."""
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"

    def parse(value: Value) -> int:
        meant = settled(value)
        number = meant.data
        if meant.kind != "int" or not isinstance(number, int):
            raise Expected("a whole number" if least == 0 and most is None else f"a whole number {bounds}")
        if number < least or (most is not None and number > most):
            raise Expected(f"a whole number {bounds}")
        return number

    return parse


def one_of(*words: str) -> Callable[[Value], str]:
    """Return a parser that takes one of some words."""

    def parse(value: Value) -> str:
        if value.kind != "str" or value.text not in words:
            raise Expected(" or ".join(words))
        return value.text

    return parse


def parse_duration(text: str) -> float:
    """Return seconds from `1m30s`, `500ms`, `2h` or `0`; a number needs its unit."""
    if text == "0":
        return 0.0
    if not _DURATION.fullmatch(text):
        hint = "the unit is missing" if _NUMBER.fullmatch(text) else ""
        raise Expected("a duration such as 1m30s or 500ms", hint)
    seconds = math.fsum(float(number) * _UNITS_S[unit] for number, unit in _DURATION_PART.findall(text))
    if seconds > LONGEST_DURATION_S:
        raise Unfit(f"{text} is longer than a year")
    return round(seconds, 6)


def parse_age(text: str) -> float:
    """Return seconds from days (`30d`), or from any duration."""
    days = _DAYS.fullmatch(text)
    if not days:
        return parse_duration(text)
    if int(days[1]) > LONGEST_DURATION_S // 86_400:
        raise Unfit(f"{text} is longer than a year")
    return int(days[1]) * 86_400.0


def parse_some_duration(text: str) -> float:
    """Return seconds of a duration that is not zero."""
    seconds = parse_duration(text)
    if seconds <= 0:
        raise Expected("a duration longer than 0")
    return seconds


def parse_size(text: str) -> int:
    """Return bytes from `64m`, `1gb`, `512MiB` or `4096`; k, m, g, t are powers of 1024."""
    match = _SIZE.fullmatch(text) if text.isascii() else None
    if not match:
        raise Expected("a size such as 512m or 2g")
    size = int(float(match[1]) * 1024 ** _SIZE_POWERS[match[2].lower()])
    if size > LARGEST_SIZE_BYTES:
        raise Unfit(f"{quoted(text)} is more than any host has")
    return size


def parse_some_size(text: str) -> int:
    """Return bytes of a size that is not zero."""
    size = parse_size(text)
    if size <= 0:
        raise Expected("a size larger than 0")
    return size


def parse_percent(text: str) -> float:
    """Return the number of `10%`, from 0 to 100."""
    match = _PERCENT.fullmatch(text) if text.isascii() else None
    if not match or float(match[1]) > 100:
        raise Expected("a percentage from 0% to 100%")
    return float(match[1])


def parse_ratio(text: str) -> float:
    """Return a share from 0 to 1, such as 0.25."""
    if not text.isascii() or not _RATIO.fullmatch(text) or float(text) > 1:
        raise Expected("a ratio from 0 to 1, such as 0.25")
    return float(text)


def parse_cpus(text: str) -> float:
    """Return a number of processors such as `0.5`, `.5` or `4`."""
    if not text.isascii() or not _NUMBER.fullmatch(text) or not 0 < float(text) <= MOST_CPUS:
        raise Expected("a number of processors such as 0.5 or 4")
    return float(text)
