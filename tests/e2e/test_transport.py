"""How hosts are reached: passwords, sudo, certificates, trust, a shell and files, with real sshd and sudo."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.fleet import LabFleet

WORD = "tops3cret"
# h1: sudo and logins by password; h2: logins by keyboard-interactive; h3: keys only, as the lab has it.
SETUP = {
    "h1": f"echo ops:{WORD} | chpasswd; echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/zz-test; "
    "echo PasswordAuthentication yes >/etc/ssh/sshd_config.d/aa-test.conf",
    "h2": f"echo ops:{WORD} | chpasswd; "
    "echo KbdInteractiveAuthentication yes >/etc/ssh/sshd_config.d/aa-test.conf",
}
UNDO = (
    "rm -f /etc/sudoers.d/zz-test /etc/ssh/sshd_config.d/aa-test.conf /etc/ssh/test-*; systemctl restart ssh"
)


@pytest.fixture
def folder(fleet: LabFleet, tmp_path: Path) -> Iterator[Path]:
    """Give a folder with the lab's key and known_hosts and password files; hosts are put back afterwards."""
    for name in ("id_ed25519", "known_hosts"):
        shutil.copy(Path(fleet.inventory).parent / name, tmp_path / name)
    for name, word in (("word", WORD), ("wrong", "wr0ng")):
        (tmp_path / name).write_text(f"{word}\n")
        (tmp_path / name).chmod(0o600)
    for host, script in SETUP.items():
        fleet.inside(host, "sh", "-c", f"{script}; systemctl reload ssh")
    yield tmp_path
    for host in ("h1", "h2", "h3"):
        fleet.inside(host, "sh", "-c", UNDO)


def inventory(fleet: LabFleet, folder: Path, ssh: str, hosts: tuple[str, ...] = ("h1", "h2", "h3")) -> str:
    lines = "".join(f"  {host}: {{address: {fleet.addresses[host]}}}\n" for host in hosts)
    path = folder / "inventory.yaml"
    path.write_text(f"cluster: lab-{fleet.name}\nssh: {{user: ops, {ssh}}}\nhosts:\n{lines}")
    return str(path)


def keygen(*words: object) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, words)], check=True)


def test_logins_by_password(fleet: LabFleet, folder: Path) -> None:
    ssh = "known_hosts: known_hosts, identity_agent: none, password_file: {}"
    home = str(folder / "home")

    good = fleet.cli(
        "exec", "all", "--", "id", "-un", inventory=inventory(fleet, folder, ssh.format("word")), HOME=home
    )
    wrong = fleet.cli(
        "exec", "h1", "--", "id", inventory=inventory(fleet, folder, ssh.format("wrong")), HOME=home
    )

    assert good.code == 6, good.stderr
    assert good.stdout == "h[1-2]: ops\n"
    assert good.stderr.splitlines()[0] == (
        "h3: auth: no key to show for ops; the server takes no password, but publickey"
    )
    assert (wrong.code, wrong.stderr.splitlines()[0]) == (6, "h1: auth: the password of ops was refused")


def test_sudo_with_a_password(fleet: LabFleet, folder: Path) -> None:
    """Row 46; and a wrong password is tried once."""
    ssh = "known_hosts: known_hosts, identity_file: id_ed25519"
    since = fleet.clock()

    without = fleet.cli("hosts", "h1", inventory=inventory(fleet, folder, ssh))
    wrong = fleet.cli(
        "exec",
        "h1",
        "--sudo",
        "--",
        "id",
        inventory=inventory(fleet, folder, f"{ssh}, sudo_password_file: wrong"),
    )
    good = fleet.cli(
        "exec",
        "all",
        "--sudo",
        "--",
        "id -un; cat",
        inventory=inventory(fleet, folder, f"{ssh}, sudo_password_file: word"),
    )

    assert (without.code, without.stderr.splitlines()) == (
        6,
        [
            "h1: sudo: sudo: a password is required; what runs there is unknown, not stopped",
            "next: h1: let the user run sudo without a password, or give it: --ask-sudo-pass, or ssh.sudo_password_file",
        ],
    )
    assert (wrong.code, wrong.stderr.splitlines()[0]) == (6, "h1: sudo: sudo refused the password of ops")
    assert (good.code, good.stdout) == (0, "h[1-3]: root\n"), good.stderr
    said = fleet.inside("h1", "journalctl", "-q", "-o", "cat", "--since", since)
    assert "1 incorrect password attempt" in said
    assert "wr0ng" not in said
    assert WORD not in said


