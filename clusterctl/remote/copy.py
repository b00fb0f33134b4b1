r"""Files to a host over one command's stdin: no SFTP, no second connection. From a host: `fetch`.

A stream is a line `F MODE SIZE PATH` before the bytes of a file, `D MODE 0 PATH` for a folder, `L 0 0 PATH` for what is left
out, and `E 0 0 end` at its end. A file is wholly there or not at all: it is written beside its place (O_EXCL, 0600), synced, and renamed.
"""

from __future__ import annotations

import shlex
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import paramiko

from clusterctl.errors import InputError
from clusterctl.remote.channel import end_input, leave
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.ssh import SUDO, Connection
from clusterctl.remote.text import first_line

CHUNK_BYTES = 256 * 1024
_MAY = "is there room, and may the user do that there? --sudo copies as root"
_LOOK = "see what is there: clusterctl exec HOST -- ls -l PATH"
MOST_FILE_BYTES = 1024**3
MOST_TOTAL_BYTES = 10 * 1024**3
MOST_FILES = 100_000
LEFT_OUT = -1
LONGEST_LINE = 8192
END = b"E 0 0 end\n"

# Arguments: where to, and `many` where it must be a folder. Says "ok N" when all is in place.
_RECEIVE = r"""
umask 077; LC_ALL=C; export LC_ALL; to=$1; many=$2; count=0; t=
fail() { [ -z "$t" ] || rm -f -- "$t"; printf '%s\n' "$1" >&2; exit 1; }
# A link in a folder that everybody may write to, or of another than root and us, is somebody else's word.
safe() {
  p=$1
  while [ "$p" != / ] && [ "$p" != . ]; do
    d=$(dirname -- "$p")
    if [ -L "$p" ]; then
      case $(stat -c %u -- "$p") in 0|"$(id -u)") ;; *) fail "$p: is a symbolic link of another user";; esac
      [ -z "$(find "$d/." -maxdepth 0 -perm -0002 2>/dev/null)" ] ||
        fail "$p: is a symbolic link in a folder that everybody may write to"
    fi
    p=$d
  done
}
safe "$to"
case $to in */) mkdir -p -- "$to" || fail "$to: cannot be made";; esac
into=; if [ -d "$to" ]; then into=1; elif [ -n "$many" ]; then fail "$to: is no folder"; fi
while IFS=' ' read -r kind mode size path; do
  case $kind in
    E) sync -f -- "$to" 2>/dev/null; echo "ok $count"; exit 0;;
    D|F) ;;
    *) fail "the stream is torn";;
  esac
  if [ -n "$into" ]; then place=${to%/}/$path
  else case $path in */*) place=$to/${path#*/};; *) place=$to;; esac; fi
  safe "$place"
  if [ "$kind" = D ]; then
    [ -d "$place" ] || mkdir -- "$place" || fail "$place: the folder cannot be made"
    chmod "$mode" -- "$place" || fail "$place: its mode cannot be set"
    continue
  fi
  [ ! -L "$place" ] || fail "$place: is a symbolic link; name what it points to"
  [ ! -e "$place" ] || [ -f "$place" ] || fail "$place: is there and no file"
  [ -d "$(dirname -- "$place")/" ] || fail "$place: there is no folder $(dirname -- "$place")"
  t=$(mktemp -- "$(dirname -- "$place")/.clusterctl.XXXXXXXX" 2>/dev/null) || { t=; fail "$place: cannot be written"; }
  head -c "$size" >"$t" || fail "$place: cannot be written"
  [ "$(stat -c %s -- "$t")" = "$size" ] || fail "$place: the stream is torn"
  if [ -f "$place" ]; then chown --reference="$place" -- "$t" 2>/dev/null; fi
  chmod "$mode" -- "$t" && sync -- "$t" && mv -fT -- "$t" "$place" || fail "$place: cannot be put in place"
  t=; count=$((count + 1))
done
fail "the stream is torn"
"""


@dataclass(frozen=True, slots=True)
class Copied:
    """How many files are in place, and how many links, devices and the like were left out."""

    files: int
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """A file or folder to be sent: where it is here (None: a folder), its path there, mode and size in bytes (LEFT_OUT: it is not sent)."""

    place: str | None
    path: str
    mode: int
    size: int


