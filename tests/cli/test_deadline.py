"""--deadline, in processes of their own: what it ends at once, what it lets end in order, and how long that takes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterctl.cli.carry import exit_code_of
from clusterctl.cli.summary import next_steps
from clusterctl.model.plan import Plan
from clusterctl.model.report import Report
from tests.cli.conftest import Desk
from tests.remote.sshd import write_key

HEAD = """
    import signal, sys, time
    from clusterctl.cli.deadline import Deadline, DeadlineOver
    from clusterctl.cli.interrupt import Interrupt
    from clusterctl.operations.patience import GivenUp
    interrupt = Interrupt(patience_s=0.5, last_s=0.2)
    def say(text):
        print(text, flush=True)
    def wait(seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.05)
"""


def run(body: str) -> tuple[int, list[str], str]:
    code = textwrap.dedent(HEAD) + textwrap.dedent(body)
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    return ran.returncode, ran.stdout.splitlines(), ran.stderr


def test_before_a_plan_is_approved_it_ends_at_once() -> None:
    ran = run("""
        try:
            Deadline(0.2).start()
            wait(20)
        except DeadlineOver:
            say("over")
        """)

    assert ran == (0, ["over"], "")


def test_a_run_is_stopped_in_order_and_says_why() -> None:
    code, out, err = run("""
        Deadline(1).start()
        interrupt.arm()
        try:
            with interrupt.waiting():
                wait(20)
        except GivenUp:
            say(f"given up: {interrupt.stopped()}")
        """)

    assert (code, out) == (0, ["given up: deadline"])
    assert err.startswith("the deadline has passed: stopping after the batch under way")


def test_what_does_not_stop_in_order_is_ended_after_the_grace() -> None:
    ran = run("""
        Deadline(1, grace_s=0.5).start()
        interrupt.arm()
        try:
            wait(20)
        except DeadlineOver:
            say(interrupt.stopped())
        """)

    assert ran[:2] == (0, ["deadline"])


def test_what_takes_no_signals_is_ended_all_the_same() -> None:
    ran = run("""
        Deadline(2, grace_s=0.1, last_s=0.3).start()
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        wait(20)
        """)

    assert ran == (1, [], "error: the deadline has passed and nothing ended; hosts finish what they began\n")


def test_what_ended_in_time_is_left_alone() -> None:
    ran = run("""
        watch = Deadline(2, grace_s=0.1, last_s=0.1)
        watch.start()
        watch.stop()
        wait(3)
        say("whole")
        """)

    assert ran == (0, ["whole"], "")


@pytest.fixture
def deaf() -> Iterator[int]:
    """Give a port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_verb_that_waits_for_a_silent_host_ends_with_words(tmp_path: Path, deaf: int) -> None:
    write_key(tmp_path / "key")
    (tmp_path / "known").write_text("")
    (tmp_path / "inventory.yaml").write_text(
        "cluster: test\nssh: {identity_file: key, known_hosts: known, user: root, connect_timeout: 20s}\n"
        f"hosts:\n  h1: {{address: 127.0.0.1, port: {deaf}}}\n"
    )
    began = time.monotonic()

    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "clusterctl",
            "-i",
            str(tmp_path / "inventory.yaml"),
            "hosts",
            "--deadline",
            "1s",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "CLUSTERCTL_STATE": str(tmp_path / "state")},
    )

    assert (ran.returncode, ran.stdout) == (1, ""), ran.stderr
    assert ran.stderr == (
        "error: the deadline has passed\n"
        "next: run the same command again, or clusterctl resume where a run was begun: they go on from there. "
        "Hosts finish what they began.\n"
    )
    assert 1 <= time.monotonic() - began < 18  # of the 20 s until the connection fails


def test_a_run_that_it_stopped_has_failed_and_can_be_resumed() -> None:
    report = Report(Plan("apply", "shop"), stopped="deadline", run="r1")

    assert exit_code_of(report) == 1
    assert next_steps(report)[:2] == [
        "next: when it may go on,",
        "  clusterctl resume r1  goes on from here, or",
    ]


def test_a_duration_that_is_none_is_a_mistake(desk: Desk) -> None:
    assert desk.run("hosts", "--deadline", "soon").code == 2
    assert desk.run("hosts", "--deadline", "5m").code == 0


def test_verbs_that_have_a_deadline_of_their_own_keep_it(desk: Desk) -> None:
    assert desk.run("drain", "h1", "--deadline", "soon").err.startswith("error: --deadline: ")
    assert desk.run("--deadline", "10m", "drain", "h1", "--deadline", "1m", "--dry-run").code == 0
