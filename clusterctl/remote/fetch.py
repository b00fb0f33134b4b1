"""Files and folders from a host over one command's stdout (the stream is told in `copy`): whole, or not at all.

What a host sends is taken for an attack until it has ended well: so much a file and in all, so deep, within its
time, under plain names below our folder. Nothing is unpacked and no link is followed or made.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from pathlib import Path

import paramiko

from clusterctl.remote.channel import end_input, leave
from clusterctl.remote.copy import (
    CHUNK_BYTES,
    END,
    LONGEST_LINE,
    MOST_FILE_BYTES,
    MOST_FILES,
    MOST_TOTAL_BYTES,
    Copied,
    as_asked,
    broken_off,
    in_time,
)
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.fetch_names import BadStreamError, Header, Names
from clusterctl.remote.ssh import Connection
from clusterctl.remote.text import first_line, printable

_HEADER = re.compile(rb"(?P<kind>[FDL]) (?P<mode>[0-7]{1,6}) (?P<size>[0-9]{1,20}) (?P<name>.+)", re.DOTALL)

# Arguments: the file or folder. Links and other things are only named.
_SEND = r"""
LC_ALL=C; export LC_ALL; from=$1
fail() { printf '%s\n' "$1" >&2; exit 1; }
[ -e "$from" ] || fail "$from: is not there"
cd -- "$(dirname -- "$from")" || fail "$from: is not to be reached"
name=$(basename -- "$from")
[ -d "$name" ] || [ -f "$name" ] || fail "$name: is neither a file nor a folder"
if [ -L "$name" ]; then name=$(readlink -e -- "$name") && cd -- "$(dirname -- "$name")" && name=$(basename -- "$name"); fi
find "./$name" -xdev ! -name '*
*' -print | while IFS= read -r path; do
  if [ -L "$path" ] || { [ ! -d "$path" ] && [ ! -f "$path" ]; }; then printf 'L 0 0 %s\n' "${path#./}"; continue; fi
  if [ -d "$path" ]; then printf 'D %s 0 %s\n' "$(stat -c %a -- "$path")" "${path#./}"; continue; fi
  size=$(stat -c %s -- "$path") && [ -r "$path" ] || { printf '%s: cannot be read\n' "$path" >&2; exit 1; }
  if [ "$size" = 0 ] && [ "$(head -c 1 -- "$path" | wc -c)" != 0 ] && [ "$(stat -c %s -- "$path")" = 0 ]; then
    printf '%s: tells no size, so it is not copied: exec shows it, with cat\n' "$path" >&2; exit 1
  fi
  printf 'F %s %s %s\n' "$(stat -c %a -- "$path")" "$size" "${path#./}"
  head -c "$size" -- "$path"
