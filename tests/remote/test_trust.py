"""Adding host keys to known_hosts, by several at once."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

from clusterctl.remote.dialer import Dialer
from clusterctl.remote.known_hosts import HostKey, KnownHosts
from clusterctl.remote.trust import Offered, add_host_keys
from tests.remote.sshd import Sshd, write_key


def offered(name: str, blob: bytes = b"\0\0\0\x0bssh-ed25519" + b"k" * 36) -> Offered:
    return Offered(name, name, HostKey("ssh-ed25519", blob), "new")


def test_a_server_is_asked_for_its_key_without_a_login(sshd: Sshd) -> None:
    sshd.known_hosts.write_text("")
    dialer = Dialer(sshd.credentials())

    found = dialer.peek(sshd.target())

    assert (found.state, found.name) == ("new", f"[127.0.0.1]:{sshd.port}")
    assert found.key.blob == sshd.host_key.asbytes()
    assert sshd.logins == []


def test_a_known_and_a_changed_key_are_told_apart(sshd: Sshd) -> None:
    known = Dialer(sshd.credentials()).peek(sshd.target())
    sshd.know(write_key(sshd.folder / "other"))

    changed = Dialer(sshd.credentials()).peek(sshd.target())

    assert (known.state, changed.state) == ("known", "changed")
    assert changed.problem.startswith("host key changed: known ssh-ed25519 SHA256:")


def test_keys_are_added_once_and_a_known_name_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ssh" / "known_hosts"

    first = add_host_keys(str(path), [offered("web1"), offered("[web2]:2022")])
    path.write_text(path.read_text().rstrip("\n"))
    second = add_host_keys(
        str(path), [offered("web1", b"\0\0\0\x0bssh-ed25519" + b"x" * 36), offered("web3")]
    )

    assert [one.name for one in first] == ["web1", "[web2]:2022"]
    assert [one.name for one in second] == ["web3"]
    assert [line.split()[0] for line in path.read_text().splitlines()] == ["web1", "[web2]:2022", "web3"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_names_are_hashed_where_the_file_is(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    add_host_keys(str(path), [offered("old")])
    subprocess.run(["ssh-keygen", "-qHf", str(path)], check=True, capture_output=True)

    add_host_keys(str(path), [offered("[web1]:2022")])

    known = KnownHosts()
    known.read(path.read_text().splitlines())
    assert "web1" not in path.read_text()
    assert len(known.keys_of("[web1]:2022")) == 1
    found = subprocess.run(
        ["ssh-keygen", "-F", "[web1]:2022", "-f", str(path)], capture_output=True, check=True
    )
    assert b"found: line 2" in found.stdout


def test_many_who_add_at_once_lose_nothing_and_add_nothing_twice(tmp_path: Path) -> None:
    path = str(tmp_path / "known_hosts")
    work = [
        threading.Thread(target=add_host_keys, args=(path, [offered(f"web{number}"), offered("shared")]))
        for number in range(20)
    ]

    for thread in work:
        thread.start()
    for thread in work:
        thread.join()

    names = sorted(line.split()[0] for line in Path(path).read_text().splitlines())
    assert names == sorted([*(f"web{number}" for number in range(20)), "shared"])
