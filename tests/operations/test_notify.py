"""Telling news to real commands and a real web server, and remembering what was told."""

from __future__ import annotations

import json
import shlex
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from clusterctl.errors import InputError
from clusterctl.operations import notify
from clusterctl.operations.notify import Channels, Notices, Seen, channels
from clusterctl.planning.notices import HOST, Condition

LOST: Seen = ([Condition("host h3", "lost", "h3 is lost: no answer")], {HOST}, [])
WELL: Seen = ([Condition("host h3", "", "h3 is well again")], {HOST}, [])


def writes_to(path: Path) -> Channels:
    """Return a channel that appends the summary and its stdin to a file."""
    script = f'{{ echo "$CLUSTERCTL_SUMMARY"; cat; }} >>{shlex.quote(str(path))}'
    return channels([], [f"sh -c {shlex.quote(script)}"])


def test_news_arrive_once_on_stdin_with_a_summary(tmp_path: Path) -> None:
    box, notices = tmp_path / "box", Notices(tmp_path / "state", "prod")

    said = [notices.tell(seen, "foot", 1000, writes_to(box)) for seen in (LOST, LOST, WELL, WELL)]

    assert said == [()] * 4
    assert box.read_text().splitlines() == [
        *("prod: h3 is lost: no answer", "h3 is lost: no answer", "", "foot"),
        *("prod: h3 is well again", "h3 is well again", "", "foot"),
    ]


def test_what_did_not_arrive_is_told_again_and_what_arrived_somewhere_is_not(tmp_path: Path) -> None:
    box, notices = tmp_path / "box", Notices(tmp_path / "state", "prod")
    broken = channels([], ["sh -c 'echo down >&2; exit 7'"])
    both = Channels((*broken.commands, *writes_to(box).commands))

    said = [notices.tell(LOST, "foot", 1000, to) for to in (broken, both, broken)]

    assert said == [("sh: exit code 7: down",), ("sh: exit code 7: down",), ()]
    assert box.read_text().count("h3 is lost") == 2


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": 1}', '{"format": 1, "told": {"host h3": 5}}'])
def test_a_damaged_file_means_that_it_is_told_again(tmp_path: Path, damage: str) -> None:
    box, notices = tmp_path / "box", Notices(tmp_path, "prod")
    notices.tell(LOST, "foot", 1000, writes_to(box))
    (tmp_path / "notices" / "prod.json").write_text(damage)

    notices.tell(LOST, "foot", 1000, writes_to(box))

    assert box.read_text().count("prod: h3 is lost") == 2
    assert json.loads((tmp_path / "notices" / "prod.json").read_text())["told"] == {
        "host h3": {"state": "lost", "at_s": 1000}
    }


def test_two_runs_at_once_tell_it_once(tmp_path: Path) -> None:
    box = tmp_path / "box"
    threads = [
        threading.Thread(target=Notices(tmp_path, "prod").tell, args=(LOST, "foot", 1000, writes_to(box)))
        for _ in range(5)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert box.read_text().count("prod: h3 is lost") == 1


def test_one_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "TIMEOUT_S", 0.3)

    said = Notices(tmp_path, "prod").tell(LOST, "foot", 1000, channels([], ["sleep 60"]))

    assert said == ("sleep: no end within 0.3 s",)


def test_words_of_hosts_arrive_as_one_harmless_line(tmp_path: Path) -> None:
    box = tmp_path / "box"
    evil: Seen = ([Condition("host h3", "lost", "h3\x00\x1b[2J\nSubject: x")], {HOST}, [])

    said = Notices(tmp_path, "prod").tell(evil, "foot", 1000, writes_to(box))

    assert said == ()
    assert box.read_text().splitlines()[1] == "h3\\x00\\x1b[2J Subject: x"


@pytest.mark.parametrize("command", ["", "  ", "sh -c 'open"])
def test_a_command_that_is_none_is_a_mistake(command: str) -> None:
    with pytest.raises(InputError, match="--notify-command"):
        channels([], [command])


def test_without_apprise_it_is_said_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "apprise")

    with pytest.raises(InputError, match="--notify needs apprise, which is not installed here") as error:
        channels(["json://127.0.0.1/"], [])

    assert "clusterctl[notify]" in error.value.next_step


@pytest.fixture
def post() -> Iterator[tuple[int, list[dict[str, str]]]]:
    """Give the port of a web server, and what was posted to it."""
    got: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port, got
        server.shutdown()
        thread.join(timeout=10)


def test_apprise_posts_it_and_a_url_that_does_not_work_is_never_shown(
    tmp_path: Path, post: tuple[int, list[dict[str, str]]]
) -> None:
    port, got = post
    to = channels([f"json://127.0.0.1:{port}/", "json://s3cret@127.0.0.1:1/", "nonsense"], [])

    said = Notices(tmp_path, "prod").tell(LOST, "foot", 1000, to)

    assert said == (
        "--notify URL 2 of those given did not take it",
        "--notify URL 3 of those given did not take it",
    )
    assert [(each["title"], each["message"].splitlines()[0]) for each in got] == [
        ("prod: h3 is lost: no answer", "h3 is lost: no answer")
    ]
