r"""What systemd makes of an Exec line: a second, independent reading of the rules, for tests.

Written from systemd.service(5) "Command lines", systemd.syntax(7) "Quoting" and systemd.unit(5)
"Specifiers", not from `planning.quoting`: split into words on blanks, quotes only around whole items,
C escapes inside and outside quotes, then `%%` (any other specifier is an error here), then `$$` (any
other `$` is an error here, since our units use no variables).
"""

from __future__ import annotations

import re

_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
    "s": " ",
}
_CODES = {"x": 2, "u": 4, "U": 8}


def read_exec_line(line: str) -> list[str]:
    """Return the argv systemd would run; raises ValueError for what it would refuse or expand."""
    if "\n" in line or "\0" in line:
        raise ValueError("a line has one line")
    if any(0xFDD0 <= ord(char) < 0xFDF0 or ord(char) & 0xFFFE == 0xFFFE for char in line):
        raise ValueError("a line with a noncharacter is ignored (heard of systemd 252, `make fuzz`)")
    return [_expand(word.encode(errors="surrogateescape").decode()) for word in _split(line)]


def _split(line: str) -> list[str]:
    words: list[str] = []
    rest = line.lstrip(" \t")
    while rest:
        if re.match(r"\\?;(?:[ \t]|$)", rest):
            raise ValueError("a lone ; ends a command")
        word, rest = _take_word(rest)
        words.append(word)
        rest = rest.lstrip(" \t")
    return words


def _take_word(text: str) -> tuple[str, str]:
    quote, out, k = "", "", 0
    while k < len(text):
        char = text[k]
        if char == "\\":
            piece, k = _escape(text, k + 1)
            out += piece
            continue
        if quote and char == quote:
            quote = ""
            if k + 1 < len(text) and text[k + 1] not in " \t":
                raise ValueError("a quote ends in the middle of a word")
        elif not quote and char in "\"'":
            if k:
                raise ValueError("a quote begins in the middle of a word")
            quote = char
        elif not quote and char in " \t":
            return out, text[k:]
        else:
            out += char
        k += 1
    if quote:
        raise ValueError("a quote is never closed")
    return out, ""


def _escape(text: str, k: int) -> tuple[str, int]:
    if k >= len(text):
        raise ValueError("a backslash at the end")
    letter = text[k]
    if letter in _SIMPLE:
        return _SIMPLE[letter], k + 1
    if letter in _CODES:
        digits = text[k + 1 : k + 1 + _CODES[letter]]
        if not re.fullmatch(f"[0-9a-fA-F]{{{_CODES[letter]}}}", digits):
            raise ValueError(f"bad escape {digits!r}")
        code = int(digits, 16)
        return chr(code + 0xDC00 if letter == "x" and code >= 0x80 else code), k + 1 + _CODES[letter]
    if re.match("[0-7]{3}", text[k:]):
        return chr(int(text[k : k + 3], 8)), k + 3
    raise ValueError(f"unknown escape \\{letter}")


def _expand(word: str) -> str:
    for mark in "%$":
        if re.search(re.escape(mark), word.replace(mark * 2, "")):
            raise ValueError(f"{mark} would be expanded")
        word = word.replace(mark * 2, mark)
    return word
