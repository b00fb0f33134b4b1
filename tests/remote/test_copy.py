"""Files over one command, with a real shell at the other end."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import paramiko
import pytest

from clusterctl.errors import InputError
from clusterctl.remote.copy import Copied, Item, broken_off, list_items, send_items
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.fetch import Room, fetch
from clusterctl.remote.ssh import connect
from clusterctl.remote.wire import WireSocket
from tests.remote.sshd import Sshd


def send(doer: Sshd, *sources: Path, to: str) -> Copied:
    items = list_items([str(source) for source in sources])
    with connect(doer.target(), doer.credentials()) as connection:
        return send_items(connection, items, to, 20, as_root=False, many=len(sources) > 1)


def get(doer: Sshd, source: str, folder: Path, room: Room | None = None, deadline_s: float = 20) -> Copied:
    folder.mkdir(exist_ok=True)
    with connect(doer.target(), doer.credentials()) as connection:
        return fetch(connection, source, str(folder), deadline_s, as_root=False, room=room)


def refusal(doer: Sshd, *sources: Path, to: str) -> str:
    with pytest.raises(HostFailure) as caught:
        send(doer, *sources, to=to)
    return caught.value.unreachable.reason


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_is_put_in_place_with_its_mode(doer: Sshd, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(range(256)) * 3000)
    (tmp_path / "a").chmod(0o750)
    there = tmp_path / "there"
    there.mkdir()
    (there / "b").write_text("old")

    assert send(doer, tmp_path / "a", to=f"{there}/b") == Copied(1)

    assert (there / "b").read_bytes() == (tmp_path / "a").read_bytes()
    assert (there / "b").stat().st_mode & 0o777 == 0o750
    assert names(there) == ["b"]


def test_a_folder_goes_there_and_comes_back(doer: Sshd, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "with a blank").write_bytes(b"\0\n" * 100)
    (source / "empty").write_text("")
    (source / "link").symlink_to("empty")
    (tmp_path / "there").mkdir()

    sent = send(doer, source, to=f"{tmp_path}/there")
    back = get(doer, f"{tmp_path}/there/source", tmp_path / "back")

    assert (sent, back) == (Copied(2, 1), Copied(2))
    assert names(tmp_path / "back") == ["source", "source/empty", "source/sub", "source/sub/with a blank"]
    assert (tmp_path / "back/source/sub/with a blank").read_bytes() == b"\0\n" * 100


def test_a_link_in_a_folder_for_everybody_is_not_followed(doer: Sshd, tmp_path: Path) -> None:
    """Row 28."""
    (tmp_path / "a").write_text("new")
    (tmp_path / "mine").mkdir()
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "trap").symlink_to(tmp_path / "mine")
    (tmp_path / "alias").symlink_to(tmp_path / "a")

    first = refusal(doer, tmp_path / "a", to=f"{shared}/trap/a")
    second = refusal(doer, tmp_path / "a", to=f"{tmp_path}/alias")

    assert first == f"{shared}/trap: is a symbolic link in a folder that everybody may write to"
    assert second == f"{tmp_path}/alias: is a symbolic link; name what it points to"
    assert names(tmp_path / "mine") == []


def test_a_link_of_another_user_is_not_followed(
    doer: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 28; the host's `stat` says of every link that user 4242 has made it."""
    (tmp_path / "a").write_text("new")
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to("mine")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/stat").write_text(
        '#!/bin/sh\ncase $2 in %u) echo 4242 ;; *) exec /usr/bin/stat "$@" ;; esac\n'
    )
    (tmp_path / "bin/stat").chmod(0o755)
    sent = send(doer, tmp_path / "a", to=f"{tmp_path}/link/own")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")

    said = refusal(doer, tmp_path / "a", to=f"{tmp_path}/link/foreign")

    assert (sent, said) == (Copied(1), f"{tmp_path}/link: is a symbolic link of another user")
    assert names(tmp_path / "mine") == ["own"]


def test_devices_and_folders_are_never_written_over(doer: Sshd, tmp_path: Path) -> None:
    """Row 28."""
    (tmp_path / "a").write_text("new")
    (tmp_path / "there/a").mkdir(parents=True)

    device = refusal(doer, tmp_path / "a", to="/dev/null")
    folder = refusal(doer, tmp_path / "a", to=f"{tmp_path}/there")

    assert device == "/dev/null: is there and no file"
    assert folder == f"{tmp_path}/there/a: is there and no file"


