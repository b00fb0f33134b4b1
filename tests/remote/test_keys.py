from __future__ import annotations

import os
import subprocess
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import ed448
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clusterctl.errors import IdentityError, InputError
from clusterctl.model.ssh import SshSettings
from clusterctl.remote import named_file
from clusterctl.remote.keys import Credentials, Keyring, load_credentials
from clusterctl.remote.target import Target
from tests.remote.sshd import write_key


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a user without keys and without an agent."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return folder


def test_the_named_key_is_used(tmp_path: Path) -> None:
    key = write_key(tmp_path / "key")

    credentials = load_credentials([str(tmp_path / "key")])

    assert [each.asbytes() for each in credentials.keys] == [key.asbytes()]
    assert credentials.notes == ()


def test_without_a_name_the_usual_keys_are_used(home: Path) -> None:
    key = write_key(home / ".ssh" / "id_ed25519")
    (home / ".ssh" / "id_rsa").write_text("not a key")

    credentials = load_credentials()

    assert [each.asbytes() for each in credentials.keys] == [key.asbytes()]
    assert len(credentials.notes) == 1
    assert "id_rsa: is not a private key that can be used" in credentials.notes[0]


def test_a_missing_key_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such key file"):
        load_credentials([str(tmp_path / "nowhere")])


def test_a_file_that_is_no_key_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")

    with pytest.raises(InputError, match="text: is not a private key that can be used"):
        load_credentials([str(tmp_path / "text")])


def test_a_key_that_is_none_of_ssh_is_a_mistake(tmp_path: Path) -> None:
    key = ed448.Ed448PrivateKey.generate()
    (tmp_path / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    with pytest.raises(InputError) as caught:
        load_credentials([str(tmp_path / "key")])

    why = "is not a private key that can be used: it is of a kind that SSH has not"
    assert caught.value.message == f"{tmp_path}/key: {why}"


def test_a_pipe_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_file, "MOST_SECONDS", 0.1)
    write_key(tmp_path / "key")
    for name in ("pipe", "certificate", "other.pub"):
        os.mkfifo(tmp_path / name)
    key, certificate = str(tmp_path / "key"), [str(tmp_path / "certificate")]

    with pytest.raises(InputError) as as_key:
        load_credentials([str(tmp_path / "pipe")])
    with pytest.raises(InputError) as as_certificate:
        load_credentials([key], certificate_files=certificate)
    with pytest.raises(InputError) as as_public:
        load_credentials([str(tmp_path / "other.pub")])

    late = "cannot be read: it is a pipe, and what writes to it does not end"
    assert as_key.value.message == f"{tmp_path}/pipe: is a pipe"
    assert as_certificate.value.message == f"{tmp_path}/certificate: {late}"
    assert as_public.value.message == f"{tmp_path}/other.pub: is a pipe"


def test_a_key_others_may_read_is_noted(tmp_path: Path) -> None:
    write_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)

    credentials = load_credentials([str(tmp_path / "key")])

    assert credentials.notes == (f"{tmp_path}/key: others may read this key (mode 0644); chmod 600 it",)


def test_a_key_with_a_passphrase_needs_an_agent(tmp_path: Path) -> None:
    key = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "secret", "-f", str(key)], check=True)

    with pytest.raises(IdentityError) as caught:
        load_credentials([str(key)])

    assert caught.value.message == (
        f"{key}: is protected by a passphrase, and no agent holds a key. Nothing was contacted."
    )
    assert caught.value.next_step == f"start ssh-agent, then: ssh-add {key}"


def test_no_key_at_all_is_said_before_anything_is_contacted() -> None:
    with pytest.raises(IdentityError) as caught:
        load_credentials()

    assert caught.value.message == (
        "no SSH key to show: neither ~/.ssh/id_ed25519, ~/.ssh/id_ecdsa, ~/.ssh/id_rsa nor an agent. "
        "Nothing was contacted."
    )


def test_the_keys_of_an_agent_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = write_key(tmp_path / "key")
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        added = ["ssh-add", "-q", str(tmp_path / "key")]
        subprocess.run(["sh", "-c", 'until test -S "$1"; do sleep 0.02; done', "sh", str(socket)], check=True)
        subprocess.run(added, check=True)

        credentials = load_credentials()

        assert [each.asbytes() for each in credentials.keys] == [key.asbytes()]
        signature = credentials.keys[0].sign_ssh_data(b"data")
        assert b"ssh-ed25519" in bytes(signature)
    finally:
        agent.terminate()
        agent.wait()