def test_certificates_of_users_and_hosts(fleet: LabFleet, folder: Path) -> None:
    keygen("-t", "ed25519", "-N", "", "-f", folder / "ca")
    keygen("-t", "ed25519", "-N", "", "-f", folder / "mine")
    keygen("-s", folder / "ca", "-I", "mine", "-n", "ops", folder / "mine.pub")
    authority = (folder / "ca.pub").read_text()
    (folder / "host.pub").write_text(fleet.inside("h3", "cat", "/etc/ssh/ssh_host_ed25519_key.pub"))
    address = fleet.addresses["h3"]
    keygen("-s", folder / "ca", "-I", "h3", "-h", "-n", address, folder / "host.pub")
    certificate = (folder / "host-cert.pub").read_text()
    fleet.inside(
        "h3", "sh", "-c", f"echo '{authority}' >/etc/ssh/test-ca; echo '{certificate}' >/etc/ssh/test-host"
    )
    options = "TrustedUserCAKeys /etc/ssh/test-ca\\nHostCertificate /etc/ssh/test-host\\n"
    fleet.inside(
        "h3", "sh", "-c", f"printf '{options}' >/etc/ssh/sshd_config.d/aa-test.conf; systemctl restart ssh"
    )
    (folder / "authorities").write_text(f"@cert-authority {address} {authority}")
    (folder / "others").write_text(f"@cert-authority 192.0.2.1 {authority}")

    ssh = "identity_file: mine, identity_agent: none, known_hosts: {}"
    good = fleet.cli(
        "exec", "h3", "--", "id", "-un", inventory=inventory(fleet, folder, ssh.format("authorities"))
    )
    foreign = fleet.cli("exec", "h3", "--", "id", inventory=inventory(fleet, folder, ssh.format("others")))

    assert (good.code, good.stdout) == (0, "h3: ops\n"), good.stderr
    assert foreign.code == 6
    assert foreign.stderr.startswith("h3: host-key: unknown host key ssh-ed25519 SHA256:")


def test_two_trust_at_the_same_time(fleet: LabFleet, folder: Path) -> None:
    path = inventory(fleet, folder, "known_hosts: fresh, identity_file: id_ed25519")

    asked = fleet.cli("hosts", "trust", inventory=path)
    both = [fleet.start("hosts", "trust", "--yes", inventory=path) for _ in range(2)]
    ended = [process.wait(timeout=60) for process in both]
    lines = (folder / "fresh").read_text().splitlines()
    answer = fleet.cli("exec", "all", "--", "true", inventory=path)

    assert asked.code == 2
    assert "there is nobody to ask whether these keys are right; nothing was added" in asked.stderr
    assert ended == [0, 0]
    assert sorted(line.split()[0] for line in lines) == sorted(
        fleet.addresses[host] for host in ("h1", "h2", "h3")
    )
    assert answer.code == 0


def test_a_shell_and_files(fleet: LabFleet, folder: Path) -> None:
    path = inventory(fleet, folder, "known_hosts: known_hosts, identity_file: id_ed25519")
    jumping = Path(path).read_text().replace("h3: {", "h3: {jump: h2, ")
    Path(path).write_text(jumping)
    (folder / "site").mkdir()
    (folder / "site" / "conf").write_bytes(bytes(range(256)) * 4096)
    (folder / "site" / "conf").chmod(0o640)

    shell = fleet.cli("ssh", "h3", "--", "echo $SSH_CONNECTION", inventory=path)
    denied = fleet.cli("cp", str(folder / "site/conf"), "h2:/etc/test", inventory=path)
    sent = fleet.cli("cp", str(folder / "site"), "h[2-3]:/tmp/", inventory=path)
    fetched = fleet.cli("cp", "--sudo", "h[2-3]:/tmp/site", str(folder / "got"), inventory=path)

    assert shell.stdout.split()[0] == fleet.addresses["h2"]
    assert (denied.code, denied.stderr.splitlines()) == (
        1,
        [
            "h2: exec: /etc/test: cannot be written",
            "next: h2: is there room, and may the user do that there? --sudo copies as root",
        ],
    )
    assert (sent.code, sorted(sent.stdout.splitlines())) == (
        0,
        ["h2: 1 file to /tmp/", "h3: 1 file to /tmp/"],
    )
    assert fetched.code == 0, fetched.stderr
    for host in ("h2", "h3"):
        back = folder / "got" / host / "site" / "conf"
        assert back.read_bytes() == (folder / "site" / "conf").read_bytes()
        assert back.stat().st_mode & 0o777 == 0o640
        fleet.inside(host, "rm", "-r", "/tmp/site")


def test_a_server_that_lets_few_in_at_once(fleet: LabFleet, folder: Path) -> None:
    """Row 14: MaxStartups 2:50:3 at a server that twelve hosts share; all are reached."""
    ports = range(2201, 2213)
    lines = "\\n".join(
        ["MaxStartups 2:50:3", "ListenAddress 0.0.0.0:22", *(f"ListenAddress 0.0.0.0:{p}" for p in ports)]
    )
    fleet.inside(
        "h3", "sh", "-c", f"printf '{lines}\\n' >/etc/ssh/sshd_config.d/aa-test.conf; systemctl restart ssh"
    )
    hosts = "".join(f"  t{port}: {{address: {fleet.addresses['h3']}, port: {port}}}\n" for port in ports)
    path = folder / "inventory.yaml"
    path.write_text(
        "cluster: t\nssh: {user: ops, identity_file: id_ed25519, known_hosts: fresh, connect_timeout: 30s}\n"
        f"hosts:\n{hosts}"
    )

    trusted = fleet.cli("hosts", "trust", "--yes", inventory=str(path))
    ran = fleet.cli("exec", "all", "--", "echo in", inventory=str(path))

    assert trusted.code == 0, trusted.stderr
    assert (ran.code, ran.stdout) == (0, "t[2201-2212]: in\n"), ran.stderr
