"""The display on a terminal: what it says of a slow host, of many hosts, of a wait, and of what a host sends."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterable

import pytest
from rich.console import Console

from clusterctl.cli.board import Board, heard
from clusterctl.cli.console import say
from clusterctl.cli.globals import Settings
from clusterctl.cli.progress import LiveProgress, Screen, clock_text, display_for
from clusterctl.cli.progress_lines import JsonLines, Listener, PlainLines, Silence
from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import Event
from clusterctl.model.step import PullImage
from tests.cli.scenes import a_deploy, a_reboot, begins, ends, planned

Timed = tuple[float, Event]


def a_console(width: int = 80, height: int = 24, *, terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=terminal,
        color_system=None,
        legacy_windows=False,
    )


def shown(events: Iterable[Timed], now_s: float, width: int = 80, height: int = 24) -> list[str]:
    board = Board()
    for when_s, event in events:
        board = heard(board, event, when_s)
    console = a_console(width, height)
    console.print(Screen(lambda: board, lambda: now_s))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


def test_a_slow_host_is_seen_waiting_for_what_and_since_when() -> None:
    plan = a_deploy()

    lines = shown([(1000, planned(plan)), (1000, ends(plan, 1)), (1002, begins(plan, 2))], 1077)

    assert lines == [
        "  h1  replace 1 of 2   1:15  shop-web-1 to be healthy within 120 s",
        "  ━━━━━━──────────────────  batch 2/4  hosts 0/2  instances 0/2  1:17",
    ]


def test_a_phase_and_the_last_word_of_a_host_are_shown_and_its_time_stands_when_it_has_ended() -> None:
    plan = a_deploy()
    batch = begins(plan, 4)

    lines = shown(
        [
            (1000, planned(plan)),
            (1000, batch),
            (1001, Event("host-start", "", "h2")),
            (1003, Event("host-phase", "writing", "h2")),
            (1004, Event("host-end", "1 done", "h1")),
            (1005, Event("host-end", "disk full", "h3", failed=True)),
        ],
        1021,
        width=120,
    )

    assert lines == [
        "  h2  writing   0:20  generation 8",
        "  h3  failed    0:05  disk full",
        "  h1  done      0:04  1 done",
        "  ━━━━────────────────────  batch 4/4  hosts 0/2  instances 0/2  0:21",
    ]


def test_a_wait_is_shown_with_its_reason_and_the_time_left() -> None:
    plan = a_reboot()
    wait = Event("wait", "waiting 30 s before the next batch", until_s=1040.0)

    lines = shown([(1000, planned(plan)), (1000, begins(plan, 6)), (1010, ends(plan, 6)), (1010, wait)], 1033)

    assert lines[-1] == "  waiting: 30 s before the next batch (0:07 left)"


def test_the_wait_is_over_when_the_next_batch_begins() -> None:
    plan = a_reboot()
    wait = Event("wait", "waiting 30 s before the next batch", until_s=1040.0)

    lines = shown([(1000, planned(plan)), (1010, wait), (1040, begins(plan, 7))], 1040)

    assert not [line for line in lines if "waiting" in line]


def test_a_look_between_batches_is_what_it_waits_for() -> None:
    plan = a_reboot()

    lines = shown([(1000, planned(plan)), (1000, Event("look", "looking before h2 is taken out"))], 1001)

    assert lines[-1] == "  waiting: looking before h2 is taken out"


def test_hosts_and_instances_are_counted_as_they_get_done() -> None:
    plan = a_reboot()
    events = [(1000.0, planned(plan))]
    for number in range(1, 8):
        events += [(1000.0, begins(plan, number)), (1000.0, ends(plan, number))]

    lines = shown(events, 1000)

    assert lines[-1].endswith("batch 7/11  hosts 1/2  instances 1/1  0:00")


def test_a_plan_that_takes_the_fleet_back_begins_its_own_count() -> None:
    plan = a_deploy()
    back = Plan("rollback", "shop", plan.batches[1:2])

    lines = shown(
        [(1000, planned(plan)), (1000, begins(plan, 2)), (1001, ends(plan, 2)), (1005, begins(back, 1))], 1006
    )

    assert lines[-1] == "  ────────────────────────  batch 1/1  0:06"


def test_a_run_that_is_to_stop_says_so_as_long_as_its_batch_goes_on() -> None:
    board = heard(Board(), begins(a_deploy(), 2), 1000)
    console = a_console()

    console.print(Screen(lambda: board, lambda: 1001, lambda: "interrupted"))

    file = console.file
    assert isinstance(file, io.StringIO)
    assert file.getvalue().splitlines()[-1] == (
        "  interrupted: stopping after this batch; Ctrl-C once more to stop at once"
    )


def test_more_hosts_than_lines_leave_out_those_that_are_done() -> None:
    steps = tuple(PullImage(f"h{n:02}", "web:2", "not on the host yet") for n in range(1, 41))
    plan = Plan("apply", "shop", (Batch("pull images", steps),))
    done = [(1001.0, Event("host-end", "1 done", f"h{n:02}")) for n in range(1, 39)]

    lines = shown([(1000, planned(plan)), (1000, begins(plan, 1)), *done], 1002, height=10)

    assert len(lines) == 6
    assert [line.split()[0] for line in lines[:4]] == ["h39", "h40", "h01", "h02"]
    assert lines[4] == "  + 36 more"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    plan = a_reboot()
    word = Event("host-end", "a very long word of the host " * 10, "h1")

    lines = shown([(1000, planned(plan)), (1000, begins(plan, 1)), (1001, word)], 1002, width=width)

    assert max(len(line) for line in lines) <= width
    assert any(line.endswith("…") for line in lines)


def test_what_a_host_says_is_shown_escaped_and_on_one_line() -> None:
    plan = a_deploy()
    word = Event("host-end", "no\x1b]0;title\x07\nway\r", "h1", failed=True)

    lines = shown([(1000, planned(plan)), (1000, begins(plan, 2)), (1001, word)], 1002)

    assert lines[0] == "  h1  failed   0:01  no\\x1b]0;title\\x07\\nway\\x0d"


def test_a_terminal_without_unicode_gets_a_plain_bar() -> None:
    plan = a_deploy()
    board = heard(heard(heard(Board(), planned(plan), 0), begins(plan, 2), 0), ends(plan, 2), 1)
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, "ascii"), width=80, color_system=None)

    console.print(Screen(lambda: board, lambda: 2.0))
    console.file.flush()

    assert raw.getvalue().splitlines()[-1].startswith(b"  ############------------  batch 2/4")


def test_each_batch_leaves_a_line_and_the_display_is_gone_at_the_end() -> None:
    plan = a_deploy()
    console = a_console(terminal=True)
    file = console.file
    assert isinstance(file, io.StringIO)
    times = iter([1000.0] * 3 + [1075.0] * 20)
    live = LiveProgress(lambda: next(times, 1075.0), console)

    for event in (planned(plan), begins(plan, 2), ends(plan, 2), Event("end", "done")):
        live.hear(event)

    text = file.getvalue()
    assert "[2/4] replace 1 of 2: h1: done in 1:15" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is shown again
    assert text.rindex("\x1b[2K") > text.rindex("batch 2/4")  # its last lines are erased


def test_closing_in_the_middle_gives_the_cursor_back_and_what_is_said_after_goes_to_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = a_deploy()
    console = a_console(terminal=True)
    file = console.file
    assert isinstance(file, io.StringIO)
    before = sys.stderr
    live = LiveProgress(lambda: 1000.0, console)
    live.hear(begins(plan, 2))

    live.close()
    live.close()
    say("interrupted")

    assert file.getvalue().rindex("\x1b[?25h") > file.getvalue().rindex("\x1b[?25l")
    assert sys.stderr is before
    assert capsys.readouterr().err == "interrupted\n"


def test_what_is_said_meanwhile_stands_above_the_display() -> None:
    plan = a_deploy()
    console = a_console(terminal=True)
    file = console.file
    assert isinstance(file, io.StringIO)
    live = LiveProgress(lambda: 1000.0, console)
    live.hear(begins(plan, 2))

    say("stopping after the batch under way")
    live.close()

    assert "stopping after the batch under way\n" in file.getvalue()


@pytest.mark.parametrize(
    ("settings", "terminal", "term", "kind"),
    [
        (Settings(), True, "xterm", LiveProgress),
        (Settings(), True, "dumb", PlainLines),
        (Settings(), False, "xterm", PlainLines),
        (Settings(quiet=True), True, "xterm", Silence),
        (Settings(output="json", lines=True), True, "xterm", JsonLines),
    ],
)
def test_the_display_fits_the_terminal_and_the_options(
    settings: Settings, *, terminal: bool, term: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", term)

    assert isinstance(display_for(settings, lambda: 0.0), kind)


def test_a_terminal_that_went_away_does_not_stop_the_work() -> None:
    class Gone(PlainLines):
        def hear(self, event: Event) -> None:
            raise BrokenPipeError(event.text)

    plan = a_deploy()
    listener = Listener(Gone(), lambda: 1000.0)

    listener(begins(plan, 2))
    listener(ends(plan, 2))
    listener.close()

    assert listener.times.hosts_s == {"h1": 0.0}


def test_rich_is_not_imported_before_something_is_drawn() -> None:
    code = "import sys, clusterctl.cli.app, clusterctl.cli.progress; sys.exit('rich' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (75, "1:15"), (3725, "1:02:05"), (-3, "0:00")]
)
def test_seconds_read_as_a_clock(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text