def test_a_named_known_hosts_must_be_there(tmp_path: Path) -> None:
    write_key(tmp_path / "key")

    with pytest.raises(InputError, match="nowhere: no such known_hosts file"):
        load_credentials([str(tmp_path / "key")], [str(tmp_path / "nowhere")])


def test_the_usual_known_hosts_may_be_missing(tmp_path: Path, home: Path) -> None:
    write_key(tmp_path / "key")

    credentials = load_credentials([str(tmp_path / "key")])

    assert credentials.known_hosts.files == (f"{home}/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")


def certified(folder: Path, name: str, *options: str) -> Path:
    """Make a key with a certificate, as an administrator would; return the key."""
    key, authority = folder / name, folder / "ca"
    if not authority.exists():
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(authority)], check=True)
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(key)], check=True)
    sign = ["ssh-keygen", "-qs", str(authority), "-I", name, "-n", "ops", *options, f"{key}.pub"]
    subprocess.run(sign, check=True)
    return key


def shown(credentials: Credentials) -> list[tuple[str, bool]]:
    """Return each key that is shown: its type, and whether it is shown as a certificate."""
    return [(key.get_name(), key.public_blob is not None) for key in credentials.keys]


def test_a_certificate_beside_a_key_is_shown_before_the_bare_key(tmp_path: Path) -> None:
    key = certified(tmp_path, "key")

    credentials = load_credentials([str(key)])

    assert shown(credentials) == [("ssh-ed25519", True), ("ssh-ed25519", False)]


def test_a_certificate_may_lie_elsewhere(tmp_path: Path) -> None:
    key = certified(tmp_path, "key")
    (tmp_path / "key-cert.pub").rename(tmp_path / "signed.pub")

    credentials = load_credentials([str(key)], certificate_files=[str(tmp_path / "signed.pub")])

    assert shown(credentials) == [("ssh-ed25519", True), ("ssh-ed25519", False)]


def test_a_certificate_of_another_key_is_a_mistake(tmp_path: Path) -> None:
    certified(tmp_path, "other")
    write_key(tmp_path / "key")

    with pytest.raises(InputError) as caught:
        load_credentials([str(tmp_path / "key")], certificate_files=[f"{tmp_path}/other-cert.pub"])

    assert caught.value.message == f"{tmp_path}/other-cert.pub: belongs to none of the keys"


def test_a_file_that_is_no_certificate_is_a_mistake(tmp_path: Path) -> None:
    write_key(tmp_path / "key")
    (tmp_path / "text").write_text("hello")

    with pytest.raises(InputError, match="text: is not a certificate that can be used"):
        load_credentials([str(tmp_path / "key")], certificate_files=[str(tmp_path / "text")])


def test_the_agent_serves_only_named_keys_when_asked_to(tmp_path: Path) -> None:
    wanted, other = certified(tmp_path, "wanted"), certified(tmp_path, "other")
    socket = str(tmp_path / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        subprocess.run(["sh", "-c", 'until test -S "$1"; do sleep 0.02; done', "sh", socket], check=True)
        environment = {"SSH_AUTH_SOCK": socket, "PATH": os.environ["PATH"]}
        added = ["ssh-add", "-q", str(other), str(wanted)]
        subprocess.run(added, check=True, env=environment, stderr=subprocess.DEVNULL)
        key = paramiko.PKey.from_path(wanted)
        wanted.unlink()

        every = load_credentials(agent_socket=socket)
        only = load_credentials([str(wanted)], identities_only=True, agent_socket=socket)
    finally:
        agent.terminate()
        agent.wait()

    assert len(every.keys) == 4
    assert [each.get_name() for each in only.keys] == ["ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"]
    assert only.keys[1].asbytes() == key.asbytes()


def test_each_set_of_options_is_loaded_once_and_all_mistakes_are_told(tmp_path: Path) -> None:
    loaded = []

    def load(settings: SshSettings) -> Credentials:
        loaded.append(settings.identity_files)
        return load_credentials([str(tmp_path / name) for name in settings.identity_files])

    write_key(tmp_path / "a")
    one, again, other, third = (SshSettings(identity_files=(name,)) for name in ("a", "a", "b", "c"))
    ring = Keyring(load, [one, again])

    with pytest.raises(InputError) as caught:
        Keyring(load, [other, third])

    assert ring.of(Target("h", "h", 22, "ops", None, again)) is ring.of(
        Target("g", "g", 22, "ops", None, one)
    )
    assert loaded == [("a",), ("b",), ("c",)]
    assert caught.value.message == f"{tmp_path}/b: no such key file"
    assert caught.value.details == (f"{tmp_path}/c: no such key file",)
