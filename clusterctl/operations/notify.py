"""Telling news: to commands of the operator, and to services by apprise; and remembering what was told.

A notification that fails is words and stops nothing; where none arrived, the same is told again in the next run.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import logging
import os
import shlex
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from clusterctl.errors import InputError, JournalError
from clusterctl.operations import state
from clusterctl.planning.notices import Condition, News, Told, find_news, summary_of, text_of
from clusterctl.remote.program import call
from clusterctl.remote.text import printable

FOLDER = "notices"
TIMEOUT_S = 30.0
_FORMAT = 1

Seen = tuple[Sequence[Condition], Collection[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Channels:
    """Where news are sent to. Their words never name a URL: it may hold a secret."""

    commands: tuple[tuple[str, ...], ...] = ()
    urls: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.commands or self.urls)

    def send(self, summary: str, text: str) -> tuple[bool, tuple[str, ...]]:
        """Return whether any of them took it, and what the others say."""
        said = [_run(command, summary, text) for command in self.commands]
        said += [_post(number, url, summary, text) for number, url in enumerate(self.urls, 1)]
        failures = tuple(filter(None, said))
        return len(failures) < len(said), failures


def channels(urls: Sequence[str], commands: Sequence[str]) -> Channels:
    """Return the channels; raises InputError for a command that is none, and where apprise is not installed."""
    if urls and importlib.util.find_spec("apprise") is None:
        raise InputError(
            "--notify needs apprise, which is not installed here",
            next_step="pip install 'clusterctl[notify]', or use --notify-command.",
        )
    return Channels(tuple(_words(command) for command in commands), tuple(urls))


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise InputError(f"--notify-command: {error}: {command!r}") from None
    if not words:
        raise InputError("--notify-command: no command")
    return words


class Notices:
    """What was last told of a cluster from this machine; `root` is the state folder."""

    def __init__(self, root: Path, cluster: str) -> None:
        self._root, self._cluster, self._name = root, cluster, f"{cluster}.json"
        self._path = root / FOLDER / self._name

    def tell(self, seen: Seen, foot: str, now_s: int, to: Channels) -> tuple[str, ...]:
        """Send what is new of what was seen; return what failed. Raises JournalError.

        The file is held meanwhile: two runs at once tell the same once.
        """
        conditions, scope, done = seen
        folder = state.open_folder(self._root, FOLDER)
        try:
            with state.told(self._path, "lock"):
                fcntl.flock(folder, fcntl.LOCK_EX)
            before = self._read(folder)
            news = find_news(before, conditions, scope, done, now_s)
            arrived, failures = self._send(news, foot, to)
            if arrived and news.told != before:
                with state.told(self._path, "write"):
                    state.replace(folder, self._name, _render(news.told))
            return failures
        finally:
            os.close(folder)

    def _send(self, news: News, foot: str, to: Channels) -> tuple[bool, tuple[str, ...]]:
        if not news.lines:
            return True, ()
        lines = tuple(printable(line).replace("\n", " ") for line in news.lines)
        return to.send(summary_of(self._cluster, lines), text_of(lines, foot))

    def _read(self, folder: int) -> dict[str, Told]:
        """Return what was told; nothing where the file is missing or damaged: it is told again then."""
        try:
            with state.told(self._path, "read"):
                document = json.loads(state.read(folder, self._name))
            if document["format"] != _FORMAT:
                return {}
            return {
                str(name): Told(str(each["state"]), int(each["at_s"]))
                for name, each in document["told"].items()
            }
        except (JournalError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {}


def _render(told: Mapping[str, Told]) -> bytes:
    document = {"format": _FORMAT, "told": {name: asdict(each) for name, each in told.items()}}
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _run(command: Sequence[str], summary: str, text: str) -> str:
    """Return why a command did not take the news, or ""."""
    ended = call(command, text, timeout_s=TIMEOUT_S, env={"CLUSTERCTL_SUMMARY": summary})
    if ended.code == 0:
        return ""
    why = f"exit code {ended.code}" if ended.code is not None else ""
    return f"{command[0]}: {': '.join(filter(None, (why, ended.words)))}"


def _post(number: int, url: str, summary: str, text: str) -> str:
    """Return why a service did not take the news, or ""."""
    import apprise

    # What it logs may name the URL.
    logging.getLogger("apprise").addHandler(logging.NullHandler())
    logging.getLogger("apprise").propagate = False
    sent: list[bool] = []

    def work() -> None:
        with contextlib.suppress(Exception):
            service = apprise.Apprise()
            sent.append(bool(service.add(url) and service.notify(body=text, title=summary)))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    return "" if sent == [True] else f"--notify URL {number} of those given did not take it"
