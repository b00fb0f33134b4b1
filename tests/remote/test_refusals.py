"""What is said of an answer that cannot be true, and of files here that cannot be used: whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clusterctl.cli.console import show_error
from clusterctl.errors import ClusterctlError, InputError
from clusterctl.model.snapshot import LookRequest
from clusterctl.remote import copy as copy_module
from clusterctl.remote.copy import list_items
from clusterctl.remote.facts import build_look, images_to_ask
from clusterctl.remote.frame import Section
from clusterctl.remote.keys import load_credentials
from clusterctl.remote.packages.facts import parse_packages
from clusterctl.remote.trust import add_host_keys
from tests.remote.sshd import write_key
from tests.remote.test_facts import NONCE, SICK, WHOLE, reason, with_section

TRUE = "the answer cannot be true: "
HEALTHY = SICK.replace(b"CHECKS", b"")


@pytest.mark.parametrize(
    ("section", "body", "said"),
    [
        ("containers", b"{}\n" * 20_001, "docker tells of 20001 items; at most 20000 are read"),
        ("containers", b"[1]\n", "JSON object expected: '[1]'"),
        ("containers", b"{no\n", "not JSON: '{no'"),
        ("containers", b'{"state": NaN}\n', "JSON with NaN"),
        ("containers", b'"' + b"x" * 1_048_576 + b'"\n', "JSON of 1048578 bytes in one line"),
        ("containers", b'{"state": 7}\n', "state of docker is '7'"),
        (
            "containers",
            HEALTHY.replace(b'"labels":null', b'"labels":{"a":1}'),
            "labels of docker are no texts",
        ),
        ("containers", HEALTHY.replace(b'"ports":{}', b'"ports":[1]'), "ports of docker are no object"),
        (
            "containers",
            HEALTHY.replace(b'"ports":{}', b'"ports":{"80/tcp":[1]}'),
            "a port binding of docker is no object",
        ),
        ("containers", SICK.replace(b"CHECKS", b'"x"'), "health checks of docker are \"['x']\""),
        ("volumes", b"caf\xc3\xa9\n", "names of volumes are no names"),
        ("disk", b"Filesystem\n", "the disk of docker's data is not told"),
        ("listen", b"tcp LISTEN\n", "a listening port is told as 'tcp LISTEN'"),
        ("listen", b"tcp LISTEN 0 1 0.0.0.0:99999 *:*\n", "a port is '99999'"),
    ],
)
def test_an_answer_that_cannot_be_true_says_why(section: str, body: bytes, said: str) -> None:
    assert reason(with_section(section, body)) == f"{TRUE}{said}"


def test_an_answer_without_a_section_names_it() -> None:
    mark = f"\n{NONCE} section basics\n".encode()

    assert (
        reason(WHOLE.replace(mark, mark.replace(b"basics", b"others"))) == f"{TRUE}section basics is missing"
    )


@pytest.mark.parametrize(
    ("driver", "pending", "said"),
    [
        ("none-such", Section(b"", 0), "no package manager that is known here"),
        (
            "apt",
            Section(b"", 100),
            "apt: the answer is not understood: apt-get cannot say what an update would do",
        ),
        (
            "apt",
            Section(b"Inst oops\n", 0),
            "apt: the answer is not understood: not understood: Inst oops",
        ),
        (
            "apt",
            Section(b"Inst UPPER (1 x)\n", 0),
            "apt: the answer is not understood: no package: UPPER  1",
        ),
        ("dnf", Section(b"", 1), "dnf: the answer is not understood: dnf cannot say what an update would do"),
        (
            "zypper",
            Section(b"", 1),
            "zypper: the answer is not understood: zypper cannot say what an update would do",
        ),
        (
            "zypper",
            Section(b"<!DOCTYPE x>", 0),
            "zypper: the answer is not understood: XML with declarations of its own",
        ),
    ],
)
def test_packages_that_are_not_understood_say_why(driver: str, pending: Section, said: str) -> None:
    empty = Section(b"", 0)
    sections = {
        "packages.driver": Section(f"{driver}\n".encode(), 0),
        "packages.pending": pending,
        "packages.installed": empty,
        "packages.status": empty,
    }

    assert parse_packages(sections).error == said


# --- files here ----------------------------------------------------------------------------------


def told(capsys: pytest.CaptureFixture[str], act: Callable[[], object]) -> str:
    """Return what a person reads of the error that an act ends in."""
    with pytest.raises(ClusterctlError) as caught:
        act()
    show_error(caught.value)
    return capsys.readouterr().err


def load(*keys: Path, known: Path | None = None, certificate: Path | None = None) -> Callable[[], object]:
    return lambda: load_credentials(
        [str(key) for key in keys],
        [str(known)] if known else [],
        allow_agent=False,
        certificate_files=[str(certificate)] if certificate else [],
    )


@pytest.fixture
def key(tmp_path: Path) -> Path:
    write_key(tmp_path / "key")
    (tmp_path / "known").write_text("")
    return tmp_path / "key"


def test_a_key_that_is_not_there(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = key.with_name("gone")

    assert told(capsys, load(gone)) == (
        f"error: {gone}: no such key file\nnext: name an existing identity_file\n"
    )


def test_a_key_that_cannot_be_read(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, load(key.parent)) == (
        f"error: {key.parent}: cannot be read: Is a directory\n"
        f"next: let this user read it, or name another: ls -l {key.parent}\n"
    )


def test_a_key_that_is_none(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key.write_text("no key\n")

    said = told(capsys, load(key))

    assert said.startswith(f"error: {key}: is not a private key that can be used: ")
    assert said.endswith("\nnext: name another identity_file, or see: ssh-keygen -yf\n")


def test_no_key_at_all(
    key: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(key.parent / "nobody"))

    assert told(capsys, load()) == (
        "error: no SSH key to show: neither ~/.ssh/id_ed25519, ~/.ssh/id_ecdsa, ~/.ssh/id_rsa nor an agent. "
        "Nothing was contacted.\n"
        "next: ssh-keygen -t ed25519, or set identity_file in the inventory\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such certificate file"),
        ("no certificate\n", "is not a certificate that can be used"),
    ],
)
def test_a_certificate_that_cannot_be_used(
    key: Path, capsys: pytest.CaptureFixture[str], text: str | None, said: str
) -> None:
    place = key.with_name("cert.pub")
    if text is not None:
        place.write_text(text)

    assert told(capsys, load(key, known=key.with_name("known"), certificate=place)) == (
        f"error: {place}: {said}\nnext: name an existing certificate_file, as ssh-keygen -s writes it\n"
    )


def test_known_hosts_that_cannot_be_read(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, load(key, known=key.parent)) == (
        f"error: {key.parent}: cannot be read: Is a directory\n"
        f"next: let this user read it, or name another: ls -l {key.parent}\n"
    )


def test_known_hosts_that_cannot_be_written(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, lambda: add_host_keys(str(key.parent), [])) == (
        f"error: {key.parent}: cannot be written: Is a directory\n"
        "next: name another known_hosts in the inventory.\n"
    )


def test_files_that_are_not_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/a\nb").write_text("")
    (tmp_path / "many").mkdir()
    for name in "abc":
        (tmp_path / "many" / name).write_text("more")

    gone = told(capsys, lambda: list_items([str(tmp_path / "gone")]))
    odd = told(capsys, lambda: list_items([str(tmp_path / "odd")]))
    monkeypatch.setattr(copy_module, "MOST_FILE_BYTES", 3)
    large = told(capsys, lambda: list_items([str(tmp_path / "many/a")]))
    monkeypatch.setattr(copy_module, "MOST_FILES", 2)
    many = told(capsys, lambda: list_items([str(tmp_path / "many")]))

    assert (gone, odd, large, many) == (
        (
            f"error: {tmp_path}/gone: cannot be read: No such file or directory\n"
            f"next: ls -l {tmp_path}/gone. Nothing was contacted.\n"
        ),
        (
            "error: 'odd/a\\nb': a name with control marks, or blanks at its ends, is not copied\n"
            "next: rename it. Nothing was contacted.\n"
        ),
        f"error: {tmp_path}/many/a: larger than 1 GiB\nnext: send it in parts. Nothing was contacted.\n",
        "error: more than 2 files or 10 GiB\nnext: copy less at once. Nothing was contacted.\n",
    )


def test_what_a_look_cannot_ask() -> None:
    with pytest.raises(InputError, match=r"^a b: is not an image reference$"):
        images_to_ask(LookRequest(images=("a b",)))
    with pytest.raises(InputError, match=r"^65 images to resolve at once; at most 64$"):
        images_to_ask(LookRequest(images=tuple(f"i{n}" for n in range(65))))
    with pytest.raises(InputError, match=r"^\.\./x: is not the name of a run$"):
        build_look(LookRequest(run="../x"), NONCE)
