"""The verb logs: the journals of all instances, merged."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clusterctl.cli.console import print_line, say, show_json_line
from clusterctl.cli.one_look import exit_code, look
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_IDENTITY,
    EXIT_INTERRUPTED,
    ClusterctlError,
    IdentityError,
    InputError,
    RemoteError,
)
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable

if TYPE_CHECKING:
    from clusterctl.planning.observed import Observed
    from clusterctl.remote.ssh import Connection

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
FOLLOW_S = 86_400.0
HELD_BYTES = 32 * 1024 * 1024
LINE_COSTS_BYTES = 160
"""What a line costs in memory beside its bytes."""


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("logs")(logs)


def logs(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A project, a service (shop/web) or an instance (shop-web-2).")],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as lines come.")] = False,
    lines: Annotated[
        int,
        typer.Option("-n", "--lines", metavar="N", help="Last lines of each host, over all its instances."),
    ] = 100,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="TIME",
            help="All lines since then, as journalctl takes it: '10 min ago'. -n does not count then.",
        ),
    ] = "",
) -> int:
    """Show the journal of a project, a service or an instance, merged."""
    from clusterctl.planning.log_notes import log_notes
    from clusterctl.planning.observed import observe_units

    if not 0 <= lines <= 1_000_000:
        raise InputError(f"--lines: expected 0 to 1000000, got {lines}")
    workspace = Workspace(ctx.obj, "logs")
    _, snapshot = look(workspace)
    units = [u for u in observe_units(snapshot, workspace.inventory.cluster) if _matches(u, name)]
    for answer in snapshot.unreachable:
        say(f"{answer.host}: {answer.rung}: {answer.reason}; its logs are missing here")
    if not units:
        raise _nothing(name, exit_code(snapshot))
    for note in log_notes(units):
        say(f"note: {note}")
    printer = _Printer([unit.instance.name for unit in units], as_json=ctx.obj.output == "json")
    by_host: dict[str, list[str]] = {}
    for unit in units:
        by_host.setdefault(unit.host, []).append(unit.instance.name)
    scripts = {host: _journal(names, lines, since, follow=follow) for host, names in by_host.items()}
    code = _stream(workspace, scripts, printer, follow=follow)
    return exit_code(snapshot) or code


def _nothing(name: str, code: int) -> ClusterctlError:
    """Return that there is nothing of the name; where hosts were silent (`code`: of the look), only that it was not seen."""
    step = "clusterctl ps shows what does."
    if code == EXIT_DONE:
        return InputError(f"nothing named {name} runs here", next_step=step)
    refused = IdentityError if code == EXIT_IDENTITY else RemoteError
    return refused(f"nothing named {name} runs on the hosts that answer", next_step=step)


def _matches(unit: Observed, name: str) -> bool:
    header = unit.header
    return name in {header.project, f"{header.project}/{header.service}", header.service, unit.instance.name}


def _journal(names: list[str], lines: int, since: str, *, follow: bool) -> str:
    # With --since, journalctl 252 gives the first N lines, not the last: all of them are asked for.
    words = ["journalctl", "--quiet", "--no-pager", "--output=json", f"--lines={'all' if since else lines}"]
    words += ["--output-fields=CONTAINER_NAME,SYSLOG_IDENTIFIER,MESSAGE"]
    words += [f"--since={since}"] if since else []
    words += ["--follow"] if follow else []
    matches: list[str] = []
    for name in names:
        matches += [
            *(["+"] if matches else []),
            f"CONTAINER_NAME={name}",
            "+",
            f"_SYSTEMD_UNIT=clusterctl-{name}.service",
        ]
    return f"exec {shlex.join([*words, *matches])} </dev/null\n"


def _stream(workspace: Workspace, scripts: dict[str, str], printer: _Printer, *, follow: bool) -> int:
    from clusterctl.remote.channel import Bucket
    from clusterctl.remote.ssh import root_shell
    from clusterctl.remote.text import printable

    stop = threading.Event()

    def work(connection: Connection) -> CommandResult:
        feed = printer.feed(connection.target.host)
        errors = Bucket(4096)
        shell = root_shell(connection.target.user)
        script = scripts[connection.target.host]
        code = connection.stream(shell, script, feed, errors.take, stop, None if follow else 60.0)
        return CommandResult(connection.target.host, code, b"", errors.pour())

    hosts = [workspace.inventory.host(name) for name in scripts]
    limit_s = FOLLOW_S if follow else 90.0
    printer.hold = not follow
    try:
        answers = workspace.fleet.run(hosts, work, limit_s)
    except KeyboardInterrupt:
        if not follow:
            raise
        return EXIT_INTERRUPTED  # how following ends; nothing was begun that could be gone on with
    finally:
        stop.set()
    printer.release()
    for host in sorted(printer.cut):
        say(f"{host}: more than 32 MiB of lines; the newest are left out; --since or -n asks for less")
    failed = [answer for answer in answers.values() if isinstance(answer, Unreachable)]
    for answer in failed:
        say(f"{answer.host}: {answer.rung}: {answer.reason}")
    broken = [answer for answer in answers.values() if isinstance(answer, CommandResult) and answer.exit_code]
    for result in broken:
        say(f"{result.host}: journalctl: {printable(result.stderr).strip()}")
    return EXIT_FAILED if failed or broken else EXIT_DONE


class _Printer:
    """Journal lines of many hosts, put in order of time where that is possible, one colour an instance."""

    def __init__(self, names: list[str], *, as_json: bool) -> None:
        self._width = max(len(name) for name in names)
        self._colours = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}
        self._as_json = as_json
        self._lock = threading.Lock()
        self._held: list[tuple[int, str, bytes]] = []
        self._left_bytes: dict[str, int] = {}
        self.hold = False
        self.cut: set[str] = set()

    def feed(self, host: str) -> Callable[[bytes], None]:
        """Return who takes the bytes of one host."""
        rest = bytearray()

        def take(data: bytes) -> None:
            rest.extend(data)
            *whole, tail = bytes(rest).split(b"\n")
            rest[:] = tail[-1_000_000:]
            for line in whole:
                self._take_line(host, line)

        return take

    def release(self) -> None:
        """Print what was held back, oldest first."""
        for _, host, line in sorted(self._held, key=lambda item: item[:2]):
            self._print(host, json.loads(line))
        self._held = []

    def _take_line(self, host: str, line: bytes) -> None:
        try:
            entry = json.loads(line)
            when = int(entry["__REALTIME_TIMESTAMP"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return
        with self._lock:
            if self.hold:
                self._hold(when, host, line)
            else:
                self._print(host, entry)

    def _hold(self, when: int, host: str, line: bytes) -> None:
        """Keep a line until all have come; of a host no more than HELD_BYTES, the newest come last and are left out."""
        left = self._left_bytes.get(host, HELD_BYTES) - len(line) - LINE_COSTS_BYTES
        if left < 0:
            self.cut.add(host)
        else:
            self._left_bytes[host] = left
            self._held.append((when, host, line))

    def _print(self, host: str, entry: dict[str, Any]) -> None:
        from clusterctl.cli.documents import timestamp
        from clusterctl.planning.events import message_text

        name = str(entry.get("CONTAINER_NAME") or entry.get("SYSLOG_IDENTIFIER") or "?")
        message = message_text(entry.get("MESSAGE"))
        when = timestamp(int(entry["__REALTIME_TIMESTAMP"]) // 1_000_000)
        if self._as_json:
            show_json_line({"time": when, "host": host, "instance": name, "message": message})
        else:
            print_line(message, label=f"{name:{self._width}} |", colour=self._colours.get(name, 0))
