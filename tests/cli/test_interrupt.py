"""Real signals, in processes of their own: what the first and the second one do, and how long it takes."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass

import pytest

from clusterctl.cli.interrupt import Interrupt
from clusterctl.operations.patience import GivenUp

HEAD = """
    import queue, sys, time
    from clusterctl.cli.interrupt import Interrupt
    from clusterctl.operations.patience import GivenUp
    interrupt = Interrupt(patience_s=PATIENCE_S, last_s=0.5)
    interrupt.arm()
    def say(text):
        print(text, flush=True)
    def wait(seconds):
        "As fan_out does: in the main thread, on a queue that stays empty."
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                queue.SimpleQueue().get(timeout=0.25)
            except queue.Empty:
                pass
    say("ready")
"""


@dataclass
class Ran:
    code: int
    out: list[str]
    err: str
    took_s: float


def run(body: str, *signals: int, patience_s: float = 1.0) -> Ran:
    code = textwrap.dedent(HEAD).replace("PATIENCE_S", str(patience_s)) + textwrap.dedent(body)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    assert process.stderr
    start, heard = time.monotonic(), ""
    for place, number in enumerate(signals):
        if place:  # two of a kind are one for a process that has not taken the first
            heard = process.stderr.readline()
        time.sleep(0.2)
        process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return Ran(process.returncode, out.splitlines(), heard + err, time.monotonic() - start)


def test_the_first_signal_ends_a_wait_when_the_patience_is_over() -> None:
    ran = run(
        """
        try:
            with interrupt.waiting():
                wait(20)
        except GivenUp:
            say("given up")
        say(interrupt.stopped())
        """,
        signal.SIGINT,
    )

    assert ran.out == ["given up", "interrupted"]
    assert ran.err == (
        "stopping after the batch under way, which is waited for 1 s at most; "
        "once more to stop at once (hosts finish what they began)\n"
    )
    assert 1.0 <= ran.took_s < 10


def test_a_wait_that_ends_in_time_is_not_disturbed() -> None:
    ran = run(
        """
        with interrupt.waiting():
            while not interrupt.stopped():
                wait(0.1)
        wait(2)
        say("whole")
        """,
        signal.SIGTERM,
    )

    assert ran.out == ["whole"]
    assert ran.code == 0


def test_nothing_but_a_wait_is_ended_by_the_patience() -> None:
    """Writing the journal or giving the lock back is never broken off half way."""
    ran = run(
        """
        wait(2)
        say("whole")
        """,
        signal.SIGINT,
    )

    assert ran.out == ["whole"]


def test_a_timer_that_strikes_just_after_a_wait_breaks_nothing() -> None:
    interrupt = Interrupt()
    with interrupt.waiting():
        pass

    interrupt._on_alarm(signal.SIGALRM, None)

    with pytest.raises(GivenUp), interrupt.waiting():
        interrupt._on_alarm(signal.SIGALRM, None)


def test_a_wait_that_begins_after_the_signal_is_short_too() -> None:
    ran = run(
        """
        wait(1.5)
        for _ in range(2):
            start = time.monotonic()
            try:
                with interrupt.waiting():
                    wait(20)
            except GivenUp:
                say(f"given up after {time.monotonic() - start:.0f} s" if time.monotonic() - start < 5 else "late")
        """,
        signal.SIGINT,
    )

    assert [line.split(" after")[0] for line in ran.out] == ["given up", "given up"]


def test_the_second_signal_ends_at_once() -> None:
    ran = run(
        """
        try:
            with interrupt.waiting():
                wait(20)
        except GivenUp:
            say("given up")
        except KeyboardInterrupt:
            say("at once")
        """,
        signal.SIGINT,
        signal.SIGINT,
        patience_s=15.0,
    )

    assert ran.out == ["at once"]


def test_a_pause_between_two_batches_ends_with_the_signal() -> None:
    ran = run(
        """
        interrupt.pause(20)
        say(interrupt.stopped())
        """,
        signal.SIGTERM,
    )

    assert ran.out == ["terminated"]
    assert ran.took_s < 10


def test_a_signal_amid_much_output_breaks_nothing() -> None:
    ran = run(
        """
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            sys.stderr.write("x" * 5000)
        say("whole")
        """,
        signal.SIGINT,
    )

    assert ran.out == ["whole"]
    assert "Traceback" not in ran.err
