"""What `ssh`, `cp` and `hosts trust` say before anything is contacted, and of a server that answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.remote.sshd import Sshd


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Write an inventory of two hosts whose server is the test's."""
    sshd = Sshd(tmp_path)
    (tmp_path / "inventory.yaml").write_text(
        "cluster: test\nssh: {user: ops, identity_file: id_ed25519, known_hosts: fresh}\n"
        f"hosts:\n  web1: {{address: 127.0.0.1, port: {sshd.port}}}\n"
    )
    return tmp_path


def run(here: Path, *words: str) -> tuple[int, str, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "clusterctl", "-i", str(here / "inventory.yaml"), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("cp", "a"),
            (
                "error: cp: two places are needed\n"
                "next: clusterctl cp FILE... HOSTS:PATH, or clusterctl cp HOSTS:PATH FOLDER. Nothing was contacted.\n"
            ),
        ),
        (
            ("cp", "web1:/a", "web1:/b"),
            (
                "error: cp: either the last place or the only first one is HOSTS:PATH\n"
                "next: clusterctl cp FILE... HOSTS:PATH, or clusterctl cp HOSTS:PATH FOLDER. Nothing was contacted.\n"
            ),
        ),
        (
            ("cp", "a", "web1:../b"),
            (
                "error: web1:../b: expected a whole path on the hosts, without '..'\n"
                "next: such as web1:/etc/motd. Nothing was contacted.\n"
            ),
        ),
        (
            ("hosts", "trust", "web1", "--fingerprint", "x"),
            "error: --fingerprint: expected SHA256: and 43 letters, got 'x'\nnext: clusterctl hosts --help\n",
        ),
        (
            ("hosts", "web1", "web2"),
            "error: hosts: expected one selector\nnext: clusterctl hosts --help. Nothing was contacted.\n",
        ),
        (
            ("--ask-pass", "hosts", "trust", "web1"),
            (
                "error: there is nobody to ask for the password of the login\n"
                "next: from cron: ssh.password_file or ssh.sudo_password_file. Nothing was contacted.\n"
            ),
        ),
    ],
)
def test_wrong_usage_is_exit_2(here: Path, words: tuple[str, ...], said: str) -> None:
    code, out, err = run(here, *words)

    assert (code, out, err) == (2, "", said)


def test_a_new_key_is_added_by_its_print_only(here: Path) -> None:
    listed = run(here, "hosts", "trust", "--dry-run", "-o", "json")
    (key,) = json.loads(listed[1])["keys"]
    known = key["fingerprint"]

    foreign = run(here, "hosts", "trust", "--fingerprint", f"SHA256:{'A' * 43}")
    good = run(here, "hosts", "trust", "--fingerprint", known)
    again = run(here, "hosts", "trust")

    assert (key["host"], key["kind"], key["state"]) == ("web1", "ssh-ed25519", "new")
    assert listed[2] == "nothing was added (--dry-run)\n"
    assert (foreign[0], foreign[2]) == (6, f"web1: {known} is not among the fingerprints given; not added\n")
    assert (good[0], good[2]) == (0, f"added 1 of 1 to {here}/fresh\n")
    assert again[0] == 0
    assert again[1].endswith("\nnothing to add\n")


def test_a_changed_key_is_never_replaced(here: Path) -> None:
    run(here, "hosts", "trust", "--yes")
    text = (here / "fresh").read_text()
    name, kind, _ = text.split()
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(here / "other")], check=True)
    other = (here / "other.pub").read_text().split()[1]
    (here / "fresh").write_text(f"{name} {kind} {other}\n")

    code, out, err = run(here, "hosts", "trust", "--yes")

    assert code == 6
    assert out.splitlines()[1].endswith("changed")
    assert (
        err.splitlines()[1] == f"next: if the host was made anew: ssh-keygen -R '{name}', then trust it again"
    )
    assert (here / "fresh").read_text() == f"{name} {kind} {other}\n"


@pytest.mark.parametrize(
    ("words", "said", "kind"),
    [
        (("exec", "all", "--", "rm -r /srv"), "would run on web1: rm -r /srv (--dry-run)\n", "Results"),
        (("cp", "{here}/a", "web1:/srv"), "would send 1 file to /srv of web1 (--dry-run)\n", "Copied"),
        (("cp", "web1:/srv", "got"), "would fetch /srv of web1 into got/HOST (--dry-run)\n", "Copied"),
    ],
)
def test_a_dry_run_contacts_nobody(here: Path, words: tuple[str, ...], said: str, kind: str) -> None:
    (here / "a").write_text("x")
    typed = [word.replace("{here}", str(here)) for word in words]

    plain = run(here, "--dry-run", *typed)
    code, out, _ = run(here, "--dry-run", "-o", "json", *typed)

    assert plain == (0, "", said)
    found = json.loads(out)
    assert (code, found.pop("kind"), found.pop("apiVersion")) == (0, kind, "clusterctl/v1")
    assert not any(found.values())
