"""One file writes to the terminal, and makes safe what it writes (I10): a new verb cannot do it raw."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "clusterctl"
DOOR = "cli/console.py"
ASKED = {"isatty", "encoding", "flush", "reconfigure"}
"""What may be asked of a stream anywhere: none of it writes."""
KNOWN = {
    "cli/app.py": "its own version; opens streams that the caller closed, and forgets one that nobody reads",
    "cli/deadline.py": "a sentence of ours, from a thread that may not wait for the stream",
    "cli/globals.py": "asks whether somebody sits there",
    "cli/interrupt.py": "a sentence of ours, from a signal handler",
    "cli/progress.py": "hands stderr to rich; Screen makes each line safe (test_hostile_hosts)",
}
WRITERS = {"print", "echo", "secho", "print_exception", "pprint", "print_exc"}


def writes(source: str) -> Iterator[str]:
    """Yield what in a source can reach a terminal."""
    tree = ast.parse(source)
    asked = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ASKED
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) in WRITERS:
            yield f"{node.lineno}: {_called(node.func)}"
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith(("sys.std", "sys.__std")):
            if node.attr.strip("_") in {"stdout", "stderr"} and id(node) not in asked:
                yield f"{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom) and node.module == "sys":
            yield f"{node.lineno}: from sys import"


def _called(func: ast.expr) -> str:
    if isinstance(func, ast.Name):
        return func.id
    return func.attr if isinstance(func, ast.Attribute) else ""


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("print('x')", ["1: print"]),
        ("import typer\ntyper.echo('x')", ["2: echo"]),
        ("import sys\nsys.stdout.write('x')", ["2: sys.stdout"]),
        ("import sys\nout = sys.stderr", ["2: sys.stderr"]),
        ("import sys\nsys.__stdout__.buffer.write(b'x')", ["2: sys.__stdout__"]),
        ("from sys import stdout\nstdout.write('x')", ["1: from sys import"]),
        ("import traceback\ntraceback.print_exc()", ["2: print_exc"]),
        ("import sys\nsys.stdout.isatty()", []),
        ("print_line('x')", []),
    ],
)
def test_what_can_reach_a_terminal_is_found(source: str, found: list[str]) -> None:
    assert list(writes(source)) == found


def test_only_the_door_writes_to_a_stream() -> None:
    found = {
        str(path.relative_to(ROOT)): list(writes(path.read_text("utf-8"))) for path in ROOT.rglob("*.py")
    }

    assert found.pop(DOOR)
    assert {name for name, lines in found.items() if lines} <= set(KNOWN)