def test_where_nothing_can_be_written_it_is_said_what_to_do(doer: Sshd, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("new")

    said = []
    for source in (tmp_path / "a", tmp_path):
        with pytest.raises(HostFailure) as caught:
            send(doer, source, to="/proc")
        said.append((caught.value.unreachable.reason, caught.value.unreachable.advice))

    step = "is there room, and may the user do that there? --sudo copies as root"
    folder = f"mkdir: cannot create directory '/proc/{tmp_path.name}': No such file or directory"
    assert said == [("/proc/a: cannot be written", step), (folder, step)]


def test_what_cannot_be_replaced_is_named(doer: Sshd, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("new")
    os.mkfifo(tmp_path / "pipe")

    assert refusal(doer, tmp_path / "a", to=f"{tmp_path}/pipe") == f"{tmp_path}/pipe: is there and no file"
    where = f"{tmp_path}/no/where"
    assert refusal(doer, tmp_path / "a", to=where) == f"{where}: there is no folder {tmp_path}/no"
    assert refusal(doer, tmp_path / "a", tmp_path / "a", to=f"{tmp_path}/a") == f"{tmp_path}/a: is no folder"


def test_a_stream_that_breaks_off_leaves_the_old_file(doer: Sshd, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("short")
    there = tmp_path / "there"
    there.mkdir()
    (there / "b").write_text("old")
    items = [Item(str(tmp_path / "a"), "a", 0o644, 5_000)]

    with connect(doer.target(), doer.credentials()) as connection, pytest.raises(HostFailure) as caught:
        send_items(connection, items, f"{there}/b", 20, as_root=False, many=False)

    assert caught.value.unreachable.reason == "a: became shorter while it was sent; not put in place"
    assert (there / "b").read_text() == "old"


def test_a_file_that_is_gone_meanwhile_is_named(doer: Sshd, tmp_path: Path) -> None:
    items = [Item(str(tmp_path / "a"), "a", 0o644, 5_000)]

    with connect(doer.target(), doer.credentials()) as connection, pytest.raises(HostFailure) as caught:
        send_items(connection, items, f"{tmp_path}/b", 20, as_root=False, many=False)

    said = "a: cannot be read here: No such file or directory; not put in place"
    assert (caught.value.unreachable.reason, caught.value.unreachable.advice) == (said, f"ls -l {tmp_path}/a")
    assert not (tmp_path / "b").exists()


def test_a_connection_that_breaks_while_we_send_is_a_failure_of_the_host(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Caught: until paramiko noticed that the connection was gone, its EOFError looked like a defect of ours."""
    begun = threading.Event()
    usual = WireSocket.send

    def send_until_it_breaks(wire: WireSocket, data: bytes, flags: int = 0) -> int:
        if not begun.is_set():
            return usual(wire, data, flags)
        sshd.hang_up()
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    def talk(channel: paramiko.Channel, _command: str) -> None:
        while channel.recv(65536):
            begun.set()

    monkeypatch.setattr(WireSocket, "send", send_until_it_breaks)
    sshd.talk = talk
    (tmp_path / "a").write_bytes(b"x" * 8 * 1024 * 1024)

    assert refusal(sshd, tmp_path / "a", to="/there") == "the copy broke off"


def test_what_is_too_large_is_refused_before_anything_is_contacted(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2 * 1024**3)

    with pytest.raises(InputError) as caught:
        list_items([str(tmp_path / "sparse")])

    assert caught.value.message == f"{tmp_path}/sparse: larger than 1 GiB"


def test_what_may_not_be_read_or_is_not_there_says_what_to_do(doer: Sshd, tmp_path: Path) -> None:
    said = []
    for source in (f"{tmp_path}/nothing", "/dev/null", "/proc/version"):
        with pytest.raises(HostFailure) as caught:
            get(doer, source, tmp_path / "got")
        said.append((caught.value.unreachable.reason, caught.value.unreachable.advice))

    step = "see what is there: clusterctl exec HOST -- ls -l PATH"
    size = "./version: tells no size, so it is not copied: exec shows it, with cat"
    assert said == [
        (f"{tmp_path}/nothing: is not there", step),
        ("null: is neither a file nor a folder", step),
        (size, step),
    ]
    assert broken_off("h1", b"find: './x': Permission denied\n").unreachable.advice == (
        "is there room, and may the user do that there? --sudo copies as root"
    )
    assert broken_off("h1", b"").unreachable.advice == "log in by hand and see why: clusterctl ssh h1"
