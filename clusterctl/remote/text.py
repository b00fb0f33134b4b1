"""What a host said, made safe for a terminal (PROMISES I10). Pure; where it is shown is the cli's part.

A terminal obeys what it prints: escape sequences set titles, fill the clipboard, hide text; a carriage
return overwrites a line; bidirectional marks show words in another order than they are stored.
"""

from __future__ import annotations

import unicodedata

_KEPT = frozenset("\n\t")
# Cc: C0, DEL and C1. Cf: bidi marks, zero-width signs, tags. Cs: halves of pairs. Zl, Zp: line separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})


def printable(text: str | bytes) -> str:
    """Return `text` with everything a terminal might obey shown as an escape; newline and tab stay."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _is_safe(char) else _escape(char) for char in text)


def first_line(text: str | bytes, limit: int = 300) -> str:
    """Return the first line that is not blank, printable and cut at `limit` characters."""
    if isinstance(text, bytes):
        text = text[: 64 * 1024].decode("utf-8", "backslashreplace")
    line = next((line.strip() for line in text.split("\n") if line.strip()), "")
    shown = printable(line)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _is_safe(char: str) -> bool:
    return char in _KEPT or char == " " or unicodedata.category(char) not in _UNSAFE


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
