"""How long functions and files are: `make shape`. What is asked for is in CONTRIBUTING.md; ruff checks complexity."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
AIM, MOST = 250, 500


def lengths(source: str) -> Iterator[int]:
    """Yield the length in lines of every function of a source, its docstring not counted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            yield (node.end_lineno or 0) - first.lineno + 1


def shape(folder: str) -> str:
    """Return the figures of a folder: functions, their median and p90, and the files that pass the aim."""
    sources = {path: path.read_text("utf-8") for path in sorted((ROOT / folder).rglob("*.py"))}
    found = sorted(length for text in sources.values() for length in lengths(text))
    long = [(len(text.splitlines()), path) for path, text in sources.items()]
    head = (
        f"{folder}: {len(sources)} files, {len(found)} functions: median {statistics.median(found):g} lines, "
        f"p90 {found[len(found) * 9 // 10]}, longest {found[-1]}"
    )
    beyond = [
        f"  {size} lines: {path.relative_to(ROOT)}" for size, path in sorted(long, reverse=True) if size > AIM
    ]
    return "\n".join([head, *beyond])


if __name__ == "__main__":
    print(shape("clusterctl"), shape("tests"), sep="\n")  # noqa: T201 - it is a program
