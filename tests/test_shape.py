"""The shape of the code: sizes, and doors that only some rooms have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "clusterctl"
FILES = sorted(ROOT.rglob("*.py"))
TEXTS = sorted([*FILES, *ROOT.rglob("*.sh")])
PURE = [path for path in FILES if path.relative_to(ROOT).parts[0] in {"model", "planning", "parsing"}]


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 50
    assert len(PURE) > 30


def test_no_file_passes_500_lines() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in TEXTS}
    large = {name: size for name, size in sizes.items() if size > 250}

    assert max(sizes.values()) <= 500, f"aim at 250, never pass 500: {large}"


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_deciding_opens_asks_and_prints_nothing(path: Path) -> None:
    named = {node.func.id for node in calls(path) if isinstance(node.func, ast.Name)}

    assert not named & {"open", "input", "print", "eval", "exec", "__import__"}


def test_no_shell_is_given_a_string() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in FILES
        for node in calls(path)
        for keyword in node.keywords
        if keyword.arg == "shell"
        and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
    ]

    assert found == []


@pytest.mark.parametrize("word", ["AutoAddPolicy", "WarningPolicy"])
def test_no_unknown_host_key_is_ever_accepted(word: str) -> None:
    """Names in the code, not in what is written about it."""
    found = [
        str(path.relative_to(ROOT))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if word in {getattr(node, "id", ""), getattr(node, "attr", ""), getattr(node, "name", "")}
    ]

    assert found == []
