"""How values enter a script that root runs: as a checked or quoted word, or as a here-document."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterable, Iterator

_SAFE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,200}")
# No line of a unit, an env file or a manifest begins with a digit.
_MARK = "0"
_LINE_BYTES = 76


def here(text: str, end: str) -> str:
    """Return a here-document: bytes pass as they are, nothing is expanded, nothing is in argv (I9).

    dash 0.5.12 loses a byte of a line that begins as the end mark begins and goes on beyond ASCII.
    """
    if "\0" in text or (text and not text.endswith("\n")):
        raise ValueError("a file for a host is text whose last line ends")
    if any(line.startswith(_MARK) and not line.isascii() for line in text.split("\n")):
        raise ValueError(f"a line for a host begins with {_MARK} and is not ASCII")
    return f" <<'{end}'\n{text}{end}"


def end_mark(nonce: str) -> str:
    """Return the line that ends the here-documents of a script."""
    return f"{_MARK}END-{nonce}"


def checked(pattern: re.Pattern[str], value: str) -> str:
    """Return a value that is wholly as the pattern wants it; raises ValueError."""
    if not pattern.fullmatch(value):
        raise ValueError(f"not fit for a script: {value!r}")
    return value


def safe(name: str) -> str:
    """Return a name that means nothing to a shell; raises ValueError."""
    return checked(_SAFE, name)


def text_of(lines: Iterable[str]) -> str:
    """Return lines as a text whose last line ends."""
    return "".join(f"{line}\n" for line in lines)


def one_line(text: str) -> str:
    """Return a text with single spaces for whatever parts its words."""
    return " ".join(text.split())


def quoted(text: str) -> str:
    """Return a text as one word of a shell; raises ValueError where it holds a NUL."""
    if "\0" in text:
        raise ValueError(f"not fit for a script: {text!r}")
    return shlex.quote(text)


def packed(content: bytes) -> Iterator[str]:
    """Yield bytes as lines of base64."""
    text = base64.b64encode(content).decode()
    return (text[at : at + _LINE_BYTES] for at in range(0, len(text), _LINE_BYTES))