done && printf 'E 0 0 end\n'
"""


class Room:
    """The bytes that may still come, from all hosts of one copy together."""

    def __init__(self, left_bytes: int = MOST_TOTAL_BYTES) -> None:
        self._left_bytes = left_bytes
        self._lock = threading.Lock()

    def take(self, size_bytes: int) -> bool:
        """Return whether there is room for a file, which then has it."""
        with self._lock:
            fits = size_bytes <= self._left_bytes
            self._left_bytes -= size_bytes if fits else 0
            return fits

    def give_back(self, size_bytes: int) -> None:
        """Take back the room of what was not kept."""
        with self._lock:
            self._left_bytes += size_bytes


def fetch(
    connection: Connection,
    source: str,
    folder: str,
    deadline_s: float,
    *,
    as_root: bool,
    room: Room | None = None,
) -> Copied:
    """Write a file or folder of a host into `folder` (which is there) and return how many files; raises HostFailure.

    Nothing appears under its name before all of it has come. What the host calls a file never leaves the folder.
    """
    deadline = time.monotonic() + deadline_s
    channel = connection.start(as_asked(connection, _SEND, [source], as_root=as_root), deadline_s)
    try:
        end_input(channel)
        stream = _Stream(channel, connection.target.host, deadline)
        return _Fetch(stream, Names(Path(folder)), room or Room()).run()
    finally:
        leave(channel)


class _Stream:
    """Headers, and the bytes after them, as they come; raises HostFailure at the deadline and at the end."""

    def __init__(self, channel: paramiko.Channel, host: str, deadline: float) -> None:
        self.host = host
        self._channel, self._deadline = channel, deadline
        self._buffer = b""

    def header(self) -> Header | None:
        """Return the next header, None at the end."""
        while b"\n" not in self._buffer[:LONGEST_LINE]:
            if len(self._buffer) > LONGEST_LINE:
                raise BadStreamError("the stream is torn")
            self._buffer += self._more()
        line, _, self._buffer = self._buffer.partition(b"\n")
        if line + b"\n" == END:
            return None
        found = _HEADER.fullmatch(line)
        if found is None:
            raise BadStreamError("the stream is torn")
        return Header(
            found["kind"].decode(), int(found["mode"], 8) & 0o777, int(found["size"]), found["name"]
        )

    def read_into(self, aside: Path, size: int) -> None:
        """Write the next bytes to a file of our own."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(aside, flags, 0o600), "wb") as file:
            while size:
                data = self._buffer or self._more()
                file.write(data[:size])
                self._buffer, size = data[size:], max(0, size - len(data))
            file.flush()
            os.fsync(file.fileno())

    def _more(self) -> bytes:
        in_time(self._deadline, self._channel, self.host)
        try:
            data = self._channel.recv(CHUNK_BYTES)
            wrong = b"" if data else self._channel.recv_stderr(LONGEST_LINE)
        except TimeoutError:
            raise BadStreamError("the copy did not end in time") from None
        if not data:
            raise broken_off(self.host, wrong)
        return data


class _Fetch:
    """One stream from a host, written beside its place until it has ended well."""

    def __init__(self, stream: _Stream, names: Names, room: Room) -> None:
        self._stream, self._names, self._room = stream, names, room
        self._files: list[tuple[Path, Path, int]] = []
        self._folders: list[tuple[Path, int]] = []
        self._taken_bytes = self._left_out = self._put_files = 0

    def run(self) -> Copied:
        """Take the whole stream, then put all of it in place; raises HostFailure."""
        try:
            with tempfile.TemporaryDirectory(
                prefix=".clusterctl.", dir=self._names.folder, ignore_cleanup_errors=True
            ) as aside:
                while header := self._stream.header():
                    self._take(header, Path(aside))
                self._put()
        except BaseException as error:
            self._room.give_back(self._taken_bytes)
            if isinstance(error, BadStreamError):
                raise self._bad(str(error)) from None
            if isinstance(error, OSError):
                where = printable(str(error.filename or self._names.folder))
                raise self._bad(f"{where}: {error.strerror}") from None
            raise
        return Copied(len(self._files), self._left_out)

    def _take(self, header: Header, aside: Path) -> None:
        if header.kind == "L":
            self._left_out += 1
        elif header.kind == "D":
            self._folders.append((self._names.place(header), header.mode))
        else:
            self._take_file(header, aside / str(len(self._files)))
        if len(self._files) + len(self._folders) + self._left_out > MOST_FILES:
            raise BadStreamError(f"more than {MOST_FILES} files")

    def _take_file(self, header: Header, aside: Path) -> None:
        if header.size > MOST_FILE_BYTES:
            raise BadStreamError(f"{first_line(header.name)}: larger than 1 GiB")
        if not self._room.take(header.size):
            raise BadStreamError("more than 10 GiB in all; fetch from fewer hosts at once, or less")
        self._taken_bytes += header.size
        place = self._names.place(header)
        self._stream.read_into(aside, header.size)
        self._files.append((aside, place, header.mode))

    def _put(self) -> None:
        for place, _ in self._folders:
            place.mkdir(parents=True, exist_ok=True)
        for aside, place, mode in self._files:
            place.parent.mkdir(parents=True, exist_ok=True)
            aside.chmod(mode)
            aside.replace(place)
            self._put_files += 1
        for place, mode in reversed(self._folders):
            place.chmod(mode)

    def _bad(self, reason: str) -> HostFailure:
        kept = (
            f"only {self._put_files} of {len(self._files)} files are in place"
            if self._put_files
            else "nothing was kept"
        )
        return HostFailure(self._stream.host, "answer", f"{reason}; {kept}")
