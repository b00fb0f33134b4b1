"""What a command printed on many hosts: the same output once, or each group against what most hosts printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from clusterctl.cli.console import print_coloured, print_line
from clusterctl.model.report import CommandResult

_COLOURS = {"---": 1, "+++": 1, "@@ ": 36}
_SIGNS = {"-": 31, "+": 32}
Groups = Mapping[tuple[str, str], Sequence[str]]
"""Output, and how it ended in words -> the hosts."""


def print_folded(results: Iterable[CommandResult]) -> None:
    """Print every output once, after the hosts that gave it."""
    for (output, ending), names in group(results).items():
        _print_group(output, ending, names)


def print_diff(results: Iterable[CommandResult]) -> None:
    """Print what most hosts printed, and every other output as a unified diff to that."""
    groups = group(results)
    if not groups:
        return
    (most, _), names = found = max(groups.items(), key=lambda item: len(item[1]))
    _print_group(*found[0], names)
    for key, others in groups.items():
        if key != found[0]:
            for line in diff_lines(most, key[0], _title(names, found[0][1]), _title(others, key[1])):
                print_coloured(line, _COLOURS.get(line[:3], _SIGNS.get(line[:1], 0)))


def diff_lines(most: str, other: str, most_title: str, other_title: str) -> list[str]:
    """Return the unified diff of two outputs; its head also where only the ends differ."""
    from difflib import unified_diff

    lines = unified_diff(most.splitlines(), other.splitlines(), most_title, other_title, lineterm="")
    return list(lines) or [f"--- {most_title}", f"+++ {other_title}"]


def group(results: Iterable[CommandResult]) -> Groups:
    """Return hosts by what they printed and how it ended, the first one first."""
    groups: dict[tuple[str, str], list[str]] = {}
    for result in results:
        ending = f" (exit {result.exit_code})" if result.exit_code else ""
        ending += " (cut at 10 MiB)" if result.truncated else ""
        groups.setdefault((_output(result), ending), []).append(result.host)
    return groups


def _print_group(output: str, ending: str, names: Sequence[str]) -> None:
    lines = output.splitlines()
    if len(lines) == 1:
        print_line(f"{_title(names, '')}: {lines[0]}{ending}")
        return
    print_line(f"{_title(names, '')}:{ending}")
    for line in lines:
        print_line(f"  {line}")


def _title(names: Sequence[str], ending: str) -> str:
    from clusterctl.parsing.selector import fold

    return f"{fold(list(names))}{ending}"


def _output(result: CommandResult) -> str:
    from clusterctl.remote.text import printable

    streams = (result.stdout, result.stderr)
    return "".join(printable(stream.decode("utf-8", "backslashreplace")) for stream in streams)
