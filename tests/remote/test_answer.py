from __future__ import annotations

import pytest

from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.answer import parse_answer
from clusterctl.remote.frame import Frame

NONCE = "b" * 32
WHOLE = f"\n{NONCE} begin\n\n{NONCE} end 0\n".encode()


def answer(
    code: int = 0, stdout: bytes = b"", stderr: bytes = b"", *, truncated: bool = False
) -> Frame | Unreachable:
    return parse_answer("h1", CommandResult("h1", code, stdout, stderr, truncated), NONCE)


def test_a_whole_answer_is_its_frame() -> None:
    assert answer(stdout=WHOLE) == Frame({}, 0, complete=True, began=True)


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        (b"sudo: a password is required\n", "sudo: a password is required"),
        (b"sudo: unable to resolve host h1\nsudo: a password is required\n", "sudo: a password is required"),
        (b"Sorry, user ops is not allowed to execute '/bin/sh -s' as root on h1.\n",
         "Sorry, user ops is not allowed to execute '/bin/sh -s' as root on h1."),
        (b"sudo: \x1b[31mred\n", r"sudo: \x1b[31mred"),
    ],
)  # fmt: skip
def test_sudo_that_refuses_is_its_own_rung(stderr: bytes, said: str) -> None:
    found = answer(1, stderr=stderr)

    assert found == Unreachable("h1", "sudo", said)
    assert found.is_identity


def test_a_warning_of_sudo_is_no_refusal() -> None:
    assert isinstance(answer(stdout=WHOLE, stderr=b"sudo: unable to resolve host h1\n"), Frame)


def test_a_host_without_sudo() -> None:
    assert answer(127, stderr=b"bash: line 1: sudo: command not found\n") == Unreachable(
        "h1", "sudo", "sudo is not installed: bash: line 1: sudo: command not found"
    )


def test_a_login_shell_that_lets_nobody_in() -> None:
    assert answer(1, stdout=b"This account is currently not available.\n") == Unreachable(
        "h1", "exec", "the script did not start (exit code 1): This account is currently not available."
    )


def test_a_torn_answer_and_one_that_is_too_long() -> None:
    assert answer(-1, stdout=WHOLE[:40]) == Unreachable("h1", "answer", "the answer is torn (exit code -1)")
    assert answer(-1, stdout=b"x" * 1024 * 1024, truncated=True) == Unreachable(
        "h1", "answer", "the answer is longer than 1 MiB; it was cut and not used"
    )
