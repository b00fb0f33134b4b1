"""Passwords and certificates at the login, against a real SSH server."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
from pathlib import Path

import paramiko
import pytest

from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.keys import Credentials, load_credentials
from clusterctl.remote.known_hosts import fingerprint
from clusterctl.remote.secret import Secret
from clusterctl.remote.ssh import connect
from tests.remote.sshd import Sshd


def with_password(sshd: Sshd, text: str) -> Credentials:
    return dataclasses.replace(sshd.credentials(), keys=(), password=Secret(text))


def failure(sshd: Sshd, credentials: Credentials) -> HostFailure:
    with pytest.raises(HostFailure) as caught:
        connect(sshd.target(), credentials, 3)
    return caught.value


def test_a_password_lets_us_in(sshd: Sshd) -> None:
    sshd.methods, sshd.password = "publickey,password", "tops3cret"

    with connect(sshd.target(), with_password(sshd, "tops3cret")) as connection:
        result = connection.run("echo in\n", "/bin/sh -s", 5)

    assert result.stdout == b"in\n"


def test_a_password_is_the_answer_to_the_one_question_of_keyboard_interactive(sshd: Sshd) -> None:
    sshd.methods, sshd.password = "publickey,keyboard-interactive", "tops3cret"

    with connect(sshd.target(), with_password(sshd, "tops3cret")) as connection:
        result = connection.run("echo in\n", "/bin/sh -s", 5)

    assert result.stdout == b"in\n"
    assert sshd.passwords == ["tops3cret"]


def test_a_password_that_was_refused_is_sent_once_in_a_run(sshd: Sshd) -> None:
    sshd.methods, sshd.password = "publickey,password", "right"
    credentials = with_password(sshd, "wr0ng")

    first, second = failure(sshd, credentials), failure(sshd, credentials)

    assert first.unreachable == Unreachable("web1", "auth", "the password of ops was refused")
    assert first.unreachable.next_step == "try it by hand, once: clusterctl ssh web1"
    assert second.unreachable.reason == "the password of ops was refused before; it is not tried again"
    assert sshd.passwords == ["wr0ng"]


def test_a_server_that_asks_for_two_things_gets_no_password(sshd: Sshd) -> None:
    sshd.methods, sshd.password = "keyboard-interactive", "right"
    sshd.questions = ["Password: ", "One-time code: "]

    found = failure(sshd, with_password(sshd, "right"))

    assert found.unreachable.reason == (
        "the password of ops is not enough: the server asks for something else as well"
    )
    assert "right" not in sshd.passwords


def test_a_server_that_takes_no_password_gets_none(sshd: Sshd) -> None:
    sshd.accepted.clear()
    credentials = dataclasses.replace(sshd.credentials(), password=Secret("tops3cret"))

    found = failure(sshd, credentials)

    tried = fingerprint(sshd.user_key.asbytes())
    assert found.unreachable.reason == (
        f"user key refused for ops (tried {tried}); the server takes no password, but publickey"
    )
    assert found.unreachable.next_step == (
        f"ssh-copy-id -p {sshd.port} ops@127.0.0.1, or name another user or key"
    )
    assert sshd.passwords == []


def test_a_password_shows_itself_nowhere() -> None:
    secret = Secret("tops3cret")

    assert repr(secret) == f"{secret}" == "Secret(***)"
    with pytest.raises(TypeError, match="a password is not written down"):
        pickle.dumps(secret)


def test_an_expired_certificate_is_named_when_it_is_refused(sshd: Sshd) -> None:
    key = Path(sshd.folder / "id_ed25519")
    for name in ("ca", "id_ed25519"):
        (sshd.folder / name).unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(sshd.folder / name)], check=True)
    old = ["-V", "20200101:20200201"]
    sign = ["ssh-keygen", "-qs", str(sshd.folder / "ca"), "-I", "old", "-n", "ops", *old, f"{key}.pub"]
    subprocess.run(sign, check=True)

    found = failure(sshd, load_credentials([str(key)], [str(sshd.known_hosts)], allow_agent=False))

    tried = fingerprint(paramiko.PKey.from_path(key).asbytes())
    assert found.unreachable.reason.startswith(
        f"user key refused for ops (tried {tried} with a certificate for ops that has expired, {tried})"
    )
