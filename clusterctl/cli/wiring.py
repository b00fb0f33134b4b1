"""The composition root: reads files, resolves paths, opens the fleet. Heavy rooms are imported on use."""

from __future__ import annotations

import getpass
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from clusterctl.cli.console import say, say_event
from clusterctl.cli.globals import Settings
from clusterctl.errors import InputError, Mistake
from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.report import Event
from clusterctl.model.service import Project

if TYPE_CHECKING:
    from clusterctl.operations.fleet import SshFleet

MAX_FILE_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Workspace:
    """What a verb works with: the inventory, the chosen hosts, and the way to them."""

    settings: Settings
    verb: str

    @cached_property
    def inventory(self) -> Inventory:
        """The inventory, parsed; raises InputError with every mistake."""
        from clusterctl.parsing.inventory import parse_inventory

        return parse_inventory(read_file(self.settings.inventory, "inventory"), self.settings.inventory)

    def hosts(self, selector: str | None = None) -> tuple[Host, ...]:
        """Return the hosts a selector names (default: -H, else all), in the inventory's order."""
        from clusterctl.parsing.selector import select

        wanted = self.settings.selector if selector is None else selector
        return self.inventory.hosts if wanted is None else select(wanted, self.inventory)

    @property
    def ignored(self) -> frozenset[str]:
        """The hosts named by --ignore-host; raises InputError for one that is not in the inventory."""
        return frozenset(host.name for name in self.settings.ignore_hosts for host in self.hosts(name))

    def playbook(self, path: str) -> Project:
        """Return the playbook, parsed; env files are read from its own folder."""
        from clusterctl.parsing.compose import parse_playbook

        folder = Path(path).parent
        return parse_playbook(
            read_file(path, "playbook"),
            path,
            default_name=Path(path).stem,
            read_file=lambda name: _read_beside(folder, name),
            policy=self.inventory.policy,
        )

    @cached_property
    def fleet(self) -> SshFleet:
        """The hosts behind SSH; keys and known hosts are loaded here, once."""
        from clusterctl.operations.fleet import SshFleet
        from clusterctl.remote.keys import load_credentials

        ssh = self.inventory.ssh
        credentials = load_credentials(self._paths(ssh.identity_file), self._paths(ssh.known_hosts))
        if self.settings.verbose:
            for note in credentials.notes:
                say(note)
        user = _login_name()
        holder = f"{self.verb} by {user}@{socket.gethostname()} pid {os.getpid()}"
        return SshFleet(self.inventory, credentials, user, holder, self.settings.workers)

    def _paths(self, written: str) -> tuple[str, ...]:
        if not written:
            return ()
        return (
            str((Path(self.settings.inventory).absolute().parent / Path(written).expanduser()).resolve()),
        )


def read_file(path: str, what: str) -> bytes:
    """Return the bytes of a file; raises InputError that says what to do when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        hint = "give one with -i FILE or CLUSTERCTL_INVENTORY" if what == "inventory" else "check the path"
        message = f"cannot read the {what}: {error.strerror or error}"
        raise InputError(message, mistakes=[Mistake(path, 0, message)], next_step=f"{hint}.") from None
    except ValueError:
        raise InputError(
            f"cannot read the {what}: not a path: {path!r}", next_step="check the path."
        ) from None
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"{path}: larger than 10 MiB")
    return data


def _read_beside(folder: Path, name: str) -> str:
    """Return a file named by a playbook; it must lie in the playbook's folder or below (bad-input row 22)."""
    root = folder.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise PermissionError(f"{name} lies outside the playbook's folder")
    return path.read_text(encoding="utf-8")


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "root"


class Interrupt:
    """The first Ctrl-C lets the batch under way finish, the second ends at once (PROMISES, Journal)."""

    def __init__(self) -> None:
        self._reason = ""

    def arm(self) -> None:
        """From here on a signal waits for the batch under way; before, it ends the verb at once."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    def stopped(self) -> str:
        """Return why to stop before the next batch, or ""."""
        return self._reason

    def _on_signal(self, number: int, _frame: object) -> None:
        if self._reason:
            raise KeyboardInterrupt
        self._reason = "interrupted" if number == signal.SIGINT else "terminated"
        say("stopping after the batch under way; once more to stop at once (hosts finish what they began)")


def listener() -> Callable[[Event], None]:
    """Return who hears of events: the talk on stderr, and in tests a point where the tool is killed.

    CLUSTERCTL_FAILPOINT=N kills this process (SIGKILL) just before batch N, counted from 1.
    """
    wanted = os.environ.get("CLUSTERCTL_FAILPOINT", "")
    failpoint = int(wanted) if wanted.isdecimal() else 0
    seen = 0

    def hear(event: Event) -> None:
        nonlocal seen
        seen += event.kind == "batch"
        if failpoint and event.kind == "batch" and seen == failpoint:
            os.kill(os.getpid(), signal.SIGKILL)
        say_event(event)

    return hear
