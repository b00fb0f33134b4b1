"""The composition root: resolves paths, opens the fleet; what verbs work with. Heavy rooms are imported on use."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from clusterctl.cli.console import say
from clusterctl.cli.globals import Settings
from clusterctl.cli.input_files import read_beside, read_file
from clusterctl.cli.layers import NO_LAYERS, LayerOptions
from clusterctl.errors import InputError
from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.service import Project
from clusterctl.model.ssh import ASKED

if TYPE_CHECKING:
    from clusterctl.model.fence import Action, AgentAnswer, FenceDevice
    from clusterctl.model.ssh import SshSettings
    from clusterctl.operations.fencing import Fencing
    from clusterctl.operations.rights import Journal, Lock
    from clusterctl.operations.ssh_fleet import SshFleet
    from clusterctl.parsing.compose.layers import Layers
    from clusterctl.parsing.inventory.file import Reading
    from clusterctl.remote.keys import Credentials
    from clusterctl.remote.secret import Secret
    from clusterctl.remote.target import Target


@dataclass(frozen=True)
class Workspace:
    """What a verb works with: the inventory, the chosen hosts, and the way to them."""

    settings: Settings
    verb: str
    layers: LayerOptions = NO_LAYERS

    @cached_property
    def reading(self) -> Reading:
        """The inventory and its sources, read; raises InputError with every mistake."""
        from clusterctl.cli.outside import outside_of
        from clusterctl.parsing.inventory.file import read_inventory

        path = self.settings.inventory
        found = read_inventory(read_file(path, "inventory"), path, outside_of(path, self.login))
        for note in found.notes if self.settings.verbose else ():
            say(f"note: {note}")
        return found

    def say_notes(self) -> None:
        """Say what of the inventory has no effect; with -v it was said when it was read."""
        for note in () if self.settings.verbose else self.reading.notes:
            say(f"note: {note}")

    @cached_property
    def inventory(self) -> Inventory:
        """The inventory, merged with its sources and the command line; raises InputError with every mistake."""
        return with_ssh_words(self.reading.inventory, self.settings)

    def hosts(self, selector: str | None = None) -> tuple[Host, ...]:
        """Return the hosts a selector names (default: -H, else all), in the inventory's order."""
        from clusterctl.parsing.selector import select

        wanted = self.settings.selector if selector is None else selector
        return self.inventory.hosts if wanted is None else select(wanted, self.inventory)

    @property
    def ignored(self) -> frozenset[str]:
        """The hosts named by --ignore-host; raises InputError for one that is not in the inventory."""
        return frozenset(host.name for name in self.settings.ignore_hosts for host in self.hosts(name))

    @cached_property
    def _files(self) -> dict[str, bytes]:
        return {}

    def read(self, path: str) -> bytes:
        """Return the bytes of a playbook, read once in a run: what was checked is carried out, and it may be a pipe."""
        if path not in self._files:
            self._files[path] = read_file(path, "playbook")
        return self._files[path]

    @cached_property
    def _layers(self) -> Layers:
        """The layers of every playbook of a run, read once, as those are."""
        return self.layers.read(read_file)

    def playbook(self, path: str) -> Project:
        """Return the playbook with its layers, parsed; files that it names are read from its own folder."""
        from clusterctl.parsing.compose.playbook import parse_playbook

        folder = Path(path).parent
        return parse_playbook(
            self.read(path),
            path,
            default_name=Path(path).stem,
            read_file=lambda name: read_beside(folder, name),
            policy=self.inventory.policy,
            layers=self._layers,
        )

    @cached_property
    def fleet(self) -> SshFleet:
        """The hosts behind SSH; keys and known hosts are loaded here, once."""
        from clusterctl.operations.ssh_fleet import SshFleet
        from clusterctl.remote.keys import Keyring

        credentials = Keyring(self._load_credentials, self.inventory.ssh_options)
        if self.settings.verbose:
            for note in credentials.notes:
                say(note)
        holder = f"{self.verb} by {self.login}@{socket.gethostname()} pid {os.getpid()}"
        return SshFleet(
            self.inventory,
            credentials,
            self.login,
            holder,
            self.settings.workers,
            self.fencing.off_if_silent,
            self.settings.failures,
        )

    @cached_property
    def fencing(self) -> Fencing:
        """The fence devices of the inventory; a secret's file is read each time it is needed."""
        from clusterctl.operations.fencing import Fencing

        def read_secret(path: str) -> str:
            return read_file(self.path(path), "secret of a fence device").decode("utf-8", "replace").strip()

        def run_there(device: FenceDevice, action: Action, secrets: Mapping[str, str]) -> AgentAnswer:
            from clusterctl.operations.agent_host import run_agent_there

            return run_agent_there(self.fleet, device, action, secrets)

        return Fencing(self.inventory, read_secret, run_there=run_there)

    @cached_property
    def login(self) -> str:
        """The name of who runs us."""
        return _login_name()

    @cached_property
    def lock(self) -> Lock:
        """The exclusive right to change this cluster."""
        from clusterctl.operations.lock import lock_of

        return lock_of(self.fleet)

    @cached_property
    def journal(self) -> Journal:
        """The book of this run on the operator's disk."""
        from clusterctl.operations.journal import FileJournal

        return FileJournal(state_root(), self.inventory.cluster)

    def _load_credentials(self, ssh: SshSettings) -> Credentials:
        from clusterctl.remote.keys import load_credentials

        agent = os.path.expandvars(ssh.identity_agent)
        return load_credentials(
            [self.path(name) for name in ssh.identity_files],
            [self.path(name) for name in ssh.known_hosts],
            allow_agent=agent != "none",
            certificate_files=[self.path(name) for name in ssh.certificate_files],
            identities_only=ssh.identities_only,
            agent_socket=self.path(agent) if agent not in {"", "none"} else "",
            password=self._password(ssh.password_file, "password of the login"),
            sudo_password=self._password(ssh.sudo_password_file, "password for sudo"),
            may_miss=self.verb == "hosts trust",
        )

    def target(self, host: Host) -> Target:
        """Return where a host is, for programs that know nothing of the inventory: all paths are whole."""
        from clusterctl.operations.targets import target_of

        return self._whole(target_of(self.inventory, host, self.login))

    def _whole(self, target: Target) -> Target:
        ssh = target.ssh or self.inventory.ssh
        agent = os.path.expandvars(ssh.identity_agent)
        whole = replace(
            ssh,
            identity_files=tuple(map(self.path, ssh.identity_files)),
            certificate_files=tuple(map(self.path, ssh.certificate_files)),
            known_hosts=tuple(map(self.path, ssh.known_hosts)),
            identity_agent=self.path(agent) if agent not in {"", "none"} else agent,
        )
        return replace(target, ssh=whole, via=self._whole(target.via) if target.via else None)

    def known_hosts_of(self, name: str) -> str:
        """Return the known_hosts file to which the key of a host, or of a jump host, is added."""
        files = self.inventory.ssh_of(name).known_hosts
        return self.path(files[0] if files else "~/.ssh/known_hosts")

    def _password(self, written: str, what: str) -> Secret | None:
        from clusterctl.cli.passwords import password_of

        path = written if written in {"", ASKED} else self.path(written)
        return password_of(path, what, self._passwords, may_ask=self.settings.may_ask)

    @cached_property
    def _passwords(self) -> dict[tuple[str, str], Secret]:
        return {}

    def path(self, written: str) -> str:
        """Return a path of the inventory, whole; raises InputError."""
        try:
            place = Path(written).expanduser()
        except RuntimeError:
            raise InputError(
                f"{written}: this user has no home folder here",
                next_step="write the whole path, or set HOME.",
            ) from None
        return str((Path(self.settings.inventory).absolute().parent / place).resolve())


def with_ssh_words(inventory: Inventory, settings: Settings) -> Inventory:
    """Return the inventory with what the command line says about SSH; raises InputError."""
    if not (settings.ssh_options or settings.ask_pass or settings.ask_sudo_pass):
        return inventory
    from clusterctl.parsing.ssh.option import parse_ssh_options, with_ssh_options

    found = parse_ssh_options(settings.ssh_options)
    if settings.ask_pass:
        found["password_file"] = ASKED
    if settings.ask_sudo_pass:
        found["sudo_password_file"] = ASKED
    return with_ssh_options(inventory, found)


def state_root() -> Path:
    """Return the folder of everything clusterctl keeps on this machine, as `lab.state` does; raises InputError."""
    if own := os.environ.get("CLUSTERCTL_STATE"):
        return Path(own).absolute()
    xdg = os.environ.get("XDG_STATE_HOME")
    try:
        return (Path(xdg) if xdg else Path.home() / ".local" / "state").absolute() / "clusterctl"
    except RuntimeError:
        raise InputError(
            "no folder to keep rounds and runs in: this user has no home folder here",
            next_step="set CLUSTERCTL_STATE to a folder, or HOME. Nothing was contacted.",
        ) from None


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "root"
