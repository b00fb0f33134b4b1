"""What a command printed on many hosts: the same output once, or each group against what most hosts printed.

Outputs are compared as bytes and shown a piece at a time: a hostile one is held once, not as several texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from clusterctl.cli.console import print_coloured, print_line, print_stream, say
from clusterctl.model.report import CommandResult

_COLOURS = {"---": 1, "+++": 1, "@@ ": 36}
_SIGNS = {"-": 31, "+": 32}
LONGEST_LINE_BYTES = 64 * 1024
LONGEST_DIFF_BYTES = 256 * 1024
Output = tuple[bytes, bytes]
"""What came on stdout, and on stderr."""
Groups = Mapping[tuple[Output, str], Sequence[str]]
"""Output, and how it ended in words -> the hosts."""


def print_folded(results: Iterable[CommandResult]) -> None:
    """Print every output once, after the hosts that gave it."""
    for (output, ending), names in group(results).items():
        _print_group(output, ending, names)


def print_diff(results: Iterable[CommandResult]) -> None:
    """Print what most hosts printed, and every other output as a unified diff to that; what is too long for it, whole."""
    groups = group(results)
    if not groups:
        return
    (most, _), names = found = max(groups.items(), key=lambda item: len(item[1]))
    _print_group(*found[0], names)
    for key, others in groups.items():
        if key == found[0]:
            continue
        if max(_size(most), _size(key[0])) > LONGEST_DIFF_BYTES:
            say(f"note: {_title(others, '')}: too long to compare (more than 256 KiB); shown whole")
            _print_group(*key, others)
            continue
        for line in diff_lines(
            _text(most), _text(key[0]), _title(names, found[0][1]), _title(others, key[1])
        ):
            print_coloured(line, _COLOURS.get(line[:3], _SIGNS.get(line[:1], 0)))


def diff_lines(most: str, other: str, most_title: str, other_title: str) -> list[str]:
    """Return the unified diff of two outputs; its head also where only the ends differ."""
    from difflib import unified_diff

    lines = unified_diff(most.splitlines(), other.splitlines(), most_title, other_title, lineterm="")
    return list(lines) or [f"--- {most_title}", f"+++ {other_title}"]


def group(results: Iterable[CommandResult]) -> Groups:
    """Return hosts by what they printed and how it ended, the first one first."""
    groups: dict[tuple[Output, str], list[str]] = {}
    for result in results:
        ending = f" (exit {result.exit_code})" if result.exit_code else ""
        ending += " (cut at 10 MiB)" if result.truncated else ""
        groups.setdefault(((result.stdout, result.stderr), ending), []).append(result.host)
    return groups


def _print_group(output: Output, ending: str, names: Sequence[str]) -> None:
    lines = _text(output).splitlines() if _size(output) <= LONGEST_LINE_BYTES else []
    if len(lines) == 1:
        print_line(f"{_title(names, '')}: {lines[0]}{ending}")
        return
    print_line(f"{_title(names, '')}:{ending}")
    print_stream(output, "  ")


def _title(names: Sequence[str], ending: str) -> str:
    from clusterctl.parsing.selector import fold

    return f"{fold(list(names))}{ending}"


def _size(output: Output) -> int:
    return sum(map(len, output))


def _text(output: Output) -> str:
    from clusterctl.remote.text import printable

    return "".join(map(printable, output))
