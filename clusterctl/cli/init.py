"""The verb that begins: init asks little, and writes an inventory and a first playbook. It never overwrites."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.console import ask, print_line, say
from clusterctl.cli.globals import Settings
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, InputError
from clusterctl.model.inventory import Inventory

if TYPE_CHECKING:
    from clusterctl.parsing.outside import Outside

SSH_CONFIG = "~/.ssh/config"
PLAYBOOK = "site.yaml"
ANSIBLE = (
    "hosts",
    "hosts.ini",
    "hosts.y*ml",
    "inventory",
    "inventory.ini",
    "inventory.yml",
    "inventories/production",
)
MOST_SHOWN = 6

_PLAIN = re.compile(r"[A-Za-z0-9~./_][A-Za-z0-9~./_-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"})

Cluster = Annotated[
    str, typer.Option("--cluster", metavar="NAME", help="Name of the cluster; default is the folder's.")
]
SshConfig = Annotated[
    str,
    typer.Option("--ssh-config", metavar="FILE", help="Take hosts from this ssh_config, and ask nothing."),
]
Ansible = Annotated[
    str,
    typer.Option(
        "--ansible", metavar="FILE", help="Take hosts from this Ansible inventory, and ask nothing."
    ),
]
Vagrant = Annotated[
    str,
    typer.Option(
        "--vagrant",
        metavar="FOLDER",
        help="Take the machines of the Vagrantfile in this folder, and ask nothing.",
    ),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        metavar="NAME[=ADDRESS]",
        help="A host, both with ranges such as web[1-3]; may be given again.",
    ),
]
NAME_THEM = "name them: clusterctl init --host 'web[1-3]=192.0.2.[11-13]'"
Only = Annotated[
    str,
    typer.Option(
        "--only", metavar="SELECTOR", help="Only these hosts of the ssh_config or the Ansible inventory."
    ),
]
User = Annotated[
    str,
    typer.Option(
        "--user", metavar="NAME", help="Who logs in; default is what the sources say, or your name."
    ),
]


@dataclass(frozen=True, slots=True)
class Source:
    """A source as it is written: its kind, its path, and the hosts that are taken of it."""

    kind: str
    path: str
    hosts: str = ""


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("init")(init)


def init(
    ctx: typer.Context,
    cluster: Cluster = "",
    ssh_config: SshConfig = "",
    ansible: Ansible = "",
    vagrant: Vagrant = "",
    host: Hosts = None,
    only: Only = "",
    user: User = "",
) -> int:
    """Write an inventory and a first playbook, from what is there: ssh_config, Ansible inventory, Vagrantfile.

    Nothing is contacted, and no file is overwritten. With --dry-run the files are shown.
    """
    from clusterctl.cli.outside import outside_of

    settings: Settings = ctx.obj
    if Path(settings.inventory).exists():
        raise InputError(
            f"{settings.inventory} is there already, and init overwrites nothing",
            next_step=f"clusterctl -i {settings.inventory} inventory show, or init with another -i FILE.",
        )
    given = [("ssh_config", ssh_config), ("ansible", ansible), ("vagrant", vagrant)]
    sources = [Source(kind, path, only if kind != "vagrant" else "") for kind, path in given if path]
    hosts = list(host or ())
    outside = outside_of(settings.inventory, Workspace(settings, "init").login)
    name = cluster or _default_name(settings)
    if not sources and not hosts:
        name, sources, hosts = _find(settings, outside, name, only, asked=bool(cluster))
    text = render_inventory(name, user, sources, hosts)
    inventory = _checked(text, settings, outside)
    _write_all(settings, text, inventory)
    return EXIT_DONE


def _default_name(settings: Settings) -> str:
    from clusterctl.parsing.compose.playbook import normalise_name

    return normalise_name(Path(settings.inventory).absolute().parent.name) or "prod"


def _find(
    settings: Settings, outside: Outside, name: str, only: str, *, asked: bool
) -> tuple[str, list[Source], list[str]]:
    """Ask what to take of what is there; with --yes take it. Raises InputError where there is nothing, or nobody."""
    found = find_sources(outside, only)
    if settings.yes or settings.dry_run:
        if not found:
            raise InputError(
                "no hosts: there is no ssh_config that names any, no Ansible inventory and no Vagrantfile here",
                next_step=NAME_THEM,
            )
        return name, [source for source, _ in found if source.kind == found[0][0].kind][:1], []
    if not settings.may_ask:
        raise InputError(
            "there is nobody to ask what to take",
            next_step="say --yes, or --host, --ssh-config, --ansible, --vagrant.",
        )
    name = name if asked else ask("Name of the cluster", name)
    sources = [chosen for source, names in found if (chosen := _asked(source, names))]
    hosts = [] if sources else ask("Hosts, such as web[1-3]=192.0.2.[11-13]", "").split()
    if not sources and not hosts:
        raise InputError("no hosts were named", next_step=f"{NAME_THEM}. Nothing was written.")
    return name, sources, hosts


def _asked(source: Source, names: Sequence[str]) -> Source | None:
    from clusterctl.parsing.selector import fold

    what = (
        f"{source.path} names {len(names)}: {_shortened(fold(names))}" if names else f"{source.path} is there"
    )
    answer = ask(
        f"{what}. Take hosts from it? y, n, or which (web*,db*)", "y" if source.kind != "ssh_config" else "n"
    )
    if answer.lower() in {"n", "no", ""}:
        return None
    return source if answer.lower() in {"y", "yes"} else Source(source.kind, source.path, answer)


def _shortened(folded: str) -> str:
    parts = folded.split(",")
    return ", ".join(parts[:MOST_SHOWN]) + (", ..." if len(parts) > MOST_SHOWN else "")


def find_sources(outside: Outside, only: str = "") -> list[tuple[Source, tuple[str, ...]]]:
    """Return what could be a source, nearest first, with the hosts it names where reading tells."""
    found: list[tuple[Source, tuple[str, ...]]] = []
    if outside.glob("Vagrantfile"):
        found.append((Source("vagrant", "."), ()))
    for pattern in ANSIBLE:
        for path in outside.glob(pattern)[:1]:
            program = outside.is_program(path)  # not run before somebody wants it
            names = () if program else _names_of(Source("ansible", path), outside)
            if names or program:
                found.append((Source("ansible", path, only), names))
    names, fleet = _ssh_names(outside)
    if names:
        found.append((Source("ssh_config", SSH_CONFIG, only or fleet), names))
    return found


def _names_of(source: Source, outside: Outside) -> tuple[str, ...]:
    """Return the hosts that an Ansible inventory describes; none where it has mistakes."""
    found = _read_quietly(source, outside)
    return found.names if found else ()


def _ssh_names(outside: Outside) -> tuple[tuple[str, ...], str]:
    """Return the hosts that your ssh_config names, and a selector without those where one logs in as git."""
    from clusterctl.parsing.ssh.config import read_ssh_config
    from clusterctl.parsing.ssh.options import Evaluator
    from clusterctl.parsing.yaml import Log

    try:
        text = outside.read(SSH_CONFIG).decode("utf-8", "replace")
    except OSError:
        return (), ""
    config = read_ssh_config(text, Log(SSH_CONFIG), outside)
    evaluator = Evaluator(config, outside, lambda _: False)
    forges = [name for name in config.names if evaluator.options(name).word("user") == "git"]
    return tuple(config.names), "".join(["all", *(f"!{name}" for name in forges)]) if forges else ""


def _read_quietly(source: Source, outside: Outside) -> Inventory | None:
    """Return what a source alone describes; nothing where it has mistakes."""
    from clusterctl.parsing.inventory.file import parse_inventory

    try:
        return parse_inventory(render_inventory("x", "", [source], []), "inventory.yaml", outside)
    except InputError:
        return None


def _checked(text: str, settings: Settings, outside: Outside) -> Inventory:
    """Return the inventory that is about to be written; raises InputError with what its sources have wrong."""
    from clusterctl.parsing.inventory.file import read_inventory

    try:
        reading = read_inventory(text, settings.inventory, outside)
    except InputError as error:
        raise InputError(
            error.message,
            mistakes=error.mistakes,
            details=error.details,
            next_step="mend them, or take fewer hosts with --only. Nothing was written.",
        ) from None
    for note in reading.notes:
        say(f"note: {note}")
    return reading.inventory


def render_inventory(cluster: str, user: str, sources: Sequence[Source], hosts: Sequence[str]) -> str:
    """Return the text of an inventory."""
    lines = [
        "# What there is to say: clusterctl inventory schema, and docs/inventory.md. clusterctl validate checks it.",
        f"cluster: {_yaml(cluster)}",
    ]
    if user:
        lines += ["ssh:", f"  user: {_yaml(user)}"]
    if sources:
        lines.append("sources:")
    for source in sources:
        lines.append(f"  - {source.kind}: {_yaml(source.path)}")
        lines += [f"    hosts: {_yaml(source.hosts)}"] if source.hosts else []
    if hosts:
        lines.append("hosts:")
    for host in hosts:
        name, _, address = host.partition("=")
        lines.append(f"  {_yaml(name)}:{f' {{address: {json.dumps(address)}}}' if address else ''}")
    return "\n".join(lines) + "\n"


def render_playbook(hosts: int) -> str:
    """Return the text of a first playbook."""
    return f"""# A Compose file. clusterctl plan {PLAYBOOK} shows what would change, clusterctl apply {PLAYBOOK} does it.
