"""lock.sh itself, under real shells: who has the lock, and when it is free again."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.lock import lock_script
from clusterctl.remote.lock_look import HostLock, parse_look_at_lock
from tests.remote.lock_host import NONCE, Holding, moved, once

Hold = Callable[..., Holding]


@pytest.fixture(params=["sh", "bash"])
def shell(request: pytest.FixtureRequest) -> str:
    """Give each shell that is on every Debian; `sh` is dash."""
    return str(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give the folder of a host; its logger writes to journal.txt."""
    logger = tmp_path / "bin/logger"
    logger.parent.mkdir()
    logger.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{tmp_path}/journal.txt\n')
    logger.chmod(0o755)
    return tmp_path


@pytest.fixture
def hold(root: Path, shell: str) -> Iterator[Hold]:
    """Give a way to open sessions; all of them end with the test."""
    opened: list[Holding] = []

    def begin(**options: object) -> Holding:
        opened.append(Holding(root, shell, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield begin
    for holding in opened:
        holding.close()


def holder_file(root: Path) -> Path:
    return root / "run/clusterctl/fleet.holder"


def epoch_file(root: Path) -> Path:
    return root / "etc/clusterctl/epoch"


def seen(root: Path, call: str = "tell", **values: str) -> HostLock | Unreachable:
    done = once(root, call, **values)
    return parse_look_at_lock("h1", CommandResult("h1", done.returncode, done.stdout, done.stderr), NONCE)


def test_the_first_gets_the_lock_and_signs_for_it(hold: Hold, root: Path) -> None:
    first = hold()

    assert first.hear() == "held 0"
    signed = json.loads(holder_file(root).read_text())
    assert abs(signed.pop("since") - time.time()) < 60
    assert signed == {
        "run": "r1",
        "by": "dev@laptop",
        "command": "clusterctl apply shop.yaml",
        "epoch": 0,
        "pid": first.process.pid,
    }
    assert holder_file(root).stat().st_mode & 0o777 == 0o644


def test_the_second_is_told_who_has_it(hold: Hold) -> None:
    hold().hear()

    second = hold(claim='"run":"r2","by":"sre","command":"x"')

    word, now, holder = second.hear().split(" ", 2)
    assert word == "busy"
    assert abs(int(now) - time.time()) < 60
    assert json.loads(holder)["by"] == "dev@laptop"
    second.await_end()


def test_of_ten_that_start_at_once_one_gets_it(hold: Hold) -> None:
    words = [each.hear().split(" ")[0] for each in [hold() for _ in range(10)]]

    assert sorted(words) == ["busy"] * 9 + ["held"]


@pytest.mark.parametrize("end", ["release", "hang up", "kill"])
def test_it_is_free_at_once_after(end: str, hold: Hold, root: Path) -> None:
    first = hold()
    first.hear()
    began = time.monotonic()

    if end == "release":
        assert first.ask("release") == "released"
    elif end == "hang up":
        first.hang_up()
        first.await_end()
    else:
        first.await_listening()
        first.kill()  # the child that waits for a line lives on, and must not keep the lock

    assert hold().hear() == "held 0"
    assert time.monotonic() - began < 20  # of the 28 s that silence would take
    assert json.loads(holder_file(root).read_text())["pid"] != first.process.pid


def test_nothing_is_left_after_a_release(hold: Hold, root: Path) -> None:
    first = hold()
    first.hear()

    first.ask("release")

    first.await_end()
    assert not holder_file(root).exists()


def test_it_is_free_after_silence(hold: Hold, root: Path) -> None:
    began = time.monotonic()
    first = hold(silence_s=1)
    first.hear()

    first.await_end()

    assert time.monotonic() - began >= 1
    assert not holder_file(root).exists()
    assert hold().hear() == "held 0"


def test_a_line_cut_short_keeps_nobody(hold: Hold) -> None:
    first = hold(silence_s=1)
    first.hear()
    assert first.process.stdin
    first.process.stdin.write(b"0 bea")
    first.process.stdin.flush()

    first.await_end()


def test_heartbeats_keep_it(hold: Hold) -> None:
    first = hold(silence_s=3)
    first.hear()

    for _ in range(8):
        first.say("0 beat")
        time.sleep(0.5)

    assert first.ask("prove") == "held 0"


def test_the_epoch_is_written_and_only_ever_raised(hold: Hold, root: Path) -> None:
    first = hold()
    first.hear()

    answers = [first.ask(f"epoch {number}") for number in (7, 7, 6, 8)]

    assert answers == ["raised 7", "refused 7", "refused 7", "raised 8"]
    assert epoch_file(root).read_text() == "8\n"
    assert json.loads(holder_file(root).read_text())["epoch"] == 8
    assert list((root / "etc/clusterctl").iterdir()) == [epoch_file(root)]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ab",
        "ab epoch",
        "ab epoch 0",
        "ab epoch 1;touch pwned",
        "ab epoch 9999999999999999",
        "$(touch pwned) prove",
        "* *",
    ],
)
def test_what_is_no_order_does_nothing(line: str, hold: Hold, root: Path) -> None:
    first = hold()
    first.hear()

    first.say(line)

    assert first.ask("prove") == "held 0"
    assert not epoch_file(root).exists()
    assert not Path("pwned").exists()


