"""Commands, files and the order to reboot, by the real script."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterctl.model.step import CopyFile, Reboot, RunCommand
from tests.remote.shell_host import BOOT_ID, ShellHost

RUN = RunCommand("h1", "true", 10, "step 1")
OWNER = f"{os.getuid()}:{os.getgid()}"
REBOOT = Reboot("h1", BOOT_ID, 60, "new kernel")


@pytest.fixture
def host(tmp_path: Path) -> ShellHost:
    return ShellHost(tmp_path)


def copy(
    host: ShellHost, content: bytes, mode: int = 0o640, path: str = "copied", owner: str = OWNER
) -> CopyFile:
    return CopyFile("h1", str(host.root / path), content, mode, owner, "step 2")


# --- commands ------------------------------------------------------------------------------------


def test_a_command_runs_in_a_shell_and_its_last_lines_are_the_log(host: ShellHost) -> None:
    result = host.run(replace(RUN, command="echo first; cd /tmp && pwd; echo 'ü $HOME' >&2"))[0]

    assert (result.status, result.log) == ("changed", ("first", "/tmp", "ü $HOME"))


def test_no_line_is_lost_however_slowly_they_come(host: ShellHost) -> None:
    """Each line is a write of its own, and read before the next one comes."""
    slow = "for n in 1 2 3 4 5 6; do echo line $n; sleep 0.05; done"  # the pauses are what is tested

    result = host.run(replace(RUN, command=slow))[0]

    assert result.log == tuple(f"line {n}" for n in range(1, 7))


def test_a_command_that_fails_says_with_what(host: ShellHost) -> None:
    result = host.run(replace(RUN, command="echo why; exit 3"))[0]

    assert (result.status, result.detail) == ("failed", "the command ended with exit code 3")
    assert result.log == ("why",)


def test_a_command_that_lasts_too_long_is_ended_with_what_it_started(host: ShellHost) -> None:
    began = time.monotonic()

    result = host.run(replace(RUN, command="sleep 60 & sleep 60; echo never", timeout_s=0.5))[0]

    assert (result.status, result.detail) == ("failed", "the command did not end within 1 s")
    assert time.monotonic() - began < 30


def test_a_daemon_that_a_command_leaves_keeps_neither_us_nor_the_hosts_lock(host: ShellHost) -> None:
    """Caught: an inherited descriptor 9 kept the lock for as long as the daemon lived."""
    began = time.monotonic()

    first = host.run(replace(RUN, command="sleep 60 & echo started"))[0]
    second = host.run(RUN)[0]

    assert (first.status, second.status) == ("changed", "changed")
    assert first.log == ("started",)
    assert time.monotonic() - began < 30


def test_a_chatty_command_fills_nothing_and_its_end_is_kept(host: ShellHost) -> None:
    result = host.run(replace(RUN, command="seq 1 200000; echo the end"))[0]

    assert result.log[-2:] == ("200000", "the end")
    assert len(result.log) == 20


def test_a_command_reads_nothing_and_does_not_see_our_frame(host: ShellHost) -> None:
    result = host.run(replace(RUN, command='cat; echo "[$NONCE]"; echo "done 0123456789 rc 9"'))[0]

    assert (result.status, result.log) == ("changed", ("[]", "done 0123456789 rc 9"))


def test_a_command_is_not_needed_where_its_file_is_there_or_its_question_says_so(host: ShellHost) -> None:
    touch = replace(RUN, command=f"touch {host.root}/made")

    there = host.run(replace(touch, creates=str(host.root / "etc")))[0]
    said = host.run(replace(touch, unless="echo yes; true"))[0]
    absent = host.run(replace(touch, creates=str(host.root / "nowhere"), unless="false"))[0]

    assert (there.status, there.detail) == ("unchanged", f"{host.root}/etc exists")
    assert (said.status, said.detail) == ("unchanged", "not needed")
    assert absent.status == "changed"
    assert "made" in host.names(".")


def test_after_a_failed_command_nothing_is_begun(host: ShellHost) -> None:
    results = host.run(replace(RUN, command="false"), RUN, copy(host, b"x"), REBOOT)

    assert [result.status for result in results] == ["failed", "skipped", "skipped", "skipped"]
    assert "copied" not in host.names(".")


def test_what_a_command_says_is_no_secret_in_the_journal(host: ShellHost) -> None:
    host.run(replace(RUN, command="echo s3cret"), epoch=4)

    assert host.read("journal") == "epoch 4, a test: run a command (step 1): changed\n"


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs", "Cc"]), max_size=30))
def test_any_word_reaches_the_command_as_it_is(tmp_path_factory: pytest.TempPathFactory, word: str) -> None:
    host = ShellHost(tmp_path_factory.mktemp("host"))
    quoted = "'" + word.replace("'", "'\\''") + "'"

    host.run(replace(RUN, command=f"printf %s {quoted} >{host.root}/said"))

    assert host.read("said") == word


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"\0\xff\n", b"0\xc3\xa9 no newline", bytes(range(256)) * 1000])
def test_any_bytes_become_a_file_with_its_mode(host: ShellHost, content: bytes) -> None:
    first, again = host.run(copy(host, content))[0], host.run(copy(host, content))[0]

    file = host.root / "copied"
    assert (first.status, again.status) == ("changed", "unchanged")
    assert file.read_bytes() == content
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_another_mode_is_a_change(host: ShellHost) -> None:
    host.run(copy(host, b"x"))

    assert host.run(copy(host, b"x", 0o755))[0].status == "changed"
    assert stat.S_IMODE((host.root / "copied").stat().st_mode) == 0o755


def test_a_symbolic_link_or_a_folder_is_never_written_through(host: ShellHost) -> None:
    host.write("target", "kept")
    (host.root / "link").symlink_to(host.root / "target")

    link = host.run(copy(host, b"x", path="link"))[0]
    folder = host.run(copy(host, b"x", path="etc"))[0]
    nowhere = host.run(copy(host, b"x", path="no/where"))[0]

    assert link.detail == f"{host.root}/link is a symbolic link; name the file it leads to"
    assert folder.detail == f"{host.root}/etc is no file; nothing was changed"
    assert nowhere.detail == f"there is no folder {host.root}/no"
    assert {link.status, folder.status, nowhere.status} == {"failed"}
    assert host.read("target") == "kept"


def test_a_link_on_the_way_that_others_can_bend_is_not_followed(host: ShellHost) -> None:
    """Bad-input row 28: in a folder where everybody may write, or of another user than root and us."""
    (host.root / "mine").mkdir()
    (host.root / "own").symlink_to(host.root / "mine")
    shared = host.root / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "trap").symlink_to(host.root / "mine")

    trapped = host.run(copy(host, b"x", path="shared/trap/a"))[0]
    followed = host.run(copy(host, b"x", path="own/b"))[0]
    host.program("stat", 'case $2 in %u) echo 4242 ;; *) exec /usr/bin/stat "$@" ;; esac')
    foreign = host.run(copy(host, b"x", path="own/c"))[0]

    assert trapped.detail == f"{shared}/trap is a symbolic link that others can bend"
    assert foreign.detail == f"{host.root}/own is a symbolic link that others can bend"
    assert (trapped.status, followed.status, foreign.status) == ("failed", "changed", "failed")
    assert host.names("mine") == ["b"]


def test_a_file_that_cannot_be_written_leaves_the_old_one_whole(host: ShellHost) -> None:
    host.write("copied", "old")
    host.program("base64", 'echo "write error: No space left on device" >&2; exit 1')

    result = host.run(copy(host, b"new"))[0]

    assert (result.status, result.detail) == (
        "failed",
        f"cannot write {host.root}/copied: write error: No space left on device",
    )
    assert host.read("copied") == "old"
    assert not list(host.root.glob(".clusterctl*"))


def test_an_owner_that_is_not_there_is_told(host: ShellHost) -> None:
    result = host.run(copy(host, b"x", owner="nobody-here"))[0]

    assert result.status == "failed"
    assert "invalid user" in result.detail


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "relative"},
        {"path": "/a\nb"},
        {"path": "/ends/"},
        {"path": ""},
        {"owner": "a b"},
        {"owner": "-x"},
        {"owner": "a:b:c"},
    ],
)
def test_a_path_or_owner_that_is_none_never_enters_a_script(host: ShellHost, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not fit for a script"):
        host.script(replace(copy(host, b""), **wrong))


# --- the reboot ----------------------------------------------------------------------------------


def test_a_reboot_is_ordered_for_two_seconds_from_now(host: ShellHost) -> None:
    host.program("systemd-run", f'echo "$*" >{host.root}/ordered')

    result = host.run(REBOOT)[0]

    assert result.status == "changed"
    assert host.read("ordered") == (
        "--quiet --collect --on-active=2 --timer-property=AccuracySec=100ms systemctl reboot\n"
    )


def test_a_host_that_has_rebooted_already_is_not_rebooted_again(host: ShellHost) -> None:
    host.program("systemd-run", f"touch {host.root}/ordered")

    result = host.run(replace(REBOOT, boot_id="99999999-2222-3333-4444-555555555555"))[0]

    assert (result.status, result.detail) == ("unchanged", "rebooted already")
    assert "ordered" not in host.names(".")


def test_a_reboot_that_cannot_be_ordered_is_told(host: ShellHost) -> None:
    host.program("systemd-run", 'echo "Failed to connect to bus" >&2; exit 1')

    result = host.run(REBOOT)[0]

    assert (result.status, result.detail) == ("failed", "systemd-run: Failed to connect to bus")
