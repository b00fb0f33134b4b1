r"""The frame of an answer: which bytes of a script's output are ours, and whether all of it came.

A script prints control lines that begin with a nonce nobody on the host can guess beforehand::

    NONCE begin
    NONCE section NAME
    ...body, any bytes...
    NONCE end-section RC
    NONCE end RC

Each control line is printed as `\n` + line + `\n`. The leading newline belongs to the frame, so that a
body comes back byte for byte, with or without a final newline of its own, and so that a login shell's
banner cannot swallow `begin`. What the sections mean is in `facts` and in `script`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

# Exit codes of a command that timeout(1) ended: by itself, by KILL, by TERM.
TIMED_OUT = {124, 137, 143}
NONCE_PATTERN = re.compile(r"[0-9a-f]{32}")

# For scripts: expects NONCE to be set. `frame section NAME`, `frame end-section RC`, ...
FRAME_FUNCTION = r"""frame() { printf '\n%s %s\n' "$NONCE" "$*"; }
"""

_NAME = re.compile(rb"[A-Za-z0-9_.:@/+-]{1,255}")
_RC = re.compile(rb"[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class Section:
    """One part of an answer: its bytes, and the exit code of what produced them."""

    body: bytes
    rc: int

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are shown as escapes."""
        return self.body.decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Frame:
    """An answer taken apart. `complete` only if it began, ended, and nothing in between was torn."""

    sections: Mapping[str, Section] = field(default_factory=dict)
    rc: int | None = None
    complete: bool = False
    began: bool = False


def new_nonce() -> str:
    """Return 32 random hex digits."""
    return secrets.token_hex(16)


def parse_frame(stdout: bytes, nonce: str) -> Frame:
    """Return the sections of an answer; never raises, whatever the bytes are."""
    if not NONCE_PATTERN.fullmatch(nonce):
        raise ValueError("a nonce is 32 hex digits")
    reader = _Reader()
    control = re.compile(rb"(?:\A|\n)" + nonce.encode() + rb" ([^\n]{1,300})\n")
    for match in control.finditer(stdout):
        reader.take(match.group(1), stdout, match.start(), match.end())
        if reader.finished:
            break
    return Frame(reader.sections, reader.rc, complete=reader.finished and not reader.torn, began=reader.began)


class _Reader:
    """The state between control lines; anything out of order makes the frame torn."""

    def __init__(self) -> None:
        self.sections: dict[str, Section] = {}
        self.rc: int | None = None
        self.began = self.finished = self.torn = False
        self._open: str | None = None
        self._body_start = 0

    def take(self, line: bytes, stdout: bytes, start: int, end: int) -> None:
        word, _, rest = line.partition(b" ")
        if not self.began:
            self.began = line == b"begin"
        elif word == b"section" and self._open is None and self._is_new(rest):
            self._open, self._body_start = rest.decode(), end
        elif word == b"end-section" and self._open is not None and _RC.fullmatch(rest):
            self.sections[self._open] = Section(stdout[self._body_start : start], int(rest))
            self._open = None
        elif word == b"end" and self._open is None and _RC.fullmatch(rest):
            self.rc, self.finished = int(rest), True
        else:
            self.torn = True

    def _is_new(self, name: bytes) -> bool:
        return _NAME.fullmatch(name) is not None and name.decode() not in self.sections
