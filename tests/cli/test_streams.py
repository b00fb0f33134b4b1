"""The real program with streams as cron, pipes and old terminals have them (bad-input row 31): no trace, a right code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "clusterctl"]
BARE = {"LANG": "C", "LC_ALL": "C", "TERM": "dumb", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def started(*words: str, before: str = "", **more: object) -> subprocess.CompletedProcess[bytes]:
    """Run the program by a shell that first does something with its streams."""
    ran: subprocess.CompletedProcess[bytes] = subprocess.run(
        ["sh", "-c", f'exec "$@" {before}', "sh", *COMMAND, *words],
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
        env={**BARE, "PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]},
        **more,  # type: ignore[call-overload]
    )
    return ran


def test_a_pipe_that_nobody_reads_ends_it_without_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    ran = started("--help", stdout=writer)
    os.close(writer)

    assert (ran.returncode, ran.stderr) == (141, b"")


def test_a_closed_stdout_is_a_failure_because_the_result_is_lost() -> None:
    ran = started("--version", before=">&-")

    assert (ran.returncode, ran.stderr) == (1, b"")


def test_a_full_disk_behind_stdout_is_a_failure() -> None:
    ran = started("--version", before=">/dev/full")

    assert (ran.returncode, ran.stderr.decode()) == (
        1,
        (
            "error: No space left on device: the result, or what clusterctl keeps on this machine, is not written "
            "whole\nnext: make room there. The same command, or clusterctl resume, goes on.\n"
        ),
    )


def test_talk_that_nobody_takes_changes_no_exit_code() -> None:
    reader, unread = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)

    codes = [
        subprocess.run(
            [*COMMAND, "nothing"],
            stderr=stream,
            check=False,
            timeout=60,
            env={**BARE, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).returncode
        for stream in (unread, full)
    ]
    os.close(unread)
    os.close(full)

    assert codes == [2, 2]


@pytest.mark.parametrize("given", [b"", b"h1\r\ny\r\n", b"y\0y\n\0"])
def test_stdin_that_is_no_terminal_is_never_read_as_a_yes(tmp_path: Path, given: bytes) -> None:
    (tmp_path / "inventory.yaml").write_text("cluster: test\nhosts: {h1: {}}\n")

    ran = started(
        "-i", str(tmp_path / "inventory.yaml"), "lock", "release", "--force", "--reason", "x",
        input=given, stdout=subprocess.PIPE,
    )  # fmt: skip

    assert ran.returncode in {1, 2, 4, 6}
    assert b"[y/N]" not in ran.stderr
    assert b"Traceback" not in ran.stderr


def test_a_terminal_that_knows_ascii_only_gets_what_it_can_show() -> None:
    ran = started("fl\xfcge", stdout=subprocess.PIPE)

    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.startswith(b"error: clusterctl has no verb 'fl")
    assert ran.stderr.isascii()
