from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from clusterctl.model.step import OPERATOR, RunCommand
from clusterctl.remote.local import run_local

RUN = RunCommand(OPERATOR, "true", 10, "hook", about="web1")


def test_a_command_of_the_operator_knows_which_host_it_is_about() -> None:
    result = run_local(replace(RUN, command='echo "about $CLUSTERCTL_HOST"'))

    assert (result.status, result.log) == ("changed", ("about web1",))


def test_a_command_that_fails_says_with_what_and_shows_its_last_lines_escaped() -> None:
    result = run_local(replace(RUN, command="seq 1 30; printf '\\033[31mred\\n' >&2; exit 4"))

    assert (result.status, result.detail) == ("failed", "the command ended with exit code 4")
    assert len(result.log) == 20
    assert result.log[-2:] == ("30", r"\x1b[31mred")


def test_a_command_that_lasts_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    began = time.monotonic()

    result = run_local(
        replace(RUN, command=f"(trap '' TERM; sleep 20) & echo $! >{pid}; sleep 20", timeout_s=0.4)
    )

    assert (result.status, result.detail) == ("failed", "the command did not end within 0.4 s")
    assert time.monotonic() - began < 15
    while is_alive(int(pid.read_text())):
        assert time.monotonic() - began < 15


def test_a_command_that_never_stops_talking_is_ended_in_time() -> None:
    began = time.monotonic()

    result = run_local(replace(RUN, command="yes", timeout_s=0.4))

    assert result.status == "failed"
    assert result.log[-1] == "y"
    assert time.monotonic() - began < 20


def test_a_daemon_that_a_command_leaves_keeps_nobody_waiting() -> None:
    began = time.monotonic()

    result = run_local(replace(RUN, command="sleep 30 & echo started"))

    assert (result.status, result.log) == ("changed", ("started",))
    assert time.monotonic() - began < 20


def test_a_command_reads_nothing_of_ours() -> None:
    assert run_local(replace(RUN, command="cat; echo end")).log == ("end",)


def test_a_command_with_a_nul_is_a_failure_and_no_crash() -> None:
    result = run_local(replace(RUN, command="echo \0"))

    assert result.status == "failed"
    assert result.detail.startswith("the command cannot be run here: ")


def test_an_interrupt_ends_the_command_and_goes_on_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"

    def interrupt(_seconds: float) -> None:
        if pid.exists() and pid.read_text().strip():
            raise KeyboardInterrupt

    monkeypatch.setattr("clusterctl.remote.local.time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_local(replace(RUN, command=f"echo $$ >{pid}; exec sleep 20"))

    assert not is_alive(int(pid.read_text()))


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
