"""What a host said, made safe for a terminal (PROMISES I10). Pure; where it is shown is the cli's part.

A terminal obeys what it prints: escape sequences set titles, fill the clipboard, hide text; a carriage
return overwrites a line; bidirectional marks show words in another order than they are stored.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterator

PIECE_BYTES = 64 * 1024
_KEPT = frozenset("\n\t")
# Cc: C0, DEL and C1. Cf: bidi marks, zero-width signs, tags. Cs: halves of pairs. Zl, Zp: line separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})


def printable(text: str | bytes) -> str:
    """Return `text` with everything a terminal might obey shown as an escape; newline and tab stay."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_SHOWN)


def pieces(data: bytes) -> Iterator[str]:
    """Yield bytes as text, not made printable, a bounded piece at a time; what is no UTF-8 is escaped."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    for start in range(0, len(data), PIECE_BYTES):
        yield decoder.decode(data[start : start + PIECE_BYTES])
    yield decoder.decode(b"", final=True)


def first_line(text: str | bytes, limit: int = 300) -> str:
    """Return the first line that is not blank, printable and cut at `limit` characters."""
    if isinstance(text, bytes):
        text = text[: 64 * 1024].decode("utf-8", "backslashreplace")
    line = next((line.strip() for line in text.split("\n") if line.strip()), "")
    shown = printable(line)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _is_safe(char: str) -> bool:
    return char in _KEPT or char == " " or unicodedata.category(char) not in _UNSAFE


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class _Shown(dict[int, int | str]):
    """What a character is shown as, for str.translate, which needs no list of ten million characters; few are kept."""

    def __missing__(self, code: int) -> int | str:
        shown = code if _is_safe(chr(code)) else _escape(code)
        if code < _KEPT_CODES:
            self[code] = shown
        return shown


_KEPT_CODES = 0x3000
_SHOWN = _Shown()
