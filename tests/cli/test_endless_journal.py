"""Journals that never end: what is held back has a cap, and it is said where it was cut (row 36)."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from clusterctl.cli import wiring
from clusterctl.model.report import CommandResult
from tests.cli.conftest import Desk
from tests.cli.hostile_fleet import HostileConnection, HostileFleet


class EndlessConnection(HostileConnection):
    """Journal lines, 64 KiB at once, and some on stderr, for longer than anybody wants."""

    def run(self, _script: str | bytes, _command: str, _deadline_s: float, _cap: int = 0) -> CommandResult:
        return CommandResult(self.target.host, -1, b"{}\n", b"", truncated=True)

    def stream(
        self,
        _command: str,
        _stdin: str | bytes,
        on_stdout: Callable[[bytes], object],
        on_stderr: Callable[[bytes], object],
        _stop: threading.Event,
        _deadline_s: float | None = None,
    ) -> int:
        line = (
            b'{"__REALTIME_TIMESTAMP": "1", "CONTAINER_NAME": "shop-web-1", "MESSAGE": "'
            + b"x" * 65_000
            + b'"}\n'
        )
        for _ in range(600):
            on_stderr(b"e" * 65_536)
            on_stdout(line)
        return 0


class Endless(HostileFleet):
    """A fleet whose journals never end."""

    connection = EndlessConnection


def test_a_journal_without_end_is_cut_and_said_to_be(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    monkeypatch.setattr(wiring.Workspace, "fleet", property(Endless(desk.cluster, "steps").of))

    logs, events = desk.run("logs", "shop"), desk.run("events")

    assert 100 < logs.out.count("shop-web-1 | xxx") < 2 * 600
    assert logs.err.splitlines()[-2:] == [
        "h1: more than 32 MiB of lines; the newest are left out; --since or -n asks for less",
        "h2: more than 32 MiB of lines; the newest are left out; --since or -n asks for less",
    ]
    assert "h1: its journal is too long: only a part of it is shown; --since asks for less" in events.err
