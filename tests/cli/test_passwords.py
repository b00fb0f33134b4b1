"""Where passwords come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterctl.cli.passwords import password_of
from clusterctl.errors import InputError
from clusterctl.remote.secret import Secret

WHAT = "password for sudo"


def test_a_password_in_a_file_of_its_owner_is_read(tmp_path: Path) -> None:
    path = tmp_path / "word"
    path.write_text("s3 cret\n")
    path.chmod(0o600)

    found = password_of(str(path), WHAT, {}, may_ask=False)

    assert found is not None
    assert found.reveal() == "s3 cret"


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "word"
    path.write_text("s3cret\n")
    path.chmod(0o640)

    with pytest.raises(InputError) as caught:
        password_of(str(path), WHAT, {}, may_ask=True)

    assert caught.value.message == f"{path}: others may read the password for sudo (mode 0640)"
    assert caught.value.next_step == f"chmod 600 {path}. Nothing was contacted."


@pytest.mark.parametrize("text", ["", "\n", "a\nb\n", "a\0b", "x" * 1025])
def test_what_is_no_password_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "word"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(InputError) as caught:
        password_of(str(path), WHAT, {}, may_ask=False)

    assert (
        caught.value.message == f"the password for sudo in {path} is empty, too long, or more than one line"
    )


def test_without_a_terminal_nobody_is_asked() -> None:
    with pytest.raises(InputError) as caught:
        password_of("-", WHAT, {}, may_ask=False)

    assert caught.value.message == "there is nobody to ask for the password for sudo"


def test_a_person_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    known: dict[tuple[str, str], Secret] = {}

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "s3cret"

    monkeypatch.setattr("getpass.getpass", answer)

    found = [password_of("-", WHAT, known, may_ask=True) for _ in range(2)]

    assert found[0] is found[1]
    assert asked == ["password for sudo: "]
