"""Good files, damaged in a few places: what fuzzing from nothing would take long to come upon."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
_YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
PIECES = (
    *(
        "",
        " ",
        "  ",
        "\t",
        "\n",
        "\n\n",
        "\r",
        "\0",
        "\ufeff",
        "\u0085",
        "\u2028",
        "\uffff",
        "\\ud800",
        '"\\ud800"',
        "\ud800",
    ),
    *(
        ":",
        ": ",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "|",
        ">",
        ">-\n",
        "'",
        '"',
        "#",
        " #",
        "&a ",
        "*a",
        "<<: *a",
        "!",
        "!!str ",
        "!!int ",
    ),
    *(
        "%",
        "$",
        "$$",
        "${",
        "${A}",
        "${A:-b}",
        "${A:?b}",
        "~",
        "null",
        "true",
        "no",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
    ),
    *(
        "0",
        "-1",
        "1e999",
        ".nan",
        ".inf",
        "0x",
        "0o8",
        "1_000",
        "9" * 40,
        "1.5",
        "012",
        "22:22",
        "2026-01-01",
        "1e3",
    ),
    *(
        "web[1-3]",
        "web[1-99999999]",
        "web[",
        "[1-",
        "a" * 300,
        "../x",
        "/",
        "/etc",
        "::1",
        "[::1]",
        "-x",
        "é",
        "\U0001f600",
    ),
    *(
        "10%",
        "1000%",
        "-1%",
        "1h",
        "1h1",
        "99999999999h",
        "1k",
        "1kk",
        "8080:80",
        "0:0",
        "65536:1",
        "a:b:c:d",
    ),
)


@functools.cache
def corpus() -> list[str]:
    """Return the playbooks and inventories of this repository: shipped ones, and those in its documentation."""
    files = [ROOT / "inventory.yaml", *sorted((ROOT / "playbooks").glob("*.yaml"))]
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    blocks = [block for page in pages for block in _YAML.findall(page.read_text("utf-8"))]
    return [*(file.read_text("utf-8") for file in files), *blocks]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Draw a good file with one to four pieces put in, taken out, doubled, or taken from elsewhere."""
    files = corpus()
    text = draw(st.sampled_from(files))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        other = draw(st.sampled_from(files))
        there = draw(st.integers(0, len(other)))
        stranger = other[there : there + draw(st.integers(0, 60))]
        piece = draw(st.sampled_from((*PIECES, text[start:end] * 2, stranger)))
        text = text[:start] + piece + text[end:]
    return text