def test_the_next_holder_hears_the_epoch(hold: Hold) -> None:
    first = hold()
    first.hear()
    first.ask("epoch 41")
    first.ask("release")

    assert hold().hear() == "held 41"


def test_a_lock_whose_file_was_replaced_is_not_held(hold: Hold, root: Path) -> None:
    first = hold()
    first.hear()
    (root / "run/clusterctl/fleet.lock").unlink()

    second = hold()

    assert second.hear() == "held 0"
    assert first.ask("prove") == "lost"
    assert second.ask("prove") == "held 0"


def test_a_broken_epoch_gives_no_lock(hold: Hold, root: Path) -> None:
    epoch_file(root).parent.mkdir(parents=True)
    epoch_file(root).write_text("many\n")

    assert hold().hear() == f"failed {epoch_file(root)} does not hold a number"
    assert not holder_file(root).exists()


def test_a_look_tells_who_holds_it_and_takes_nothing(hold: Hold, root: Path) -> None:
    first = hold()
    first.hear()
    first.ask("epoch 3")

    found = [seen(root) for _ in range(2)]

    assert isinstance(found[0], HostLock)
    assert found[0].holder
    assert (found[0].holder.by, found[0].holder.epoch, found[0].epoch) == ("dev@laptop", 3, 3)
    assert first.ask("prove") == "held 3"


def test_a_look_before_the_first_lock_finds_nobody(root: Path) -> None:
    assert seen(root) == HostLock("h1", None, 0)
    assert not (root / "run").exists()


def test_a_signature_left_behind_by_a_killed_holder_counts_for_nothing(hold: Hold, root: Path) -> None:
    first = hold()
    first.hear()
    first.kill()

    assert holder_file(root).exists()
    assert seen(root) == HostLock("h1", None, 0)


def test_force_ends_the_holder_raises_the_epoch_and_is_written_down(hold: Hold, root: Path) -> None:
    first = hold()
    first.hear()
    first.ask("epoch 3")

    ended = seen(root, "free", EPOCH="4", WORDS="lock released by force by sre: dev's laptop burnt")

    assert isinstance(ended, HostLock)
    assert ended.holder
    assert (ended.holder.by, ended.epoch) == ("dev@laptop", 4)
    first.await_end()
    assert hold().hear() == "held 4"
    line = (root / "journal.txt").read_text()
    assert line.startswith(
        '-t clusterctl -- lock released by force by sre: dev\'s laptop burnt; it was held by: {"run":"r1",'
    )


def test_force_on_a_free_lock_ends_nobody(root: Path) -> None:
    assert seen(root, "free", EPOCH="4", WORDS="why") == HostLock("h1", None, 4)
    assert (root / "journal.txt").read_text() == "-t clusterctl -- why; nobody held it here\n"


def test_force_kills_no_process_that_does_not_hold_the_lock(hold: Hold, root: Path) -> None:
    first = hold()
    first.hear()
    signed = json.loads(holder_file(root).read_text())
    with subprocess.Popen(["sleep", "30"]) as bystander:
        forged = json.dumps({**signed, "pid": bystander.pid}, separators=(",", ":"))
        holder_file(root).write_text(f"{forged}\n")

        ended = seen(root, "free", EPOCH="4", WORDS="why")

        assert ended == HostLock("h1", None, 4)
        assert bystander.poll() is None
        assert first.ask("prove") == "held 4"
        bystander.kill()


def test_force_never_lowers_an_epoch(hold: Hold, root: Path) -> None:
    first = hold()
    first.hear()
    first.ask("epoch 9")

    ended = seen(root, "free", EPOCH="4", WORDS="why")

    assert isinstance(ended, HostLock)
    assert ended.epoch == 9
    assert "the epoch was not raised" in (root / "journal.txt").read_text()


def test_a_script_cut_on_its_way_does_nothing(root: Path) -> None:
    whole = moved(lock_script("free </dev/null", {"EPOCH": "4", "WORDS": "why"}, NONCE), root)

    for length in range(0, len(whole) - len("free </dev/null\n"), 101):
        subprocess.run(
            ["sh", "-s"], input=whole[:length].encode(), capture_output=True, timeout=60, check=False
        )

    assert not (root / "run").exists()
    assert not (root / "journal.txt").exists()
