"""The one serializer of words into systemd unit files.

Decides how a word is written so that systemd hands the very same bytes on: `%` and `$` doubled,
quotes, backslashes, control characters and noncharacters escaped in C style (systemd.service(5)
"Command lines", systemd.syntax(7)). What cannot be expressed (NUL) is refused. Shell words are quoted by
`shlex.quote`, as everywhere.
"""

from __future__ import annotations

import re

from clusterctl.errors import InputError

_PLAIN = re.compile(r"[A-Za-z0-9_./:=@,+-]+")
# What Unicode calls noncharacters: systemd takes a line that holds one for invalid UTF-8, and ignores it whole.
_NONCHARACTERS = (
    *range(0xFDD0, 0xFDF0),
    *(plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF)),
)
_BY_BYTES = {
    chr(code): "".join(f"\\x{byte:02x}" for byte in chr(code).encode())
    for code in (*range(0x20), 0x7F, *_NONCHARACTERS)
}
_ESCAPES: dict[str, str] = _BY_BYTES | {
    "\\": "\\\\",
    '"': '\\"',
    "%": "%%",
    "$": "$$",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
_TABLE = str.maketrans(_ESCAPES)


def quote_word(word: str) -> str:
    r"""Return `word` as one word of an Exec line; raises InputError for NUL.

    A new line becomes the two characters `\n`, so no value can ever begin a new directive.
    """
    if "\0" in word:
        raise InputError(
            f"a command word holds a NUL byte: {word!r}", next_step="remove it; no program can receive it."
        )
    if _PLAIN.fullmatch(word):
        return word
    return f'"{word.translate(_TABLE)}"'


def quote_line(words: list[str]) -> str:
    """Return words as one Exec line. The first is the program and must be an absolute path."""
    return " ".join(quote_word(word) for word in words)


def plain_value(value: str) -> str:
    """Return `value` for a directive that takes text (Description): specifiers doubled, one line."""
    return " ".join(value.replace("%", "%%").split())