def list_items(sources: Sequence[str]) -> tuple[Item, ...]:
    """Return what is to be sent, folders before what is in them; raises InputError. Links inside folders are left out."""
    items: list[Item] = []
    for source in sources:
        try:
            top = Path(source).resolve(strict=True)
            items += _walk(top, top.name)
        except OSError as error:
            raise InputError(
                f"{source}: cannot be read: {error.strerror}",
                next_step=f"ls -l {source}. Nothing was contacted.",
            ) from None
    wrong = [item.path for item in items if not item.path.isprintable() or item.path != item.path.strip()]
    if wrong:
        raise InputError(
            f"{wrong[0]!r}: a name with control marks, or blanks at its ends, is not copied",
            next_step="rename it. Nothing was contacted.",
        )
    if len(items) > MOST_FILES or sum(max(0, item.size) for item in items) > MOST_TOTAL_BYTES:
        raise InputError(
            f"more than {MOST_FILES} files or 10 GiB", next_step="copy less at once. Nothing was contacted."
        )
    for item in items:
        if item.size > MOST_FILE_BYTES:
            raise InputError(
                f"{item.place}: larger than 1 GiB", next_step="send it in parts. Nothing was contacted."
            )
    return tuple(items)


def _walk(place: Path, path: str) -> Iterator[Item]:
    found = place.lstat()
    if stat.S_ISDIR(found.st_mode):
        yield Item(None, path, stat.S_IMODE(found.st_mode), 0)
        for below in sorted(place.iterdir()):
            yield from _walk(below, f"{path}/{below.name}")
    elif stat.S_ISREG(found.st_mode):
        yield Item(str(place), path, stat.S_IMODE(found.st_mode) & 0o777, found.st_size)
    else:
        yield Item(None, path, 0, LEFT_OUT)


def send_items(
    connection: Connection, items: Sequence[Item], to: str, deadline_s: float, *, as_root: bool, many: bool
) -> Copied:
    """Put files in place on a host and return how many; raises HostFailure that names what failed."""
    channel = connection.start(
        as_asked(connection, _RECEIVE, [to, "1" if many else ""], as_root=as_root), deadline_s
    )
    try:
        return _send(channel, connection.target.host, items, time.monotonic() + deadline_s)
    finally:
        leave(channel)


def _send(channel: paramiko.Channel, host: str, items: Sequence[Item], deadline: float) -> Copied:
    try:
        for item in items:
            if item.size < 0:
                continue
            in_time(deadline, channel, host)
            channel.sendall(f"{'F' if item.place else 'D'} {item.mode:o} {item.size} {item.path}\n".encode())
            if item.place is not None:
                _send_file(channel, item, host, deadline)
        channel.sendall(END)
    except TimeoutError:
        raise HostFailure(host, "exec", "the copy did not end in time") from None
    except (OSError, EOFError):
        pass  # it reads no more: what it said tells why
    end_input(channel)
    in_time(deadline, channel, host)
    try:
        said, wrong = channel.recv(LONGEST_LINE), channel.recv_stderr(LONGEST_LINE)
    except TimeoutError:
        raise HostFailure(host, "exec", "the copy did not end in time") from None
    if not said.startswith(b"ok "):
        raise broken_off(host, wrong or said)
    left_out = sum(item.size < 0 for item in items)
    return Copied(int(said.split()[1]), left_out)


def _send_file(channel: paramiko.Channel, item: Item, host: str, deadline: float) -> None:
    for part in _parts(item, host):
        in_time(deadline, channel, host)
        channel.sendall(part)


def _parts(item: Item, host: str) -> Iterator[bytes]:
    """Yield the bytes of a file; raises HostFailure where it cannot be read, or is no longer as it was listed."""
    try:
        with Path(item.place or "").open("rb") as file:
            left = item.size
            while left:
                part = file.read(min(CHUNK_BYTES, left))
                if not part:
                    raise HostFailure(
                        host, "exec", f"{item.path}: became shorter while it was sent; not put in place"
                    )
                yield part
                left -= len(part)
    except OSError as error:
        reason = f"{item.path}: cannot be read here: {error.strerror}; not put in place"
        raise HostFailure(host, "exec", reason, next_step=f"ls -l {item.place}") from None


def in_time(deadline: float, channel: paramiko.Channel, host: str) -> None:
    """Give a channel what is left of the time (`deadline`: monotonic seconds); raises HostFailure after it."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise HostFailure(host, "exec", "the copy did not end in time")
    channel.settimeout(left)


def broken_off(host: str, said: bytes) -> HostFailure:
    """Return the failure of a stream that ended early, in the words of its last breath."""
    reason = first_line(said or "the copy broke off")
    if not said:
        return HostFailure(host, "exec", reason)
    refused = " cannot " in reason or reason.endswith("Permission denied")
    return HostFailure(host, "exec", reason, next_step=_MAY if refused else _LOOK)


def as_asked(connection: Connection, script: str, words: Sequence[str], *, as_root: bool) -> str:
    """Return the command that runs a script with arguments, as root where that is asked."""
    text = f"/bin/sh -c {shlex.quote(script)} sh {shlex.join(words)}"
    return f"{SUDO}{text}" if as_root and connection.target.user != "root" else text
