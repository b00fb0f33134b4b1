"""Verbs that run something on hosts and show its output: exec, logs."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clusterctl.cli.console import colour_wanted, print_line, say, show_document
from clusterctl.cli.documents import command_document, unreachable_document
from clusterctl.cli.look import Selector, look
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, EXIT_IDENTITY, InputError
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable

if TYPE_CHECKING:
    from clusterctl.planning.observed import Observed
    from clusterctl.remote.ssh import Connection

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
MAX_TIMEOUT_S = 86_400


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.command("exec", context_settings={"ignore_unknown_options": True})(exec_)
    app.command("logs")(logs)


def exec_(
    ctx: typer.Context,
    selector: Selector,
    command: Annotated[
        list[str], typer.Argument(help="After `--`: words as they are, or one text for the shell.")
    ],
    sudo: Annotated[bool, typer.Option("--sudo", help="Run it as root.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="Seconds for each host; default: ssh.command_timeout.")
    ] = None,
) -> int:
    """Run a command on hosts in parallel; the same output is shown once."""
    from clusterctl.parsing.selector import fold

    workspace = Workspace(ctx.obj, "exec")
    limit_s = workspace.inventory.ssh.command_timeout_s if timeout is None else timeout
    if not 0 < limit_s <= MAX_TIMEOUT_S:
        raise InputError(f"--timeout: expected seconds above 0 and up to {MAX_TIMEOUT_S}, got {limit_s}")
    chosen = workspace.hosts(selector)
    text = command[0] if len(command) == 1 else shlex.join(command)
    answers = workspace.fleet.run(chosen, _command(text, limit_s, as_root=sudo), limit_s + 10)
    results = [answer for answer in answers.values() if isinstance(answer, CommandResult)]
    failed = [answer for answer in answers.values() if isinstance(answer, Unreachable)]
    if ctx.obj.output == "json":
        body = {
            "results": [command_document(result) for result in results],
            "unreachable": [unreachable_document(answer) for answer in failed],
        }
        show_document("Results", body)
    else:
        _print_folded(results, fold)
        for answer in failed:
            say(f"{answer.host}: {answer.rung}: {answer.reason}")
    if any(answer.is_identity for answer in failed):
        return EXIT_IDENTITY
    return EXIT_FAILED if failed or any(result.exit_code for result in results) else EXIT_DONE


def _command(text: str, deadline_s: float, *, as_root: bool) -> Callable[[Connection], CommandResult]:
    from clusterctl.remote.ssh import root_shell

    def work(connection: Connection) -> CommandResult:
        shell = root_shell(connection.target.user) if as_root else "/bin/sh -s"
        return connection.run(f"exec /bin/sh -c {shlex.quote(text)} </dev/null\n", shell, deadline_s)

    return work


def _print_folded(results: list[CommandResult], fold: Callable[[list[str]], str]) -> None:
    groups: dict[tuple[str, int, bool], list[str]] = {}
    for result in results:
        groups.setdefault((_output(result), result.exit_code, result.truncated), []).append(result.host)
    for (output, code, truncated), names in groups.items():
        lines = output.splitlines()
        ending = (f" (exit {code})" if code else "") + (" (cut at 10 MiB)" if truncated else "")
        if len(lines) == 1:
            print_line(f"{fold(names)}: {lines[0]}{ending}")
            continue
        print_line(f"{fold(names)}:{ending}")
        for line in lines:
            print_line(f"  {line}")


def _output(result: CommandResult) -> str:
    from clusterctl.remote.text import printable

    streams = (result.stdout, result.stderr)
    return "".join(printable(stream.decode("utf-8", "backslashreplace")) for stream in streams)


def logs(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A project, a service (shop/web) or an instance (shop-web-2).")],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as lines come.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", help="Last lines of each host.")] = 100,
    since: Annotated[
        str, typer.Option("--since", help="All lines since then, as journalctl takes it: '10 min ago'.")
    ] = "",
) -> int:
    """Show the journal of all instances, merged."""
    from clusterctl.planning.observed import observe_units

    if not 0 <= lines <= 1_000_000:
        raise InputError(f"--lines: expected 0 to 1000000, got {lines}")
    workspace = Workspace(ctx.obj, "logs")
    _, snapshot = look(workspace)
    units = [u for u in observe_units(snapshot, workspace.inventory.cluster) if _matches(u, name)]
    for answer in snapshot.unreachable:
        say(f"{answer.host}: {answer.rung}: {answer.reason}; its logs are missing here")
    if not units:
        raise InputError(f"nothing named {name} runs here", next_step="clusterctl ps shows what does.")
    printer = _Printer([unit.instance.name for unit in units], as_json=ctx.obj.output == "json")
    by_host: dict[str, list[str]] = {}
    for unit in units:
        by_host.setdefault(unit.host, []).append(unit.instance.name)
    scripts = {host: _journal(names, lines, since, follow=follow) for host, names in by_host.items()}
    return _stream(workspace, scripts, printer, follow=follow)


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
    from clusterctl.remote.ssh import root_shell

    stop = threading.Event()

    def work(connection: Connection) -> CommandResult:
        feed = printer.feed(connection.target.host)
        errors = bytearray()
        shell = root_shell(connection.target.user)
        script = scripts[connection.target.host]
        code = connection.stream(shell, script, feed, errors.extend, stop, None if follow else 60.0)
        return CommandResult(connection.target.host, code, b"", bytes(errors[:4096]))

    hosts = [workspace.inventory.host(name) for name in scripts]
    limit_s = float(MAX_TIMEOUT_S) if follow else 90.0
    printer.hold = not follow
    try:
        answers = workspace.fleet.run(hosts, work, limit_s)
    finally:
        stop.set()
    printer.release()
    failed = [answer for answer in answers.values() if isinstance(answer, Unreachable)]
    for answer in failed:
        say(f"{answer.host}: {answer.rung}: {answer.reason}")
    broken = [answer for answer in answers.values() if isinstance(answer, CommandResult) and answer.exit_code]
    for result in broken:
        say(f"{result.host}: journalctl: {_output(result).strip()}")
    return EXIT_FAILED if failed or broken else EXIT_DONE


class _Printer:
    """Journal lines of many hosts, put in order of time where that is possible, one colour an instance."""

    def __init__(self, names: list[str], *, as_json: bool) -> None:
        self._width = max(len(name) for name in names)
        self._colours = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}
        self._as_json = as_json
        self._lock = threading.Lock()
        self._held: list[tuple[int, str, dict[str, Any]]] = []
        self.hold = False

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
        for _, host, entry in sorted(self._held, key=lambda item: item[:2]):
            self._print(host, entry)
        self._held = []

    def _take_line(self, host: str, line: bytes) -> None:
        try:
            entry = json.loads(line)
            when = int(entry["__REALTIME_TIMESTAMP"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        with self._lock:
            if self.hold:
                self._held.append((when, host, entry))
            else:
                self._print(host, entry)

    def _print(self, host: str, entry: dict[str, Any]) -> None:
        from clusterctl.cli.documents import timestamp
        from clusterctl.remote.text import printable

        name = printable(str(entry.get("CONTAINER_NAME") or entry.get("SYSLOG_IDENTIFIER") or "?"))
        message = _message(entry.get("MESSAGE"))
        when = timestamp(int(entry["__REALTIME_TIMESTAMP"]) // 1_000_000)
        if self._as_json:
            print_line(json.dumps({"time": when, "host": host, "instance": name, "message": message}))
            return
        label = f"{name:{self._width}} |"
        colour = self._colours.get(name)
        if colour and colour_wanted():
            label = f"\033[{colour}m{label}\033[0m"
        print_line(f"{label} {printable(message)}")


def _message(value: Any) -> str:
    """Return a journal message; bytes that are no UTF-8 come as a list of numbers."""
    if isinstance(value, list):
        return bytes(byte for byte in value if isinstance(byte, int) and 0 <= byte < 256).decode(
            "utf-8", "backslashreplace"
        )
    return "" if value is None else str(value)