services:
  hello:
    image: nginx:1.27
    ports: ["8080:80"]
    healthcheck: {{test: curl -fsS http://127.0.0.1/, interval: 2s, timeout: 2s, retries: 5}}
    deploy:
      replicas: {max(1, min(3, hosts))}
"""


def _yaml(text: str) -> str:
    """Return text as YAML has it: plain where it is harmless, else in quotes."""
    return (
        text
        if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text[0].isdigit()
        else json.dumps(text)
    )


def _write_all(settings: Settings, text: str, inventory: Inventory) -> None:
    playbook = Path(settings.inventory).parent / PLAYBOOK
    runners = [host for host in inventory.hosts if not host.witness]
    files = [(Path(settings.inventory), text), (playbook, render_playbook(len(runners)))]
    for path, content in files:
        if settings.dry_run:
            print_line(f"# {path}")
            for line in content.splitlines():
                print_line(line)
        elif _write(path, content):
            print_line(f"wrote {path}")
        else:
            print_line(f"kept {path}: it was there")
    if not settings.dry_run:
        many = "1 host" if len(inventory.hosts) == 1 else f"{len(inventory.hosts)} hosts"
        print_line(f"{inventory.cluster}: {many}. Next:")
        where = "" if settings.inventory == "inventory.yaml" else f" -i {settings.inventory}"
        for line in ("hosts trust", "hosts", f"plan {playbook}", f"apply {playbook}"):
            print_line(f"  clusterctl{where} {line}")


def _write(path: Path, text: str) -> bool:
    """Write a new file and return true; false where there is one. Raises InputError where it cannot be written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}", next_step="check the folder."
        ) from None
    return True
