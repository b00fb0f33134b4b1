"""Files that a host sends, and what a hostile one sends instead (rows 42 and 43 of bad input, and I10)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tarfile
import tempfile
import threading
import time
from pathlib import Path

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.remote.copy import END, Copied
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.fetch import Room, _Fetch, _Stream
from clusterctl.remote.fetch_names import Names
from tests.remote.sshd import Sshd
from tests.remote.test_copy import get, names

PIECES = (
    b"F 644 2 a\nhi", b"F 644 2 b/c\nhi", b"D 755 0 b\n", b"L 0 0 l\n", b"F 644 2 ../x\nhi", b"F 644 2 b/../../x\nhi",
    b"F 644 2 trap/x\nhi", b"D 777 0 trap\n", b"D 0 0 .\n", b"F 644 0 //x\n", b"F 7777 9 x\n", b"F 644 99 \xff\n", END,
)  # fmt: skip


class _Said:
    """As much of a channel as a stream asks for: what a host said, then its end."""

    def __init__(self, stream: bytes) -> None:
        self.left = stream

    def settimeout(self, _seconds: float) -> None:
        pass

    def recv(self, size: int) -> bytes:
        data, self.left = self.left[:size], self.left[size:]
        return data

    def recv_stderr(self, _size: int) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"F 644 2 ../x\nhi", "the host names a file '../x'; nothing was kept"),
        (b"F 644 2 /etc/x\nhi", "the host names a file '/etc/x'; nothing was kept"),
        (b"F 644 99999999999999 x\n", "x: larger than 1 GiB; nothing was kept"),
        (b"F 644 2 a\nhiE 0 0 endless\n", "the stream is torn; nothing was kept"),
        (b"F 644 2 a\nhi", "the copy broke off"),
        (b"x" * 20_000, "the stream is torn; nothing was kept"),
        (b"F 644 2 trap/x\nhi", "{folder}/trap: is a symbolic link here; not followed; nothing was kept"),
        (b"F 9999 2 a\nhi", "the stream is torn; nothing was kept"),
        (b"F 644  a\nhi", "the stream is torn; nothing was kept"),
        (b"F 644 -2 a\nhi", "the stream is torn; nothing was kept"),
        (b"F 644 2 a\nhiF 644 2 a\nho", "the host names 'a' twice; nothing was kept"),
        (b"F 644 2 a\nhiF 644 2 a/b\nho", "the host names 'a/b' twice; nothing was kept"),
        (b"F 644 2 a/b\nhiF 644 2 a\nho", "the host names 'a' twice; nothing was kept"),
        (b"F 644 2 a\nhiD 755 0 a\n", "the host names 'a' twice; nothing was kept"),
        (
            b"F 644 2 a\nhiF 644 2 \x1b]0;x\x07\nho",
            r"the host names a file '\\x1b]0;x\\x07'; nothing was kept",
        ),
        (
            "F 644 2 \u202efdp.exe\nhi".encode(),
            r"the host names a file '\\u202efdp.exe'; nothing was kept",
        ),
        (b"F 644 2 " + b"a/" * 100 + b"a\nhi", "a/" * 100 + "a: deeper than 100 folders; nothing was kept"),
        (
            b"F 644 2 " + b"a" * 300 + b"\nhi",
            "{folder}/" + "a" * 300 + ": File name too long; nothing was kept",
        ),
        (b"F 644 2 full\nhi", "{folder}/full: is here already, and no file; nothing was kept"),
        (b"F 644 2 pipe/x\nhi", "{folder}/pipe: is here already, and no folder; nothing was kept"),
    ],
)
def test_a_hostile_host_writes_nothing_here(sshd: Sshd, tmp_path: Path, stream: bytes, reason: str) -> None:
    """Row 42, and I10."""
    folder = tmp_path / "got"
    folder.mkdir()
    (folder / "trap").symlink_to(tmp_path)
    (folder / "full").mkdir()
    os.mkfifo(folder / "pipe")
    sshd.talk = lambda channel, _command: channel.sendall(stream)

    with pytest.raises(HostFailure) as caught:
        get(sshd, "/x", folder)

    assert caught.value.unreachable.reason == reason.replace("{folder}", str(folder))
    assert names(folder) == ["full", "pipe", "trap"]
    assert not (tmp_path / "x").exists()


def test_a_sparse_file_of_a_terabyte_is_refused_by_its_size(sshd: Sshd, tmp_path: Path) -> None:
    def talk(channel: paramiko.Channel, command: str) -> None:
        with subprocess.Popen(["/bin/sh", "-c", command], stdout=subprocess.PIPE) as shell:
            with contextlib.suppress(OSError):
                while shell.stdout and (part := shell.stdout.read(65536)):
                    channel.sendall(part)
            shell.kill()

    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1024**4)
    sshd.talk = talk

    with pytest.raises(HostFailure) as caught:
        get(sshd, f"{tmp_path}/sparse", tmp_path / "got")

    assert caught.value.unreachable.reason == "sparse: larger than 1 GiB; nothing was kept"
    assert names(tmp_path / "got") == []


def test_files_that_are_in_place_already_are_counted(tmp_path: Path) -> None:
    """Somebody makes a folder where the second file goes, after it was seen to be free."""

    class Late(_Said):
        def recv(self, size: int) -> bytes:
            if self.left == END:
                (tmp_path / "b").mkdir()
            return super().recv(min(size, len(self.left) - len(END)) or size)

    stream = _Stream(Late(b"F 644 2 a\nhiF 644 0 b\n" + END), "h1", time.monotonic() + 20)  # type: ignore[arg-type]

    with pytest.raises(HostFailure) as caught:
        _Fetch(stream, Names(tmp_path), Room()).run()

    reason = caught.value.unreachable.reason
    assert reason.endswith("Is a directory; only 1 of 2 files are in place")
    assert names(tmp_path) == ["a", "b"]


def test_all_hosts_of_a_copy_share_ten_gibibytes(sshd: Sshd, tmp_path: Path) -> None:
    sshd.talk = lambda channel, _command: channel.sendall(b"F 644 4 a\nhiya" + END)
    room = Room(left_bytes=6)

    first = get(sshd, "/a", tmp_path / "one", room=room)
    with pytest.raises(HostFailure) as caught:
        get(sshd, "/a", tmp_path / "two", room=room)

    assert Room().take(10 * 1024**3)
    assert not Room().take(10 * 1024**3 + 1)
    assert first == Copied(1)
    assert caught.value.unreachable.reason == (
        "more than 10 GiB in all; fetch from fewer hosts at once, or less; nothing was kept"
    )
    assert names(tmp_path / "two") == []


def test_what_was_not_kept_takes_no_room(sshd: Sshd, tmp_path: Path) -> None:
    streams = [b"F 644 4 a\nhi", b"F 644 4 a\nhiya" + END]
    sshd.talk = lambda channel, _command: channel.sendall(streams.pop(0))
    room = Room(left_bytes=4)

    with pytest.raises(HostFailure):
        get(sshd, "/a", tmp_path / "one", room=room)

    assert get(sshd, "/a", tmp_path / "two", room=room) == Copied(1)


def test_a_file_that_grows_while_it_is_read_is_cut_where_it_ended_at_first(
    sshd: Sshd, tmp_path: Path
) -> None:
    """A `stat` that tells two bytes of what has five by the time it is read."""
    (tmp_path / "log").write_text("start")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "stat").write_text('#!/bin/sh\n[ "$2" = %s ] && echo 2 || echo 644\n')
    (tmp_path / "bin" / "stat").chmod(0o755)

    def talk(channel: paramiko.Channel, command: str) -> None:
        path = f"{tmp_path}/bin:/usr/bin:/bin"
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, check=False, env={"PATH": path}
        )
        channel.sendall(done.stdout)

    sshd.talk = talk

    found = get(sshd, f"{tmp_path}/log", tmp_path / "got")

    assert found == Copied(1)
    assert (tmp_path / "got" / "log").read_text() == "st"


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"L 0 0 loop\n", id="a folder without end"),
        pytest.param(b"D 755 0 a\n" + b"L 0 0 a/b\n" * 40, id="links without end"),
    ],
)
def test_a_listing_without_end_stops_at_so_many_files(sshd: Sshd, tmp_path: Path, stream: bytes) -> None:
    """Row 43: what a readdir that never ends comes to here."""

    def talk(channel: paramiko.Channel, _command: str) -> None:
        channel.sendall(stream)
        with contextlib.suppress(OSError):
            while True:
                channel.sendall(b"L 0 0 loop\n" * 5000)

    sshd.talk = talk

    with pytest.raises(HostFailure) as caught:
        get(sshd, "/x", tmp_path / "got")

    assert caught.value.unreachable.reason == "more than 100000 files; nothing was kept"
    assert names(tmp_path / "got") == []


def test_bytes_that_trickle_end_at_the_deadline(sshd: Sshd, tmp_path: Path) -> None:
    over = threading.Event()

    def talk(channel: paramiko.Channel, _command: str) -> None:
        channel.sendall(b"F 644 1000000 a\n")
        with contextlib.suppress(OSError):
            while not over.wait(0.1):
                channel.sendall(b"x")

    sshd.talk = talk
    began = time.monotonic()

    with pytest.raises(HostFailure) as caught:
        get(sshd, "/a", tmp_path / "got", deadline_s=1)

    over.set()
    assert caught.value.unreachable.reason == "the copy did not end in time; nothing was kept"
    assert time.monotonic() - began < 11
    assert names(tmp_path / "got") == []


def test_an_archive_stays_one_file(doer: Sshd, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("../../escaped"))

    found = get(doer, f"{tmp_path}/a.tar", tmp_path / "got")

    assert found == Copied(1)
    assert names(tmp_path / "got") == ["a.tar"]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=30), max_size=8).map(b"".join))
def test_no_stream_writes_beside_the_folder_or_raises_anything_else(stream: bytes) -> None:
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "a" / "got"
        folder.mkdir(parents=True)
        (folder / "trap").symlink_to("..")
        here = _Stream(_Said(stream), "web1", time.monotonic() + 20)  # type: ignore[arg-type]

        with contextlib.suppress(HostFailure):
            _Fetch(here, Names(folder), Room()).run()

        assert names(Path(top) / "a") == ["got", *(f"got/{name}" for name in names(folder))]
        assert not list(folder.glob(".clusterctl*"))


def test_a_path_that_is_not_there_is_a_failure_of_the_host(doer: Sshd, tmp_path: Path) -> None:
    with pytest.raises(HostFailure) as caught:
        get(doer, f"{tmp_path}/nothing", tmp_path / "got")

    assert caught.value.unreachable.reason == f"{tmp_path}/nothing: is not there"
