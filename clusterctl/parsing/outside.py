"""What a source of hosts needs from the machine we run on, as functions: parsing itself opens and runs nothing.

Also the log of a file that is read on the way: its mistakes are listed with those of the inventory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.yaml import Log
from clusterctl.parsing.yaml_core import Value


def _nothing(path: str) -> bytes:
    raise FileNotFoundError(2, "No such file or directory", path)


def _no_program(argv: Sequence[str], folder: str) -> str:
    raise OSError(f"{argv[0]} cannot be run in {folder}")


@dataclass(frozen=True, slots=True)
class Outside:
    """Files and programs. Paths are as written: relative ones belong to the inventory's folder, `~` is the home.

    `read`, `names_in` and `run` raise OSError; `glob` gives the files that a pattern means, in order, and `names_in`
    those of a folder, or none. `run` gives what a program printed, within its deadline and size.
    """

    read: Callable[[str], bytes] = _nothing
    glob: Callable[[str], Sequence[str]] = lambda _: ()
    run: Callable[[Sequence[str], str], str] = _no_program
    is_program: Callable[[str], bool] = lambda _: False
    home: str = "~"
    login: str = ""


class PartLog(Log):
    """The log of one file of several: mistakes are listed together with those of `whole`."""

    def __init__(self, file: str, whole: Log) -> None:
        super().__init__(file)
        self._whole = whole

    @property
    def is_full(self) -> bool:
        """Whether further mistakes are only counted."""
        return self._whole.is_full

    def add(self, line: int, message: str, *, file: str = "") -> None:
        """Note a mistake in the list of the whole."""
        self._whole.add(line, message, file=file or self.file)

    def raise_if_any(self) -> None:
        """Raise InputError with the mistakes of all files, if there are any."""
        self._whole.raise_if_any()


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """Something in a file that has no effect here; no mistake."""

    file: str
    line: int
    words: str

    def __str__(self) -> str:
        """Return it as it is shown."""
        return f"{self.file}:{self.line}: {self.words}" if self.line else f"{self.file}: {self.words}"


@dataclass(slots=True)
class Described:
    """What a source says about one host: keys as those of `hosts.NAME` in an inventory, each with its place.

    `refused`: what it says of a key and cannot be honoured; a mistake unless the inventory says something itself.
    """

    name: str
    place: Cursor
    keys: dict[str, Cursor] = field(default_factory=dict)
    labels: dict[str, Cursor] = field(default_factory=dict)
    ssh: dict[str, Cursor] = field(default_factory=dict)
    refused: dict[str, tuple[Cursor, str]] = field(default_factory=dict)

    def beneath(self, other: Described) -> Described:
        """Return both in one, `other` before this."""
        return Described(
            other.name,
            other.place,
            {**self.keys, **other.keys},
            {**self.labels, **other.labels},
            {**self.ssh, **other.ssh},
            {**{key: why for key, why in self.refused.items() if key not in other.keys}, **other.refused},
        )


def scalar(text: str, line: int, log: Log, path: str = "") -> Cursor:
    """Return the place of a value that stands in a file which is no YAML."""
    return Cursor(Value("str", line, text, text), path, log, line)


def flag(text: str, line: int, log: Log, path: str = "") -> Cursor:
    """Return the place of a `yes` or `no` of ssh_config(5), as true or false; any other word stays text."""
    wanted = {"yes": True, "true": True, "no": False, "false": False}.get(text.lower())
    if wanted is None:
        return scalar(text, line, log, path)
    return Cursor(Value("bool", line, wanted, str(wanted).lower()), path, log, line)


def listed(texts: Sequence[str], line: int, log: Log, path: str = "") -> Cursor:
    """Return the place of several values."""
    items = tuple(Value("str", line, text, text) for text in texts)
    return Cursor(Value("list", line, items=items), path, log, line)


def decoded(data: bytes, log: Log) -> str:
    """Return the text of a file, whose lines may end in CR LF; a mistake gives the empty text."""
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        log.add(data.count(b"\n", 0, error.start) + 1, "the file is not UTF-8")
        return ""
    if "\0" in text:
        log.add(text.count("\n", 0, text.index("\0")) + 1, "a NUL character; is this a text file?")
        return ""
    return text.replace("\r\n", "\n")
