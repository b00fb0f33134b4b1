"""Strict YAML: bytes or text to one `Value`, or an error with lines. What keys mean is decided elsewhere.

UTF-8 only (a byte order mark is dropped); one document; no tags beyond the core ones; no key twice;
at most 10 MB, 1,000,000 values and 100 levels (bad-input rows 1 to 6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from clusterctl.errors import InputError, Mistake
from clusterctl.parsing.words import counted
from clusterctl.parsing.yaml_core import Value
from clusterctl.parsing.yaml_nodes import NodeBuilder, UnreadableError

MOST_BYTES = 10_000_000
MOST_MISTAKES = 100
_LINES = MOST_BYTES + 2
"""No file has so many lines."""

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UNWANTED = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Log:
    """The mistakes of a file, and of those that are merged with it, in the order found; beyond 100 they are only counted.

    Lines of a further file are counted on from the base that `open` gives, so that a line says which file it is of.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._files = [file]
        self.mistakes: list[Mistake] = []
        self.total = 0
        self.next_step = ""

    @property
    def is_full(self) -> bool:
        """Whether further mistakes are only counted."""
        return self.total >= MOST_MISTAKES

    def open(self, file: str) -> int:
        """Take in a further file, and return the base of its lines."""
        self._files.append(file)
        return (len(self._files) - 1) * _LINES

    def place(self, line: int) -> str:
        """Return `file:line` of a line."""
        return f"{self._files[line // _LINES]}:{line % _LINES}"

    def add(self, line: int, message: str, *, file: str = "") -> None:
        """Note a mistake, once."""
        index, line = divmod(line, _LINES)
        mistake = Mistake(file or self._files[index], line, message)
        if mistake in self.mistakes:
            return
        if not self.is_full:
            self.mistakes.append(mistake)
        self.total += 1

    def raise_if_any(self) -> None:
        """Raise InputError with all mistakes, if there are any."""
        if self.total:
            more = self.total - len(self.mistakes)
            raise InputError(
                f"{self.file} has {counted(self.total, 'mistake')}",
                mistakes=self.mistakes,
                details=[f"and {more} more"] if more else [],
                next_step=self.next_step,
            )


def parse_yaml(data: bytes | str, file: str, *, merges: bool = False) -> Value:
    """Return the value of the one document in the text; raises InputError with every mistake. `merges` as in `load_yaml`."""
    log = Log(file)
    value = load_yaml(data, log, merges=merges)
    log.raise_if_any()
    return value


def load_yaml(data: bytes | str, log: Log, base: int = 0, *, merges: bool = False) -> Value:
    """Return the document's value and note mistakes in `log`; raises InputError where it cannot go on.

    `base`: of the lines, as `Log.open` gives it. With `merges`, `!reset` and `!override` are taken.
    """
    builder = NodeBuilder(base, merges=merges)
    try:
        value = builder.build(_events(_decode(data)))
    except UnreadableError as error:
        log.add(error.line if error.line >= base else base + error.line, error.message)
        log.raise_if_any()
        raise
    for line, message in builder.mistakes:
        log.add(line, message)
    return value


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (-1, 0)
        hint = _hint(text, line, column) if "cannot start any token" in str(error.problem) else ""
        raise UnreadableError(line + 1, f"not valid YAML: {error.problem}{hint}") from None
    except yaml.YAMLError:
        raise UnreadableError(0, "not valid YAML") from None


def _hint(text: str, line: int, column: int) -> str:
    """Say what to do about a character that no value may begin with."""
    found = "".join(text.splitlines()[line : line + 1])[column : column + 1]
    if found == "\t":
        return ": indent with spaces, not with tabs"
    return f": put a value that begins with {found} in quotes" if found in {"@", "`", "%"} else ""


def _decode(data: bytes | str) -> str:
    if len(data) > MOST_BYTES:
        raise UnreadableError(0, f"larger than {MOST_BYTES // 1_000_000} MB")
    text = _decode_utf8(data) if isinstance(data, bytes) else data
    text = text.removeprefix("\ufeff")
    unwanted = _UNWANTED.search(text)
    if unwanted:
        line = text.count("\n", 0, unwanted.start()) + 1
        raise UnreadableError(
            line, f"the character U+{ord(unwanted[0]):04X} is not allowed; is this a text file?"
        )
    return text


def _decode_utf8(data: bytes) -> str:
    if data.startswith(_UTF16_MARKS):
        raise UnreadableError(0, "the file is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableError(line, "the file is not UTF-8") from None
