"""The table of verbs: where each one is written, and its one sentence. Here the verbs are sorted for `--help`.

A verb's file is imported when the verb is typed, not before: start-up time is a promise (ADR 0026). How the command
line reads its global options is in `globals`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer

from clusterctl.cli.globals import GlobalsAnywhere
from clusterctl.cli.page import Group, Verb, brief, write_examples

SECTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Services": {
        "plan": ("services", "Show what `apply` would do, and why."),
        "diff": (
            "diff",
            "Show the units on the hosts against what would be written; of environments names only.",
        ),
        "apply": (
            "services",
            "Make the hosts run what the playbook says, and remove what left it; of a plan file exactly that plan, or nothing.",
        ),
        "delete": ("services", "Remove all instances of a project; its volumes stay."),
        "rollback": (
            "services",
            "Take a project back to a generation that the hosts have kept; no playbook is needed.",
        ),
        "scale": ("services", "Run more or fewer instances of services; 0 stops all of them."),
        "restart": (
            "services",
            "Restart all instances of a service, as many at once as its update_config says.",
        ),
        "move": (
            "services",
            "Start an instance on another host, and remove it where it was once it is healthy there.",
        ),
    },
    "Hosts": {
        "cordon": ("maintenance", "Place nothing new on hosts; what runs there stays."),
        "uncordon": ("maintenance", "Let hosts take instances again, after a cordon or a drain."),
        "drain": ("maintenance", "Cordon hosts and move their instances away, replacements first."),
        "reboot": ("maintenance", "Reboot hosts one after the other; their instances move away first."),
        "update": (
            "update",
            "Update the operating system of hosts; an update that breaks a host takes itself back.",
        ),
        "fence": ("fence", "Power of hosts, by their fence devices: status, off, on."),
        "ssh": (
            "ssh",
            "Log in to a host with your own ssh: the user, keys, known hosts and jump hosts of the inventory.",
        ),
        "cp": (
            "copy",
            "Copy files and folders to hosts, or from hosts into DST/HOST; a file appears whole or not at all.",
        ),
        "exec": ("run", "Run a command on hosts in parallel; the same output is shown once."),
        "run": ("maintenance", "Run a playbook's steps over its hosts, group after group."),
    },
    "What is written": {
        "init": (
            "init",
            "Write an inventory and a first playbook, from what is there: ssh_config, Ansible inventory, Vagrantfile.",
        ),
        "inventory": ("inventory", "The inventory, merged with its sources."),
        "playbook": ("inventory", "Playbooks, as editors know them."),
        "validate": (
            "validate",
            "Check the inventory and playbooks, and list every mistake of all of them; nothing is contacted.",
        ),
    },
    "What to look at": {
        "status": (
            "look",
            "Show hosts, services and drift at a glance; exit 1 when something is not as it should be.",
        ),
        "hosts": (
            "look",
            "Show who is there: address, labels, state, docker, load, memory, disk. With `trust`: show their host keys, and add them.",
        ),
        "facts": ("look", "Show everything one look tells of hosts."),
        "ps": ("look", "Show every managed container: host, state, health, since, image, drift."),
        "logs": ("logs", "Show the journal of a project, a service or an instance, merged."),
        "events": (
            "events",
            "Show what was changed, by whom, and what failed: from the journals of all hosts and this machine's audit.",
        ),
        "explain": (
            "explain",
            "Say why an instance is where it is, and for each host why it could be there or not; changes nothing.",
        ),
        "doctor": (
            "doctor",
            "Look at everything once and say what is wrong, each with the command that mends it; changes nothing.",
        ),
        "audit": (
            "audit",
            "Lose each host, and each failure domain, on paper: does everything have a place elsewhere then? (N+1).",
        ),
    },
    "When hosts are lost": {
        "health": (
            "health",
            "Judge each host: healthy, degraded, suspect, lost, ..., and why; nothing is changed on any.",
        ),
        "failover": (
            "failover",
            "Look, and start elsewhere what was on hosts that are lost; remove surplus copies from hosts that are back.",
        ),
        "rebalance": (
            "rebalance",
            "Move a few instances where a rule is broken, a service crowds, or a host is much fuller than the others.",
        ),
        "timer": (
            "timer",
            "Run failover (and health, rebalance) again and again from this machine: install, status, remove.",
        ),
    },
    "Runs": {
        "history": (
            "runs",
            "Show the generations of projects that hosts keep, and the runs, newest first.",
        ),
        "show": (
            "runs",
            "Show one run: who did what, how far it came, and each result if it was done from this machine.",
        ),
        "resume": ("runs", "Go on with a run that was killed, interrupted or stopped, from any machine."),
        "abort": (
            "runs",
            "Take back a run that is not to be finished: its project, or what it has marked on hosts.",
        ),
        "lock": ("lock", "Who holds the right to change the cluster."),
    },
    "Besides": {
        "completion": (
            "completion_verb",
            "Print the script that completes verbs, options, hosts and services in your shell.",
        ),
        "lab": ("lab", "Throw-away clusters of real hosts, for demonstrations and tests."),
    },
}
"""Heading -> verb -> the file in this room whose `register` adds it, and the first sentence of its docstring."""
NAMED: Mapping[str, str] = {
    **dict.fromkeys(
        ("audit", "cp", "diff", "exec", "explain", "facts", "health", "history", "hosts", "ps", "status"), ""
    ),
    **dict.fromkeys(("fence", "lock", "timer"), "status"),
    "inventory": "show",
    "update": "--check",
}
"""The verbs whose documents have names, for `-o name` (`NAMES` in `console`), and the word that makes them so."""
VERBS = {name: row for section in SECTIONS.values() for name, row in section.items()}


class LazyVerbs(Mapping[str, Any]):
    """The verbs by name; each is imported when it is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(name, VERBS[name][0])
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in VERBS

    def __iter__(self) -> Iterator[str]:
        return iter(VERBS)

    def __len__(self) -> int:
        return len(VERBS)


def _command(name: str, file: str) -> Any:
    """Import a file of this room, and return the one of its verbs (or group of verbs) that has this name."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    import_module(f"clusterctl.cli.{file}").register(app)
    app.registered_commands = [info for info in app.registered_commands if info.name == name]
    app.registered_groups = [info for info in app.registered_groups if info.name == name]
    for info in app.registered_commands:
        info.cls = Verb
    for group in app.registered_groups:
        group.cls = Group
        group.subcommand_metavar = "VERB [ARGUMENTS]..."
        for info in group.typer_instance.registered_commands:  # type: ignore[union-attr]  # each has one
            info.cls = Verb
    return typer.main.get_group(app).commands[name]


class Verbs(GlobalsAnywhere):
    """The root of the command line: all verbs under headings, none of them imported before it is used."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": {}})
        self.commands = LazyVerbs()  # type: ignore[assignment]  # nothing writes to it

    def format_commands(self, _: Any, formatter: Any) -> None:
        """Write the list of verbs for `--help`, each with the first half of its sentence."""
        width = max(map(len, VERBS))
        for heading, verbs in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(f"{name:{width}}", brief(summary)) for name, (_, summary) in verbs.items()]
                )

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write how to begin, and the exit codes."""
        write_examples("", (), formatter)
        super().format_epilog(ctx, formatter)
