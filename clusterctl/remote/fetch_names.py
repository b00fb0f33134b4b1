"""Where the files that a host sends go: plain names below one folder, each only once, through no link. Used by `fetch`."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from clusterctl.remote.text import first_line, printable

DEEPEST = 100


class BadStreamError(Exception):
    """What the host sends is not taken, and why."""


@dataclass(frozen=True, slots=True)
class Header:
    """The line before a file or folder; `size` in bytes."""

    kind: str
    mode: int
    size: int
    name: bytes


@dataclass(slots=True)
class Names:
    """The places of names below our folder; each only once, and none that could not be put there."""

    folder: Path
    files: set[Path] = field(default_factory=set)
    folders: set[Path] = field(default_factory=set)
    above: set[Path] = field(default_factory=set)

    def place(self, header: Header) -> Path:
        """Return where it goes; raises BadStreamError."""
        text, is_file = os.fsdecode(header.name), header.kind == "F"
        parts = PurePosixPath(text).parts
        if not _stays_below(text, parts):
            raise BadStreamError(f"the host names a file {first_line(header.name)!r}")
        if len(parts) > DEEPEST:
            raise BadStreamError(f"{first_line(header.name)}: deeper than {DEEPEST} folders")
        place = self.folder.joinpath(*parts)
        above = set(list(place.parents)[: len(parts) - 1])
        if self._is_taken(place, above, is_file=is_file):
            raise BadStreamError(f"the host names {first_line(header.name)!r} twice")
        self._look_here(place, above - self.above, is_file=is_file)
        (self.files if is_file else self.folders).add(place)
        self.above |= above
        return place

    def _is_taken(self, place: Path, above: set[Path], *, is_file: bool) -> bool:
        """Whether the stream itself has something else there, or a file above it."""
        if place in self.files or place in self.folders or above & self.files:
            return True
        return is_file and place in self.above

    def _look_here(self, place: Path, above: set[Path], *, is_file: bool) -> None:
        """Refuse what is here already and in the way."""
        for each in (*above, place):
            kind = _kind_of(each)
            if kind == stat.S_IFLNK:
                raise BadStreamError(f"{printable(str(each))}: is a symbolic link here; not followed")
            wanted = stat.S_IFREG if is_file and each == place else stat.S_IFDIR
            if kind not in {0, wanted}:
                what = "file" if wanted == stat.S_IFREG else "folder"
                raise BadStreamError(f"{printable(str(each))}: is here already, and no {what}")


def _kind_of(place: Path) -> int:
    """Return the file type (stat(2)) of what is here, 0 for nothing."""
    try:
        return stat.S_IFMT(place.lstat().st_mode)
    except FileNotFoundError:
        return 0


def _stays_below(text: str, parts: tuple[str, ...]) -> bool:
    """Whether a name leads nowhere else, and has no control marks; bytes that are no UTF-8 are the host's business."""
    if not parts or text.startswith("/") or any(part in {"..", "."} for part in parts):
        return False
    return "".join(char for char in text if not "\udc80" <= char <= "\udcff").isprintable()
