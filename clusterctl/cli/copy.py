"""The verb cp: files and folders to hosts, or from them, many hosts in parallel."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.console import print_line, say, say_dry_run, show_document
from clusterctl.cli.documents import unreachable_document
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, EXIT_IDENTITY, InputError
from clusterctl.model.snapshot import Unreachable

if TYPE_CHECKING:
    from clusterctl.model.host import Host
    from clusterctl.remote.copy import Copied, Item
    from clusterctl.remote.ssh import Connection

MAX_TIMEOUT_S = 86_400
DEFAULT_TIMEOUT_S = 600.0
# A selector has no slash; a path here that has a colon is written as ./a:b.
_THERE = re.compile(r"(?P<hosts>[^/]+?):(?P<path>.*)", re.DOTALL)


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("cp")(cp)


def cp(
    ctx: typer.Context,
    places: Annotated[
        list[str],
        typer.Argument(metavar="SRC... HOSTS:PATH | HOSTS:PATH DST", help="A path here, or HOSTS:PATH."),
    ],
    sudo: Annotated[bool, typer.Option("--sudo", help="Read or write there as root.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="Seconds for each host, all files together.")
    ] = DEFAULT_TIMEOUT_S,
) -> int:
    """Copy files and folders to hosts, or from hosts into DST/HOST; a file appears whole or not at all."""
    if not 0 < timeout <= MAX_TIMEOUT_S:
        raise InputError(f"--timeout: expected seconds above 0 and up to {MAX_TIMEOUT_S}, got {timeout}")
    if len(places) < 2:
        raise _usage("two places are needed")
    there = [_there(place) for place in places]
    workspace = Workspace(ctx.obj, "cp")
    if there[-1] and not any(there[:-1]):
        return _send(workspace, places[:-1], there[-1], timeout, as_root=sudo)
    if there[0] and len(places) == 2 and not there[1]:
        return _fetch(workspace, there[0], places[1], timeout, as_root=sudo)
    raise _usage("either the last place or the only first one is HOSTS:PATH")


def _there(place: str) -> tuple[str, str] | None:
    """Return selector and path of `HOSTS:PATH`, or None for a path here."""
    found = _THERE.fullmatch(place)
    if not found or place.startswith((".", "/")):
        return None
    path = found["path"]
    if not path.startswith("/") or ".." in path.split("/") or not path.isprintable():
        raise InputError(
            f"{place}: expected a whole path on the hosts, without '..'",
            next_step="such as web1:/etc/motd. Nothing was contacted.",
        )
    return found["hosts"], path


def _send(
    workspace: Workspace, sources: Sequence[str], to: tuple[str, str], limit_s: float, *, as_root: bool
) -> int:
    from clusterctl.remote.copy import list_items, send_items

    chosen, items = workspace.hosts(to[0]), list_items(sources)
    if workspace.settings.dry_run:
        words = f"would send {_counted(items)} to {to[1]} of {_folded(chosen)}"
        say_dry_run(workspace.settings.output, "Copied", words)
        return EXIT_DONE
    work = partial(
        send_items, items=items, to=to[1], deadline_s=limit_s, as_root=as_root, many=len(sources) > 1
    )
    return _run(workspace, chosen, work, limit_s, f"to {to[1]}")


def _fetch(workspace: Workspace, of: tuple[str, str], to: str, limit_s: float, *, as_root: bool) -> int:
    from clusterctl.remote.fetch import Room, fetch

    chosen = workspace.hosts(of[0])
    if workspace.settings.dry_run:
        words = f"would fetch {of[1]} of {_folded(chosen)} into {to}/HOST"
        say_dry_run(workspace.settings.output, "Copied", words)
        return EXIT_DONE
    folders = {host.name: Path(to) / host.name for host in chosen}
    try:
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{to}: cannot be written: {error.strerror}",
            next_step="name a folder that you may write to. Nothing was contacted.",
        ) from None

    room = Room()

    def work(connection: Connection) -> Copied:
        folder = str(folders[connection.target.host])
        return fetch(connection, of[1], folder, limit_s, as_root=as_root, room=room)

    return _run(workspace, chosen, work, limit_s, f"into {to}/HOST")


def _counted(items: Sequence[Item]) -> str:
    files = sum(item.place is not None for item in items)
    return f"{files} {'file' if files == 1 else 'files'}"


def _folded(hosts: Sequence[Host]) -> str:
    from clusterctl.parsing.selector import fold

    return fold([host.name for host in hosts])


def _run(
    workspace: Workspace,
    chosen: Sequence[Host],
    work: Callable[[Connection], Copied],
    limit_s: float,
    where: str,
) -> int:
    def tell(name: str, answer: Copied | Unreachable) -> None:
        if (
            workspace.settings.output == "table"
            and not workspace.settings.quiet
            and not isinstance(answer, Unreachable)
        ):
            more = f" ({answer.left_out} links and the like left out)" if answer.left_out else ""
            print_line(f"{name}: {answer.files} {'file' if answer.files == 1 else 'files'} {where}{more}")

    answers = workspace.fleet.copy(chosen, work, limit_s, tell)
    failed = [answer for answer in answers.values() if isinstance(answer, Unreachable)]
    if workspace.settings.output == "json":
        copied = [
            {"host": name, "files": n.files, "left_out": n.left_out}
            for name, n in answers.items()
            if not isinstance(n, Unreachable)
        ]
        show_document(
            "Copied", {"copied": copied, "unreachable": [unreachable_document(one) for one in failed]}
        )
    for answer in failed:
        say(f"{answer.host}: {answer.rung}: {answer.reason}")
    if any(answer.is_identity for answer in failed):
        return EXIT_IDENTITY
    return EXIT_FAILED if failed else EXIT_DONE


def _usage(problem: str) -> InputError:
    return InputError(
        f"cp: {problem}",
        next_step="clusterctl cp FILE... HOSTS:PATH, or clusterctl cp HOSTS:PATH FOLDER. Nothing was contacted.",
    )
