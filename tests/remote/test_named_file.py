"""Files that are named: whatever they are, reading them ends (bad-input rows 1 and 10)."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from clusterctl.remote.named_file import read_named


def why(path: str | Path, most_bytes: int = 1024**2) -> str | None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - what it says is compared
        read_named(path, most_bytes=most_bytes, most_s=0.2)
    return caught.value.strerror


def test_a_file_and_a_pipe_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a" * 3_000_000)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"b" * 3_000_000,))
    writer.start()

    found = read_named(tmp_path / "file"), read_named(tmp_path / "pipe")

    writer.join(10)
    assert found == (b"a" * 3_000_000, b"b" * 3_000_000)


def test_a_pipe_that_nobody_writes_to_is_given_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert why(tmp_path / "pipe") == "it is a pipe, and what writes to it does not end"


def test_a_pipe_that_is_kept_open_is_given_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR)
    os.write(writer, b"cluster: ")

    said = why(tmp_path / "pipe")

    os.close(writer)
    assert said == "it is a pipe, and what writes to it does not end"


def test_what_has_no_end_is_too_large() -> None:
    assert why("/dev/zero") == "larger than 1 MiB"


def test_a_file_of_just_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a" * 1024**2)

    assert len(read_named(tmp_path / "file", most_bytes=1024**2)) == 1024**2


def test_what_is_no_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    said = [why(path) for path in (tmp_path, tmp_path / "loop", "", "a\0b", tmp_path / "none", "x" * 5000)]

    assert said == [
        "Is a directory",
        "Too many levels of symbolic links",
        "No such file or directory",
        "not a path",
        "No such file or directory",
        "File name too long",
    ]
